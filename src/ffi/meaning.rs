//! What a number of the header means to the engine.

use crate::outcome::{Failure, Result};

/// One value of an enumeration, from the table of its numbers.
pub(super) fn meaning<T: Copy>(number: i32, values: &[(i32, T)], unknown: &'static str) -> Result<T> {
    let value = values.iter().find(|(known, _)| *known == number);
    value.map(|(_, value)| *value).ok_or_else(|| Failure::argument(unknown))
}

/// Yes or no.
pub(super) fn flag(number: i32) -> Result<bool> {
    meaning(number, &[(0, false), (1, true)], "0 or 1 is needed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::FailureKind;

    #[test]
    fn a_number_without_a_meaning_is_refused() {
        assert_eq!((flag(0), flag(1)), (Ok(false), Ok(true)));
        for number in [-1, 2, i32::MIN, i32::MAX] {
            assert_eq!(flag(number).map_err(|failure| failure.kind), Err(FailureKind::InvalidArgument));
        }
    }
}
