//! Numbers on the command line: the accepted values, and the message for any other value.
//!
//! Every option that takes a number describes the accepted values in the same words.

use std::ops::RangeInclusive;

use crate::units;

/// Returns the `value_parser` of an option that takes a whole number within `range`.
pub(crate) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| format!("must be {}", wanted(&range, text)))
    }
}

/// Describes the accepted numbers, such as `a whole number from 1 to 100`, and how to write a number if
/// the text is not one.
fn wanted(range: &RangeInclusive<u64>, text: &str) -> String {
    let count = |number: &u64| units::count(usize::try_from(*number).unwrap_or(usize::MAX));
    let (least, most) = (count(range.start()), count(range.end()));
    let digits = text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty();
    let how = if digits { "" } else { ", in digits only" };
    format!("a whole number from {least} to {most}{how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_range_is_taken_and_nothing_else() {
        let parts = whole::<u32>(1..=100);
        assert_eq!((parts("1"), parts("100")), (Ok(1), Ok(100)));
        for wrong in ["0", "101", "99999999999999999999"] {
            let said = parts(wrong).unwrap_err();
            assert_eq!(said, "must be a whole number from 1 to 100");
        }
        for wrong in ["", "five", "-1", "1.5", "1,000", " 1"] {
            let said = parts(wrong).unwrap_err();
            assert!(said.ends_with("from 1 to 100, in digits only"), "{wrong}");
        }
    }

    #[test]
    fn what_does_not_fit_its_type_is_refused() {
        assert!(whole::<u8>(0..=u64::MAX)("256").is_err());
    }
}
