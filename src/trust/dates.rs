//! Dates of certificates (RFC 5280 section 4.1.2.5) as seconds from the Unix epoch on, negative before it.

use asn1::{SimpleAsn1Readable, UtcTime, X509GeneralizedTime};

use crate::certificate::time;
use crate::der::{GENERALIZED_TIME, UTC_TIME};

/// The moment that a Time of this tag names.
pub(super) fn seconds(tag: u8, text: &[u8]) -> Option<i64> {
    match tag {
        UTC_TIME => UtcTime::parse_data(text).ok().map(|time| time::from_epoch(time.as_datetime())),
        GENERALIZED_TIME => X509GeneralizedTime::parse_data(text).ok().map(|time| time::from_epoch(time.as_datetime())),
        _ => None,
    }
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
