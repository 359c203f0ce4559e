//! Time in the drawings: the window that is drawn, the position of an instant in it, and ticks at round
//! numbers.

/// An instant or a length of time, in nanoseconds. The maximum is 584 years.
pub(super) type Nanos = u64;

/// The span of time that is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) begin: Nanos,
    pub(super) end: Nanos,
}

impl Window {
    /// Returns the length of the window, which is never zero, so that it can be a divisor.
    pub(super) fn length(self) -> Nanos {
        self.end.saturating_sub(self.begin).max(1)
    }

    /// Returns the position of `at` in the window, from 0 to 1.
    pub(super) fn place(self, at: Nanos) -> f64 {
        (at.saturating_sub(self.begin) as f64 / self.length() as f64).min(1.0)
    }

    /// Divides the window into `bins` equal parts. For each part, returns the share of the part that the
    /// intervals fill. Two intervals that both fill a part completely add up to 2.
    ///
    /// Takes time proportional to the number of intervals plus the number of bins. For an interval that fills
    /// several parts completely, `steps` records only the first of these parts and the part after the last.
    pub(super) fn fill(
        self,
        bins: usize,
        intervals: impl IntoIterator<Item = (Nanos, Nanos)>,
    ) -> Vec<f64> {
        let bins = bins.max(1);
        let mut parts = vec![0.0; bins];
        // For each part: the number of intervals that fill it completely, minus the number of intervals that
        // fill the previous part completely.
        let mut steps = vec![0i64; bins + 1];
        for (from, to) in intervals {
            let (from, to) = (self.place(from) * bins as f64, self.place(to) * bins as f64);
            let (first, last) = ((from as usize).min(bins - 1), (to as usize).min(bins - 1));
            if first >= last {
                parts[first] += (to - from).max(0.0);
            } else {
                parts[first] += (first + 1) as f64 - from;
                parts[last] += to - last as f64;
                steps[first + 1] += 1;
                steps[last] -= 1;
            }
        }
        let mut whole = 0;
        for (part, step) in parts.iter_mut().zip(steps) {
            whole += step;
            *part += whole as f64;
        }
        parts
    }

    /// Returns at most `most` ticks, at round times since the beginning of the window.
    pub(super) fn ticks(self, most: usize) -> Vec<Tick> {
        let (length, step) = (self.length(), self.step(most));
        (0..=length / step)
            .map(|n| Tick {
                place: (n * step) as f64 / length as f64,
                label: label(n * step, step),
            })
            .collect()
    }

    /// Returns the distance between the [`ticks`](Self::ticks).
    pub(super) fn step(self, most: usize) -> Nanos {
        let length = self.length();
        let room = most.max(2) as Nanos - 1;
        let fits = STEPS.into_iter().find(|step| length / step <= room);
        fits.unwrap_or_else(|| (length / room / DAY + 1).saturating_mul(DAY))
    }
}

/// A mark on the axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Its position, from 0 to 1.
    pub(super) place: f64,
    /// Its label, for example `0`, `5 ms`, `1:30 min`.
    pub(super) label: String,
}

const MICRO: Nanos = 1_000;
const MILLI: Nanos = 1_000 * MICRO;
const SECOND: Nanos = 1_000 * MILLI;
const MINUTE: Nanos = 60 * SECOND;
const HOUR: Nanos = 60 * MINUTE;
const DAY: Nanos = 24 * HOUR;

/// The possible distances between two ticks. All of them are round numbers.
const STEPS: [Nanos; 46] = {
    let mut steps = [0; 46];
    let mut at = 0;
    let mut power = 1;
    // Distances from 1 ns to 20 s: 1, 2 or 5 times a power of ten.
    while at < 32 {
        steps[at] = power * [1, 2, 5][at % 3];
        if at % 3 == 2 {
            power *= 10;
        }
        at += 1;
    }
    // Longer distances, in minutes, hours and days.
    let coarse = [
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        20 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
    ];
    while at < 46 {
        steps[at] = coarse[at - 32];
        at += 1;
    }
    steps
};

/// Returns the label of a tick, in the unit of its step.
fn label(at: Nanos, step: Nanos) -> String {
    let (unit, name) = match step {
        _ if at == 0 => return "0".to_owned(),
        0..MICRO => (1, "ns"),
        MICRO..MILLI => (MICRO, "µs"),
        MILLI..SECOND => (MILLI, "ms"),
        SECOND..MINUTE if at < MINUTE => (SECOND, "s"),
        SECOND..MINUTE => {
            let (minutes, seconds) = (at / MINUTE, at % MINUTE / SECOND);
            return format!("{minutes}:{seconds:02} min");
        }
        MINUTE..HOUR if at < HOUR => (MINUTE, "min"),
        MINUTE..HOUR => return format!("{}:{:02} h", at / HOUR, at % HOUR / MINUTE),
        HOUR..DAY => (HOUR, "h"),
        _ => (DAY, "d"),
    };
    format!("{} {name}", at / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(end: Nanos, most: usize) -> Vec<String> {
        let window = Window { begin: 0, end };
        window
            .ticks(most)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn ticks_fall_on_round_numbers_in_one_unit() {
        assert_eq!(
            labels(21 * MILLI, 6),
            ["0", "5 ms", "10 ms", "15 ms", "20 ms"]
        );
        assert_eq!(labels(950 * MICRO, 3), ["0", "500 µs"]);
        assert_eq!(
            labels(95 * SECOND, 4),
            ["0", "30 s", "1:00 min", "1:30 min"]
        );
        assert_eq!(
            labels(100 * MINUTE, 6),
            ["0", "20 min", "40 min", "1:00 h", "1:20 h", "1:40 h"]
        );
        assert_eq!(labels(0, 6), ["0", "1 ns"]);
    }

    #[test]
    fn there_are_never_more_ticks_than_asked_for() {
        for end in (0..64).map(|power| u64::MAX >> power) {
            for most in 2..12 {
                let ticks = Window { begin: 0, end }.ticks(most);
                assert!((1..=most).contains(&ticks.len()), "{end}: {ticks:?}");
                assert!(
                    ticks.iter().all(|tick| tick.place <= 1.0),
                    "{end}: {ticks:?}"
                );
            }
        }
    }

    #[test]
    fn filling_keeps_the_total() {
        let window = Window {
            begin: 100,
            end: 200,
        };
        assert_eq!(window.fill(4, [(100, 200)]), [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(
            window.fill(4, [(100, 150), (125, 200)]),
            [1.0, 2.0, 1.0, 1.0]
        );
        assert_eq!(window.fill(2, [(110, 135), (125, 175)]), [1.0, 0.5]);
        assert_eq!(
            window.fill(2, [(200, 200), (0, 50), (300, 400)]),
            [0.0, 0.0]
        );
        let total: f64 = window.fill(7, [(103, 177)]).iter().sum();
        assert!((total - 7.0 * 0.74).abs() < 1e-9);
    }
}
