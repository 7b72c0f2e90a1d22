//! Dates of certificates (RFC 5280 section 4.1.2.5) as seconds from the Unix epoch on, negative before it.

use crate::der::{GENERALIZED_TIME, UTC_TIME};

/// The moment that a Time of this tag names.
pub(super) fn seconds(tag: u8, text: &[u8]) -> Option<i64> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = number(text, 2)?;
            // Two digits of a year, those from 50 on of the last century.
            (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
        }
        GENERALIZED_TIME => number(text, 4)?,
        _ => return None,
    };
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(rest, 2)?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest, 2)?;
    let (second, rest) = number(rest, 2)?;
    let exists = (1..=12).contains(&month)
        && (1..=days_of(month, year)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && rest == b"Z";
    exists.then(|| ((days_from_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (front, rest) = text.split_at_checked(digits)?;
    let value = front
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))?;
    Some((value, rest))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(month: i64, year: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let leap_days_before = |year: i64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let days_before = |year: i64| year * 365 + leap_days_before(year);
    let in_year: i64 = (1..month).map(|month| days_of(month, year)).sum();
    days_before(year) - days_before(1970) + in_year + day - 1
}

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
