//! Numbers in readable form: 2,000 requests, 63.6 MiB, 9 min 12 s.

use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount};

/// Formats 15000 as `15,000`.
pub(crate) fn count(number: usize) -> String {
    HumanCount(number as u64).to_string()
}

/// Formats a number with its noun: `1 request`, `2,000 requests`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// Formats a number with its noun and a verb: `1 request that waits`, `2,000 requests that wait`.
pub(crate) fn counted_that(number: usize, noun: &str, verb: &str) -> String {
    let singular = if number == 1 { "s" } else { "" };
    format!("{} that {verb}{singular}", counted(number, noun))
}

/// Formats bytes in binary units: `1.50 KiB`.
pub(crate) fn bytes(number: u64) -> String {
    BinaryBytes(number).to_string()
}

/// Formats a value with `written`, or returns a dash if the value is unknown.
pub(crate) fn or_dash<T>(known: Option<T>, written: impl Fn(T) -> String) -> String {
    known.map_or_else(|| "-".to_owned(), written)
}

/// Formats a duration to about three digits, in a suitable unit.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (scale, unit, digits) = match seconds {
        ..0.000_999_5 => (1e6, "µs", 0),
        ..0.009_95 => (1e3, "ms", 1),
        ..0.999_5 => (1e3, "ms", 0),
        ..59.995 => (1.0, "s", 2),
        _ => return long(seconds.round() as u64),
    };
    format!("{:.digits$} {unit}", seconds * scale)
}

fn long(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("{minutes} min {rest} s")
    } else {
        format!("{} h {minutes} min", count(hours as usize))
    }
}

/// Formats a ratio as a factor: `1.04`, `17`, `1,050`.
pub(crate) fn factor(ratio: f64) -> String {
    if !ratio.is_finite() {
        "-".to_owned()
    } else if ratio < 9.95 {
        format!("{ratio:.2}")
    } else {
        count(ratio.round() as usize)
    }
}

/// Formats a share in percent. A share below 1 is never printed as 100 %, and a share above 0 never as 0 %.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        small if small > 0.0 && small < 0.5 => "<1 %".to_owned(),
        large if (99.5..100.0).contains(&large) => ">99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas_between_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (15000, "15,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(counted(0, "request"), "0 requests");
        assert_eq!(counted_that(1, "task", "wait"), "1 task that waits");
        assert_eq!(counted_that(2, "task", "wait"), "2 tasks that wait");
    }

    #[test]
    fn bytes_are_in_binary_units() {
        for (number, text) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.50 KiB")] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn durations_take_the_unit_that_suits_them() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_500, "1.5 ms"),
            (512_300, "512 ms"),
            (999_600, "1.00 s"),
            (59_999_000, "1 min 0 s"),
            (552_000_000, "9 min 12 s"),
            (7_260_000_000, "2 h 1 min"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn ratios_and_shares() {
        assert_eq!(factor(1.042), "1.04");
        assert_eq!(factor(1049.7), "1,050");
        assert_eq!(factor(f64::INFINITY), "-");
        assert_eq!(percent(0.583), "58 %");
        assert_eq!(percent(0.99999), ">99 %");
        assert_eq!(percent(0.00001), "<1 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100 %");
    }
}
