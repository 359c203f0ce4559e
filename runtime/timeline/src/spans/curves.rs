//! Computes how a number changes over time.

use std::time::Duration;

/// A number that rises and falls in steps.
#[derive(Default)]
pub(super) struct Curve {
    now: usize,
    steps: Vec<(Duration, usize)>,
}

impl Curve {
    pub(super) fn up(&mut self, at: Duration) {
        self.now += 1;
        self.steps.push((at, self.now));
    }

    pub(super) fn down(&mut self, at: Duration) {
        self.now = self.now.saturating_sub(1);
        self.steps.push((at, self.now));
    }

    pub(super) fn steps(self) -> Vec<(Duration, usize)> {
        self.steps
    }
}

/// Returns how many intervals cover each instant. If one interval ends where another begins, they do not
/// overlap. An interval of length zero covers nothing.
pub(crate) fn cover(
    intervals: impl Iterator<Item = (Duration, Duration)>,
) -> Vec<(Duration, usize)> {
    let whole = intervals.filter(|(from, to)| from < to);
    // At the same instant, ends come before beginnings, because `false` sorts before `true`.
    let mut ends: Vec<(Duration, bool)> = whole
        .flat_map(|(from, to)| [(from, true), (to, false)])
        .collect();
    ends.sort_unstable();
    let mut now = 0;
    let mut steps: Vec<(Duration, usize)> = Vec::new();
    for (at, begins) in ends {
        now = if begins { now + 1 } else { now - 1 };
        match steps.last_mut() {
            Some(last) if last.0 == at => last.1 = now,
            _ => steps.push((at, now)),
        }
    }
    steps
}
