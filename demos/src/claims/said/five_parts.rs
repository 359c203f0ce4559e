//! 5. "A job cut in five runs five times as fast." On five processors; on these?

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::{
        judgement::{Answer, Band},
        lab::PARTS,
    },
    cooks, units,
};

/// What share of the ideal must be reached, and below which it is missed.
const IDEAL: Band = Band { no: 0.6, yes: 0.85 };

/// More than the cores can give by so much was not measured rightly.
const BEYOND: f64 = 1.25;

/// Cooks who were on a processor for less of their work had to share.
const UNDISTURBED: f64 = 0.8;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    cores: usize,
    cooks: usize,
    /// How many times as fast the job was, cut in five for as many cooks.
    computing: f64,
    /// The same for one that waits, cut in five for one cook.
    waiting: f64,
    on_processor: Option<f64>,
}

impl Claim for Figures {
    const SAID: &'static str = "A job cut in five runs five times as fast.";

    fn command(sizes: &Sizes) -> String {
        format!("brigade parts --minute {}", sizes.parts)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let jobs = lab.jobs()?;
        Ok(Self {
            cores: cooks::cores(),
            cooks: jobs.computing.cut_for_many.figures.cooks,
            computing: jobs.computing_speed_up(),
            waiting: jobs.waiting_speed_up(),
            on_processor: jobs.computing.cut_for_many.on_processor(),
        })
    }

    fn judge(&self) -> Judgement {
        let parts = PARTS as usize;
        let hands = self.cores.min(self.cooks).min(parts);
        let measured = format!(
            "computing was {} x as fast with {} on {}",
            units::factor(self.computing),
            units::counted(self.cooks, "cook"),
            units::counted(self.cores, "core"),
        );
        let waiting = format!(
            "Waiting was {} x as fast with one cook.",
            units::factor(self.waiting)
        );
        let disturbed = self.on_processor.is_some_and(|share| share < UNDISTURBED);
        let ideal = IDEAL.ask(self.computing / f64::from(PARTS));
        let of_the_cores = self.computing / hands as f64;
        if ideal == Answer::Yes {
            Judgement::holds(format!("Here {measured}. {waiting}"))
        } else if hands < parts && of_the_cores > IDEAL.no && of_the_cores < BEYOND {
            Judgement::depends(format!(
                "On the processors: five are needed, and here {measured}. {waiting}"
            ))
        } else if hands == parts && ideal == Answer::No && !disturbed {
            Judgement::does_not_hold(format!(
                "Processors there were, and still {measured}. {waiting}"
            ))
        } else {
            Judgement::undecided(format!(
                "Here {measured}, which is not what so many cores come to: other programs wanted \
                 them too."
            ))
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("cores", "cores", self.cores),
            Fact::count("cooks", "cooks", self.cooks),
            Fact::factor("computing_speed_up", "computing", self.computing),
            Fact::factor("waiting_speed_up", "waiting, one cook", self.waiting),
            Fact::on_processor(self.on_processor),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            cores: 2,
            cooks: 5,
            computing: 1.95,
            waiting: 4.9,
            on_processor: Some(0.4),
        };
        let five = Self {
            cores: 8,
            computing: 4.8,
            on_processor: Some(1.0),
            ..usual
        };
        let in_vain = Self {
            computing: 1.1,
            ..five
        };
        super::Samples {
            usual: (usual, Verdict::Depends),
            turned: vec![(five, Verdict::Holds), (in_vain, Verdict::DoesNotHold)],
            nothing: vec![
                Self {
                    computing: 1.0,
                    ..usual
                },
                Self {
                    computing: 3.5,
                    ..usual
                },
                Self {
                    on_processor: Some(0.5),
                    ..in_vain
                },
            ],
        }
    }
}
