//! Dates of certificates (RFC 5280 section 4.1.2.5) as seconds from the Unix epoch on, negative before it.

use asn1::{DateTime, SimpleAsn1Readable, UtcTime, X509GeneralizedTime};

use crate::der::{GENERALIZED_TIME, UTC_TIME};

/// The moment that a Time of this tag names.
pub(crate) fn seconds(tag: u8, text: &[u8]) -> Option<i64> {
    match tag {
        UTC_TIME => UtcTime::parse_data(text).ok().map(|time| from_epoch(time.as_datetime())),
        GENERALIZED_TIME => X509GeneralizedTime::parse_data(text).ok().map(|time| from_epoch(time.as_datetime())),
        _ => None,
    }
}

fn from_epoch(date: &DateTime) -> i64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_before_and_after_the_epoch_are_counted_in_seconds() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "691231235959Z", Some(-1)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "000229120000Z", Some(951_825_600)),
            (GENERALIZED_TIME, "19000301000000Z", Some(-2_203_891_200)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, "20380119031408Z", Some(1 << 31)),
            (UTC_TIME, "010229120000Z", None),
            (GENERALIZED_TIME, "19000229000000Z", None),
            (UTC_TIME, "701301000000Z", None),
            (UTC_TIME, "700001000000Z", None),
            (UTC_TIME, "700100000000Z", None),
            (UTC_TIME, "700101240000Z", None),
            (UTC_TIME, "700101006000Z", None),
            (UTC_TIME, "700101000060Z", None),
            (UTC_TIME, "700101000000", None),
            (UTC_TIME, "700101000000Z0", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "70010100000-Z", None),
            (GENERALIZED_TIME, "700101000000Z", None),
            (2, "700101000000Z", None),
        ] {
            assert_eq!(seconds(tag, text.as_bytes()), expected, "{text}");
        }
    }
}
