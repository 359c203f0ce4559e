//! 8. "Hiring more workers removes waiting." Coffee for one worker who stands at his
//!    machine, for many who do the same, and for one who is told when a cup is ready.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::judgement::{Answer, GAIN, uncapitalized},
    units,
};

/// With fewer orders for each, one more or less is too much of a difference.
const ORDERS: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// So long a cup takes, whoever waits for it.
    brew: Duration,
    /// So long one who stands at a machine waited for each of his.
    alone: Duration,
    /// So many do the same; what all of them served, and how long each waited for a cup.
    workers: usize,
    hired: usize,
    each: Duration,
    /// Orders served by one who is told.
    told: usize,
}

impl Claim for Figures {
    const SAID: &'static str = "Hiring more workers removes waiting.";

    fn command(sizes: &Sizes) -> String {
        coffee_command(sizes)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let shifts = lab.coffee()?;
        let (blocked, hired) = (&shifts.blocked, &shifts.hired);
        Ok(Self {
            brew: Duration::from_millis(lab.sizes.coffee.brew),
            alone: blocked.wall.div_f64(blocked.orders.max(1) as f64),
            workers: hired.threads,
            hired: hired.orders,
            each: (hired.wall * hired.threads as u32).div_f64(hired.orders.max(1) as f64),
            told: shifts.notified.orders,
        })
    }

    fn judge(&self) -> Judgement {
        let each = format!(
            "A cup takes {}: a worker who stood at his machine alone waited {} for each, and each of \
             {} hired ones, at a machine of his own, {}",
            units::duration(self.brew),
            units::duration(self.alone),
            units::count(self.workers),
            units::duration(self.each),
        );
        let told = format!(
            "The {} served {}; a single thread that is told when a cup is ready served {}",
            units::count(self.workers),
            units::counted(self.hired, "order"),
            units::count(self.told)
        );
        if self.hired < ORDERS * self.workers {
            return Judgement::undecided(format!("{each}. {told}: too few to compare."));
        }
        // Against the cup and not against the one alone: whom other programs kept off the
        // core waited longer, which is no merit of the others.
        let shorter = self.brew.div_duration_f64(self.each);
        let more = self.hired as f64 / self.told as f64;
        match (GAIN.ask(shorter), GAIN.ask(more)) {
            (Answer::Yes, _) => Judgement::holds(format!("{each}. {told}.")),
            (Answer::No, Answer::No) => Judgement::does_not_hold(format!("{each}. {told}.")),
            (Answer::No, Answer::Yes) => Judgement::depends(format!(
                "On what it is compared with. {each}. But {}.",
                uncapitalized(&told)
            )),
            _ => Judgement::undecided(format!(
                "{each}. {told}: between the same and more nothing can be told."
            )),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::time("brew_s", "a cup takes", self.brew),
            Fact::time("wait_alone_s", "wait, one alone", self.alone),
            Fact::time("wait_hired_s", "wait, each hired", self.each),
            Fact::count("workers_hired", "hired", self.workers),
            Fact::count("orders_hired", "orders, hired", self.hired),
            Fact::count("orders_told", "orders, one told", self.told),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let brew = Duration::from_millis(100);
        let usual = Self {
            brew,
            alone: brew,
            workers: 20,
            hired: 590,
            each: brew,
            told: 588,
        };
        let removed = Self {
            hired: 1900,
            each: brew / 3,
            ..usual
        };
        let poor_telling = Self { told: 60, ..usual };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(removed, Verdict::Holds), (poor_telling, Verdict::Depends)],
            nothing: vec![
                Self {
                    hired: 20,
                    told: 20,
                    ..usual
                },
                Self { told: 450, ..usual },
            ],
        }
    }
}

/// The command behind both claims about coffee.
pub(super) fn coffee_command(sizes: &Sizes) -> String {
    let coffee = &sizes.coffee;
    format!(
        "brigade coffee --cooks 1 --machines {} --brew {} --shift {}",
        coffee.machines, coffee.brew, coffee.shift
    )
}
