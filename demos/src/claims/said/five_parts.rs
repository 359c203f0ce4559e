//! 5. "A job cut in five runs five times as fast." On five processors; on these?

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::{
        judgement::{Answer, BEYOND, Band, is_disturbed},
        lab::PARTS,
    },
    cooks,
    speed_up::SpeedUp,
    units,
};

/// What share of the ideal must be reached, and below which it is missed.
const IDEAL: Band = Band { no: 0.6, yes: 0.85 };

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    cores: usize,
    cooks: usize,
    /// How many times as fast the job was, cut in five for as many cooks.
    computing: SpeedUp,
    /// The same for one that waits, cut in five for one cook.
    waiting: SpeedUp,
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
            "computing was {} as fast with {} on {}",
            self.computing,
            units::counted(self.cooks, "cook"),
            units::counted(self.cores, "core"),
        );
        let waiting = format!("Waiting was {} as fast with one cook.", self.waiting);
        let disturbed = is_disturbed(self.on_processor);
        let ideal = IDEAL.ask(self.computing.factor / f64::from(PARTS));
        let of_the_cores = self.computing.factor / hands as f64;
        if ideal == Answer::Yes && of_the_cores < BEYOND {
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
            Fact::speed_up("computing_speed_up", "computing", self.computing),
            Fact::speed_up("waiting_speed_up", "waiting, one cook", self.waiting),
            Fact::on_processor(self.on_processor),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let times = |factor| SpeedUp { factor, most: 5.0 };
        let usual = Self {
            cores: 2,
            cooks: 5,
            computing: times(1.95),
            waiting: times(4.9),
            on_processor: Some(0.4),
        };
        let five = Self {
            cores: 8,
            computing: times(4.8),
            on_processor: Some(1.0),
            ..usual
        };
        let in_vain = Self {
            computing: times(1.1),
            ..five
        };
        super::Samples {
            usual: (usual, Verdict::Depends),
            turned: vec![(five, Verdict::Holds), (in_vain, Verdict::DoesNotHold)],
            nothing: vec![
                Self {
                    computing: times(1.0),
                    ..usual
                },
                Self {
                    computing: times(3.5),
                    ..usual
                },
                // Five times as fast on two cores.
                Self {
                    computing: times(4.9),
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
