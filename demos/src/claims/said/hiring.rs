//! 8. "Hiring more workers removes waiting." Coffee for one worker who stands at his
//!    machine, for many who do the same, and for one who is told when a cup is ready.

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::judgement::{Answer, GAIN, uncapitalized},
    units,
};

/// With fewer orders one more or less is too much of a difference.
const ORDERS: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Orders served by one who stands at a machine.
    blocked: usize,
    /// By so many who do.
    workers: usize,
    hired: usize,
    /// By one who is told.
    told: usize,
}

impl Figures {
    /// What each of the hired served, for each order that one alone did.
    fn each(self) -> f64 {
        self.hired as f64 / self.workers.max(1) as f64 / self.blocked as f64
    }

    /// What all of the hired served, for each order of the one who was told.
    fn all(self) -> f64 {
        self.hired as f64 / self.told as f64
    }
}

impl Claim for Figures {
    const SAID: &'static str = "Hiring more workers removes waiting.";

    fn command(sizes: &Sizes) -> String {
        coffee_command(sizes)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let shifts = lab.coffee()?;
        Ok(Self {
            blocked: shifts.blocked.orders,
            workers: shifts.hired.threads,
            hired: shifts.hired.orders,
            told: shifts.notified.orders,
        })
    }

    fn judge(&self) -> Judgement {
        let each = format!(
            "{} served {}, {:.1} each, and one alone {}",
            units::counted(self.workers, "hired worker"),
            units::counted(self.hired, "order"),
            self.hired as f64 / self.workers.max(1) as f64,
            self.blocked,
        );
        let told = format!("One who was told served {}", units::count(self.told));
        if self.blocked < ORDERS {
            return Judgement::undecided(format!("{each}: too few to compare."));
        }
        match (GAIN.ask(self.each()), GAIN.ask(self.all())) {
            (Answer::Yes, _) => Judgement::holds(format!("{each}: each waited less. {told}.")),
            (Answer::No, Answer::No) => Judgement::does_not_hold(format!(
                "{each}: each waits as long as ever. {told}, with one thread for {}.",
                units::count(self.workers)
            )),
            (Answer::No, Answer::Yes) => Judgement::depends(format!(
                "On what it is compared with: {each}, so each waits as long as ever. But {} only.",
                uncapitalized(&told)
            )),
            _ => Judgement::undecided(format!(
                "{each}; {}: between the same and more nothing can be told.",
                uncapitalized(&told)
            )),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("orders_blocked", "orders, one blocked", self.blocked),
            Fact::count("workers_hired", "hired", self.workers),
            Fact::count("orders_hired", "orders, hired", self.hired),
            Fact::count("orders_told", "orders, one told", self.told),
            Fact::factor("each_against_one", "each hired against one", self.each()),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            blocked: 30,
            workers: 20,
            hired: 590,
            told: 588,
        };
        let removed = Self {
            hired: 1900,
            ..usual
        };
        let poor_telling = Self { told: 60, ..usual };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(removed, Verdict::Holds), (poor_telling, Verdict::Depends)],
            nothing: vec![
                Self {
                    blocked: 1,
                    workers: 20,
                    hired: 20,
                    told: 20,
                },
                Self {
                    hired: 780,
                    ..usual
                },
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
