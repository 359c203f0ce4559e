//! The duration of a minute in a demo's story. Dinner is ready in about a second, and much sooner in a
//! test.

use std::time::Duration;

/// The shortest minute. A timer set for less is late by more than its own duration.
const SHORTEST: Duration = Duration::from_micros(100);
/// The longest minute, which is a real one.
const LONGEST: Duration = Duration::from_secs(60);

/// The duration of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minute(pub(crate) Duration);

impl Minute {
    /// Returns the duration of `count` minutes.
    pub(crate) fn times(self, count: f64) -> Duration {
        self.0.mul_f64(count)
    }
}

/// Parses a number of milliseconds.
impl std::str::FromStr for Minute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok();
        let time = number.and_then(|number: f64| Duration::try_from_secs_f64(number / 1e3).ok());
        let time = time.filter(|time| (SHORTEST..=LONGEST).contains(time));
        let said = "must be a number of milliseconds from 0.1 to 60,000";
        time.map(Self).ok_or_else(|| said.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_milliseconds() {
        let minute: Minute = "2.5".parse().unwrap();
        assert_eq!(minute.times(4.0), Duration::from_millis(10));
        for wrong in ["", "soon", "0", "-1", "nan", "inf", "1e9", "60000.1"] {
            assert!(wrong.parse::<Minute>().is_err(), "{wrong}");
        }
    }
}
