//! Dates of certificates (RFC 5280 section 4.1.2.5) as seconds from the Unix epoch on, negative before it.

use asn1::{DateTime, Tlv};

use super::structure::Time;

/// The moment that a Time names.
pub(super) fn seconds(time: &Tlv<'_>) -> Option<i64> {
    Some(match time.parse::<Time>().ok()? {
        Time::Utc(time) => from_epoch(time.as_datetime()),
        Time::Generalized(time) => from_epoch(time.as_datetime()),
    })
}

pub(crate) fn from_epoch(date: &DateTime) -> i64 {
    let hours = days_from_epoch(date) * 24 + i64::from(date.hour());
    (hours * 60 + i64::from(date.minute())) * 60 + i64::from(date.second())
}

fn days_from_epoch(date: &DateTime) -> i64 {
    let (year, month) = (i64::from(date.year()), usize::from(date.month()));
    let leap_days_before =
        |year: i64| (year - 1).div_euclid(4) - (year - 1).div_euclid(100) + (year - 1).div_euclid(400);
    let days_before = |year: i64| year * 365 + leap_days_before(year);
    // The parser has checked the date: February has as many days as there are up to it.
    let leap_day = month > 2 && leap_days_before(year + 1) > leap_days_before(year);
    let in_year = DAYS_BEFORE_MONTH.get(month - 1).copied().unwrap_or(0) + i64::from(leap_day);
    days_before(year) - days_before(1970) + in_year + i64::from(date.day()) - 1
}

const DAYS_BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
