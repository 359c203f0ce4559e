//! 2. "Parallelism is always better." The same number of tasks that wait, and that
//!    chop, by one cook and by many.

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::{
        judgement::{Answer, gained},
        lab::minute,
    },
    matrix,
    speed_up::SpeedUp,
    units,
};

/// Tasks of each kind.
const TASKS: u32 = 20;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    cooks: usize,
    /// How many times as fast many cooks were as one.
    waiting: SpeedUp,
    chopping: SpeedUp,
    /// Of their work, the share in which the many were on a processor.
    on_processor: Option<f64>,
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
            "{} were {} as fast as one at chopping and {} at waiting",
            units::counted(self.cooks, "cook"),
            self.chopping,
            self.waiting,
        );
        let chopping = gained(self.chopping, self.on_processor);
        match (chopping, gained(self.waiting, None)) {
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
            Fact::speed_up("chopping_speed_up", "chopping", self.chopping),
            Fact::speed_up("waiting_speed_up", "waiting", self.waiting),
            Fact::on_processor(self.on_processor),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let times = |factor| SpeedUp { factor, most: 2.0 };
        let usual = Self {
            cooks: 2,
            waiting: times(1.0),
            chopping: times(1.95),
            on_processor: Some(1.0),
        };
        let noise = Self {
            waiting: times(1.3),
            chopping: times(1.3),
            ..usual
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(
                Self {
                    waiting: times(1.9),
                    ..usual
                },
                Verdict::Holds,
            )],
            // That cooks without cores gain nothing refutes nothing.
            nothing: vec![
                noise,
                Self {
                    chopping: times(1.0),
                    on_processor: Some(0.5),
                    ..noise
                },
                // Nor does a gain that two cooks cannot have, beside waiting that is noise.
                Self {
                    chopping: times(3.33),
                    ..noise
                },
            ],
        }
    }
}
