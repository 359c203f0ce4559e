//! Numbers on the command line: the accepted values, and the message for any other value.
//!
//! Every option that takes a number describes the accepted values in the same words.

use std::{ops::RangeInclusive, time::Duration};

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

/// Describes the accepted numbers, such as `a whole number from 1 to 100`. If the text is not a number, also
/// describes how to write one.
fn wanted(range: &RangeInclusive<u64>, text: &str) -> String {
    let count = |number: &u64| units::count(usize::try_from(*number).unwrap_or(usize::MAX));
    let (least, most) = (count(range.start()), count(range.end()));
    let digits = text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty();
    let how = if digits { "" } else { ", in digits only" };
    format!("a whole number from {least} to {most}{how}")
}

/// The shortest time that `--minute` accepts. A shorter timer would be late by more than its own duration.
const MINUTE_MIN: Duration = Duration::from_micros(100);
/// The longest time that `--minute` accepts: a real minute.
const MINUTE_MAX: Duration = Duration::from_secs(60);

/// Parses the value of `--minute`: the length of a demo's simulated minute, in milliseconds.
pub(crate) fn minute(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok();
    let time = number.and_then(|number: f64| Duration::try_from_secs_f64(number / 1e3).ok());
    let time = time.filter(|time| (MINUTE_MIN..=MINUTE_MAX).contains(time));
    time.ok_or_else(|| "must be a number of milliseconds from 0.1 to 60,000".to_owned())
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

    #[test]
    fn minutes_are_milliseconds() {
        assert_eq!(minute("2.5").unwrap(), Duration::from_micros(2500));
        for wrong in ["", "soon", "0", "-1", "nan", "inf", "1e9", "60000.1"] {
            assert!(minute(wrong).is_err(), "{wrong}");
        }
    }
}
