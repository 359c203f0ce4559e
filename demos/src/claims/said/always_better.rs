//! 2. "Parallelism is always better." The same number of tasks that wait, and that
//!    chop, by one cook and by many.

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::{
        judgement::{Answer, GAIN},
        lab::minute,
    },
    matrix, units,
};

/// Tasks of each kind.
const TASKS: u32 = 20;

/// Cooks who were on a processor for less of their work say nothing about gains.
const UNDISTURBED: f64 = 0.8;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    cooks: usize,
    /// How many times as fast many cooks were as one.
    waiting: f64,
    chopping: f64,
    /// Of their work, the share in which the many were on a processor.
    on_processor: Option<f64>,
}

impl Figures {
    /// Whether chopping gained. That it did not says something only if the cooks had cores.
    fn chopping_gained(&self) -> Answer {
        let disturbed = self.on_processor.is_some_and(|share| share < UNDISTURBED);
        match GAIN.ask(self.chopping) {
            Answer::No if disturbed => Answer::Unclear,
            answer => answer,
        }
    }
}

impl Claim for Figures {
    const SAID: &'static str = "Parallelism is always better.";

    fn command(sizes: &Sizes) -> String {
        format!("brigade matrix --minute {}", sizes.matrix)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let cells = matrix::cells(&lab.hire()?, TASKS, minute(lab.sizes.matrix))?;
        lab.note_both(&cells.waiting);
        lab.note_both(&cells.chopping);
        Ok(Self {
            cooks: cells.chopping.many.figures.cooks,
            waiting: cells.waiting.speed_up(),
            chopping: cells.chopping.speed_up(),
            on_processor: cells.chopping.many.on_processor(),
        })
    }

    fn judge(&self) -> Judgement {
        let both = format!(
            "{} were {} x as fast as one at chopping and {} x at waiting",
            units::counted(self.cooks, "cook"),
            units::factor(self.chopping),
            units::factor(self.waiting),
        );
        match (self.chopping_gained(), GAIN.ask(self.waiting)) {
            (Answer::Yes, Answer::Yes) => {
                Judgement::holds(format!("{both}: both gained in this run."))
            }
            (Answer::Yes, Answer::No) => Judgement::does_not_hold(format!(
                "{both}: who waits gains nothing from a second cook."
            )),
            (Answer::No, Answer::No) => {
                Judgement::does_not_hold(format!("{both}: neither gained in this run."))
            }
            (_, Answer::No) | (Answer::No, _) => {
                Judgement::does_not_hold(format!("{both}: not everything gained."))
            }
            _ => Judgement::undecided(format!(
                "{both}: too much to be nothing and too little to be a gain."
            )),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("cooks", "many cooks", self.cooks),
            Fact::factor("chopping_speed_up", "chopping", self.chopping),
            Fact::factor("waiting_speed_up", "waiting", self.waiting),
            Fact::on_processor(self.on_processor),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            cooks: 2,
            waiting: 1.0,
            chopping: 1.95,
            on_processor: Some(1.0),
        };
        let noise = Self {
            waiting: 1.3,
            chopping: 1.3,
            ..usual
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(
                Self {
                    waiting: 1.9,
                    ..usual
                },
                Verdict::Holds,
            )],
            // That cooks without cores gain nothing refutes nothing.
            nothing: vec![
                noise,
                Self {
                    chopping: 1.0,
                    on_processor: Some(0.5),
                    ..noise
                },
            ],
        }
    }
}
