//! 1. "Async code is automatically parallel." The steps of a dinner, all begun
//!    together, by one cook and by many.

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{claims::lab::minute, kitchen, units};

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Of the same asynchronous program with one cook: concurrency, and parallelism.
    in_flight: usize,
    at_once: usize,
    /// And with many.
    cooks: usize,
    at_once_many: usize,
}

impl Claim for Figures {
    const SAID: &'static str = "Async code is automatically parallel.";

    fn command(sizes: &Sizes) -> String {
        format!("brigade kitchen --minute {}", sizes.kitchen)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let dinners = kitchen::three_ways(&lab.hire()?, minute(lab.sizes.kitchen))?;
        anyhow::ensure!(dinners.alike(), "the three dinners are not the same");
        lab.note(&dinners.sequential);
        lab.note_both(&dinners.together);
        let [one, many] = [&dinners.together.one, &dinners.together.many];
        Ok(Self {
            in_flight: one.figures.in_flight_max,
            at_once: one.figures.at_once_max,
            cooks: many.figures.cooks,
            at_once_many: many.figures.at_once_max,
        })
    }

    fn judge(&self) -> Judgement {
        let tasks = units::counted(self.in_flight, "task");
        if self.in_flight < 2 {
            return Judgement::undecided(
                "No two tasks were ever in flight, so none could have run at once.",
            );
        }
        if self.at_once > 1 {
            return Judgement::holds(format!(
                "With one cook only, {} of {tasks} were worked on at one instant.",
                self.at_once
            ));
        }
        Judgement::does_not_hold(format!(
            "One cook had {tasks} in flight and never worked on two at one instant. The same code \
             had up to {} at once with {}: parallelism comes from threads.",
            self.at_once_many,
            units::counted(self.cooks, "cook"),
        ))
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("in_flight_max", "in flight, one cook", self.in_flight),
            Fact::count("at_once_max", "at once, one cook", self.at_once),
            Fact::count("cooks_many", "many cooks", self.cooks),
            Fact::count("at_once_max_many", "at once, many cooks", self.at_once_many),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            in_flight: 3,
            at_once: 1,
            cooks: 2,
            at_once_many: 2,
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(
                Self {
                    at_once: 2,
                    ..usual
                },
                Verdict::Holds,
            )],
            nothing: vec![Self {
                in_flight: 1,
                ..usual
            }],
        }
    }
}
