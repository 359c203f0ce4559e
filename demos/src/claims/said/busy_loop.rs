//! 9. "Polling in a busy loop is as good as being notified." The same coffee, for one
//!    thread that asks all machines all the time and for one that is told.

use super::{Claim, Fact, Judgement, Lab, Sizes, hiring::coffee_command};
use crate::{
    claims::judgement::{Answer, Band, uncapitalized},
    units,
};

/// How many times the processor time is too much.
const COST: Band = Band { no: 1.5, yes: 4.0 };

/// How many times the orders is better service.
const SERVICE: Band = Band { no: 1.2, yes: 1.5 };

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Of a core, the share that was kept busy, and the orders served meanwhile.
    asking: Option<f64>,
    told: Option<f64>,
    orders_asking: usize,
    orders_told: usize,
}

impl Claim for Figures {
    const SAID: &'static str = "Polling in a busy loop is as good as being notified.";

    fn command(sizes: &Sizes) -> String {
        coffee_command(sizes)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let shifts = lab.coffee()?;
        Ok(Self {
            asking: shifts.busy_loop.cores(),
            told: shifts.notified.cores(),
            orders_asking: shifts.busy_loop.orders,
            orders_told: shifts.notified.orders,
        })
    }

    fn judge(&self) -> Judgement {
        let orders = format!(
            "The thread that asked all machines all the time served {}, the one that was told when a \
             cup was ready {}",
            units::counted(self.orders_asking, "order"),
            units::count(self.orders_told)
        );
        let (Some(asking), Some(told)) = (self.asking, self.told) else {
            return Judgement::undecided(format!(
                "{orders}, but this system does not say what that cost."
            ));
        };
        let cost = format!(
            "asking took {} of a core, being told {}",
            units::percent(asking),
            units::percent(told)
        );
        let better = self.orders_asking as f64 / self.orders_told as f64;
        match (COST.ask(asking / told), SERVICE.ask(better)) {
            (Answer::Yes, Answer::No) => Judgement::does_not_hold(format!("{orders}; {cost}.")),
            (Answer::Yes, Answer::Yes) => Judgement::depends(format!(
                "On what a core is worth: {}, but {cost}.",
                uncapitalized(&orders)
            )),
            (Answer::No, _) => Judgement::holds(format!("{orders}; {cost}.")),
            _ => Judgement::undecided(format!("{orders}; {cost}: no clear difference.")),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::known(
                "cores_asking",
                "of a core, asking",
                self.asking,
                Fact::share,
            ),
            Fact::known("cores_told", "of a core, told", self.told, Fact::share),
            Fact::count("orders_asking", "orders, asking", self.orders_asking),
            Fact::count("orders_told", "orders, told", self.orders_told),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            asking: Some(0.98),
            told: Some(0.02),
            orders_asking: 590,
            orders_told: 588,
        };
        let cheap = Self {
            asking: Some(0.02),
            ..usual
        };
        let better = Self {
            orders_told: 100,
            ..usual
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(cheap, Verdict::Holds), (better, Verdict::Depends)],
            nothing: vec![
                Self {
                    told: None,
                    ..usual
                },
                Self {
                    asking: Some(0.05),
                    ..usual
                },
            ],
        }
    }
}
