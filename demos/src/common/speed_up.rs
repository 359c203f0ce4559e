//! The speed-up of one run over another: what it means, and whether it can be true.
//!
//! The numbers of cooks, cores and tasks in flight limit the possible speed-up. A larger figure must have
//! another cause, such as other programs, so it is printed with a mark and a sentence.

use std::fmt;

use crate::{cooks, figures::Figures, units};

/// The smallest ratio of two times that is attributed to the cooks. Even without a cause, two runs of one
/// program differ by a few percent, and by more on a busy machine.
const WORTH_MENTIONING: f64 = 1.2;

/// The ratio by which two runs of one program may differ on an idle machine. So a measured gain may be
/// slightly above the possible maximum. A gain is marked only if it exceeds the maximum by more than this
/// ratio.
const NOISE: f64 = 1.05;

/// The mark after a figure that cannot be true.
const MARK: &str = " (?)";

/// What a change of the wall time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Faster,
    Same,
    Slower,
}

impl Change {
    /// Classifies a run that was `speed_up` times as fast as another. The rounded figure is judged, so that a
    /// sentence never contradicts the figure that it contains.
    pub(crate) fn of(speed_up: f64) -> Self {
        if printed(speed_up) >= WORTH_MENTIONING {
            Self::Faster
        } else if printed(speed_up.recip()) >= WORTH_MENTIONING {
            Self::Slower
        } else {
            Self::Same
        }
    }
}

fn printed(factor: f64) -> f64 {
    (factor * 100.0).round() / 100.0
}

/// Describes a change that may be chance, in either direction.
pub(crate) fn may_be_chance(speed_up: f64) -> String {
    let (factor, least) = (units::factor(speed_up), units::factor(WORTH_MENTIONING));
    format!("{factor} x; a gain or loss by a factor below {least} may be chance")
}

/// How many times as fast one run was as another, and the largest factor that can be true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SpeedUp {
    pub(crate) factor: f64,
    pub(crate) most: f64,
}

impl SpeedUp {
    /// Computes how many times as fast `other` was as `first`.
    pub(crate) fn between(first: &Figures, other: &Figures) -> Self {
        Self::on(cooks::cores(), first, other)
    }

    /// Computes the same for a machine with `cores` cores. Two numbers of `other` are divided by those of
    /// `first`: the cooks that have a core (computing can run in parallel), and the most tasks in flight (waits
    /// can overlap). The maximum is the larger quotient.
    fn on(cores: usize, first: &Figures, other: &Figures) -> Self {
        let ratio = |of: &dyn Fn(&Figures) -> usize| of(other) as f64 / of(first).max(1) as f64;
        let hands = ratio(&|figures| figures.cooks.min(cores));
        let in_flight = ratio(&|figures| figures.in_flight_max);
        Self {
            factor: first.wall.as_secs_f64() / other.wall.as_secs_f64(),
            most: hands.max(in_flight).max(1.0),
        }
    }

    /// Returns the same factor with a different maximum, for a caller that knows more than the figures
    /// show.
    pub(crate) fn at_most(self, most: f64) -> Self {
        Self { most, ..self }
    }

    pub(crate) fn change(self) -> Change {
        Change::of(self.factor)
    }

    /// Describes how a run compares with `other`, such as `1.94 x as fast as one cook`.
    pub(crate) fn compared_with(self, other: &str) -> String {
        match self.change() {
            Change::Faster => format!("{self} as fast as {other}"),
            Change::Same => format!("about as fast as {other} ({})", may_be_chance(self.factor)),
            Change::Slower => format!("slower than {other} ({self} as fast)"),
        }
    }

    /// Returns whether this is a gain that exceeds the possible maximum by more than noise.
    ///
    /// Compares the rounded figures, as they are printed.
    pub(crate) fn is_doubtful(self) -> bool {
        self.change() == Change::Faster && printed(self.factor) > printed(self.most * NOISE)
    }

    /// Returns a sentence that explains why the factor cannot be true, if it cannot.
    pub(crate) fn doubt(self) -> Option<String> {
        let most = units::factor(self.most);
        self.is_doubtful().then(|| {
            format!(
                "(?): at most {most} x is possible with the cooks, cores and waits of the two runs; \
                 something else slowed down the slower run."
            )
        })
    }
}

/// Prints the factor. For example, if the maximum is 2, prints 1.94 as `1.94 x`, 2.03 as `2.03 x`, and 3.33
/// as `3.33 x (?)`.
impl fmt::Display for SpeedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_doubtful() { MARK } else { "" };
        f.pad(&format!("{} x{mark}", units::factor(self.factor)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_change_is_judged_as_it_is_printed() {
        for (speed_up, change) in [
            (1.2, Change::Faster),
            (1.196, Change::Faster),
            (1.194, Change::Same),
            (1.0, Change::Same),
            (1.0 / 1.194, Change::Same),
            (1.0 / 1.196, Change::Slower),
        ] {
            assert_eq!(Change::of(speed_up), change, "{speed_up}");
        }
        assert_eq!(
            may_be_chance(1.194),
            "1.19 x; a gain or loss by a factor below 1.20 may be chance"
        );
    }

    fn figures(cooks: usize, wall_ms: u64, in_flight_max: usize) -> Figures {
        Figures {
            cooks,
            wall: Duration::from_millis(wall_ms),
            cpu: None,
            in_flight_max,
            at_once_max: 1,
            busy: vec![Duration::ZERO; cooks],
        }
    }

    #[test]
    fn what_cooks_and_cores_do_not_allow_is_never_printed_without_its_doubt() {
        let text = |cores, cooks, wall| {
            let speed_up = SpeedUp::on(cores, &figures(1, 1000, 8), &figures(cooks, wall, 8));
            assert_eq!(speed_up.is_doubtful(), speed_up.doubt().is_some());
            speed_up.to_string()
        };
        assert_eq!(text(2, 2, 500), "2.00 x");
        assert_eq!(text(2, 2, 300), "3.33 x (?)");
        assert_eq!(text(2, 2, 495), "2.02 x");
        assert_eq!(text(2, 2, 470), "2.13 x (?)");
        // On two cores, four cooks count as two; on eight cores, they count as four.
        assert_eq!(text(2, 4, 300), "3.33 x (?)");
        assert_eq!(text(8, 4, 300), "3.33 x");
        // A change that may be chance is no gain, so it cannot be doubtful.
        assert_eq!(text(1, 2, 900), "1.11 x");
        assert_eq!(text(1, 2, 2000), "0.50 x");
    }

    #[test]
    fn tasks_that_wait_together_may_be_as_many_times_as_fast_as_there_are() {
        let one_by_one = figures(1, 1000, 1);
        for (wall, doubtful) in [(200, false), (180, true)] {
            let speed_up = SpeedUp::on(2, &one_by_one, &figures(1, wall, 5));
            assert_eq!(speed_up.is_doubtful(), doubtful, "{speed_up}");
        }
        let known = SpeedUp::on(2, &one_by_one, &figures(1, 200, 5)).at_most(2.0);
        assert!(known.doubt().unwrap().contains("at most 2.00 x"));
    }
}
