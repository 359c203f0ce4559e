//! 14. "My code runs uninterrupted from its first line to its last." One task, in its
//!     own frame, in its thread's, and in the system's.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::units;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Its lines, which it ran in order.
    lines: usize,
    polls: usize,
    /// Polls of other tasks between its first and its last.
    others: usize,
    /// How often the system took the core away within its polls.
    interrupted: Option<usize>,
    /// How long its polls were, and how much of that it was on a core.
    in_polls: Option<Duration>,
    on_a_core: Option<Duration>,
}

impl Claim for Figures {
    const SAID: &'static str = "My code runs uninterrupted from its first line to its last.";

    fn command(sizes: &Sizes) -> String {
        reference_command(sizes)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let frames = &lab.reference()?.output;
        anyhow::ensure!(frames.sums_are_right, "a sum came out wrong");
        let in_polls = frames.in_polls;
        Ok(Self {
            lines: frames.lines.len(),
            polls: frames.on_thread.polls as usize,
            others: frames.on_thread.others,
            interrupted: in_polls.map(|polls| polls.used.involuntary as usize),
            in_polls: in_polls.map(|polls| polls.wall),
            on_a_core: in_polls.map(|polls| polls.used.cpu),
        })
    }

    fn judge(&self) -> Judgement {
        let mut said = format!(
            "Between its {} lines, which it ran in order, its thread turned to others {} times",
            self.lines,
            units::count(self.others)
        );
        if let (Some(times), Some(wall), Some(cpu)) =
            (self.interrupted, self.in_polls, self.on_a_core)
        {
            said.push_str(&format!(
                "; the system took its core away {} times and let it have one for {} of {}",
                units::count(times),
                units::duration(cpu),
                units::duration(wall)
            ));
        }
        match (self.others, self.interrupted) {
            (0, Some(0)) => Judgement::holds(format!("{said}.")),
            (0, None) => Judgement::undecided(format!(
                "{said}, and this system does not say how often it took the core away."
            )),
            _ => Judgement::does_not_hold(format!("{said}.")),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("lines", "lines", self.lines),
            Fact::count("polls", "polls", self.polls),
            Fact::count("others_polls", "polls of others", self.others),
            Fact::known(
                "interrupted",
                "core taken away",
                self.interrupted,
                Fact::count,
            ),
            Fact::known("in_polls_s", "in polls", self.in_polls, Fact::time),
            Fact::known("on_a_core_s", "on a core", self.on_a_core, Fact::time),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            lines: 4,
            polls: 8,
            others: 900,
            interrupted: Some(120),
            in_polls: Some(Duration::from_secs(4)),
            on_a_core: Some(Duration::from_secs(2)),
        };
        let alone = Self {
            others: 0,
            interrupted: Some(0),
            ..usual
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(alone, Verdict::Holds)],
            nothing: vec![Self {
                interrupted: None,
                ..alone
            }],
        }
    }
}

/// The command behind both claims about frames of reference.
pub(super) fn reference_command(sizes: &Sizes) -> String {
    format!(
        "brigade reference --cooks 1 --millions {}",
        sizes.reference.millions
    )
}
