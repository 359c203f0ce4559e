//! 10. "Dependent tasks gain nothing from more hands than the critical path allows."
//!     Equations that need one another, with one hand, with as many as can ever be
//!     busy, and with one for each.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::{
        judgement::{Answer, Band, GAIN},
        lab::minute,
    },
    cooks, equations, units,
};

/// So many times as long as the critical path is as it should be, or late.
const LATE: Band = Band { no: 1.2, yes: 1.4 };

/// Nothing is faster than the critical path; clocks that disagree are, by less than this.
const FASTER: f64 = 0.9;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// With one hand, with as many as were ever busy, and with plenty.
    one: Duration,
    width: usize,
    at_width: Duration,
    plenty: usize,
    with_plenty: Duration,
    /// As the sheet has it.
    path: Duration,
}

impl Claim for Figures {
    const SAID: &'static str =
        "Dependent tasks gain nothing from more hands than the critical path allows.";

    fn command(sizes: &Sizes) -> String {
        format!("brigade equations --minute {}", sizes.equations)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let solutions = equations::solutions(&cooks::one()?, minute(lab.sizes.equations))?;
        for attempt in &solutions.attempts {
            lab.note(&attempt.run);
        }
        let plenty = solutions.plenty();
        let enough = solutions
            .attempts
            .iter()
            .find(|attempt| attempt.hands == plenty.used);
        Ok(Self {
            one: solutions.attempts[0].run.figures.wall,
            width: plenty.used,
            at_width: enough.unwrap_or(plenty).run.figures.wall,
            plenty: plenty.hands,
            with_plenty: plenty.run.figures.wall,
            path: solutions.critical_path,
        })
    }

    fn judge(&self) -> Judgement {
        let said = format!(
            "1 hand took {}, {} {} and {} {}; the longest chain is {}",
            units::duration(self.one),
            units::counted(self.width, "hand"),
            units::duration(self.at_width),
            self.plenty,
            units::duration(self.with_plenty),
            units::duration(self.path),
        );
        let helped = GAIN.ask(self.one.div_duration_f64(self.at_width));
        let further = GAIN.ask(self.at_width.div_duration_f64(self.with_plenty));
        let against_path = self.with_plenty.div_duration_f64(self.path);
        if against_path < FASTER || further == Answer::Yes {
            return Judgement::does_not_hold(format!("{said}: hands beyond it helped."));
        }
        match (LATE.ask(against_path), helped, further) {
            (Answer::No, Answer::Yes, Answer::No) => Judgement::holds(format!("{said}.")),
            (Answer::No, ..) => {
                Judgement::undecided(format!("{said}: how much hands helped cannot be told."))
            }
            _ => Judgement::undecided(format!(
                "{said}, which was exceeded by much: timers came late."
            )),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::time("critical_path_s", "critical path", self.path),
            Fact::time("one_hand_s", "1 hand", self.one),
            Fact::count("width", "hands ever busy", self.width),
            Fact::time("at_width_s", "with so many", self.at_width),
            Fact::count("plenty", "plenty", self.plenty),
            Fact::time("plenty_s", "with plenty", self.with_plenty),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let path = Duration::from_millis(900);
        let usual = Self {
            one: Duration::from_millis(1500),
            width: 3,
            at_width: path,
            plenty: 8,
            with_plenty: path,
            path,
        };
        let below_the_path = Self {
            with_plenty: path / 2,
            ..usual
        };
        let further = Self {
            at_width: 2 * path,
            ..usual
        };
        super::Samples {
            usual: (usual, Verdict::Holds),
            turned: vec![
                (below_the_path, Verdict::DoesNotHold),
                (further, Verdict::DoesNotHold),
            ],
            nothing: vec![
                Self { one: path, ..usual },
                Self {
                    at_width: 3 * path,
                    with_plenty: 3 * path,
                    ..usual
                },
            ],
        }
    }
}
