//! 11. "Concurrent programs cannot be debugged because their order changes." The same
//!     shop several times: with one seed, with the same again, and with others.

use std::{collections::BTreeSet, num::NonZeroU32};

use brigade::SingleThread;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{cashier, claims::lab::minute, units};

/// Customers, all of whom come at once: 12! orders in which to begin.
const CUSTOMERS: u32 = 12;

/// Seeds that are tried, and how often each.
const SEEDS: u64 = 4;
const TIMES: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    seeds: usize,
    times: usize,
    /// Seeds whose order was the same each time.
    steady: usize,
    /// Orders that were seen, of the first run of each seed.
    orders: usize,
}

impl Claim for Figures {
    const SAID: &'static str =
        "Concurrent programs cannot be debugged because their order changes.";

    fn command(_: &Sizes) -> String {
        "brigade claims --only 11".to_owned()
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let (mut steady, mut orders) = (0, BTreeSet::new());
        for seed in 1..=SEEDS {
            let first = order(lab, seed)?;
            let mut same = true;
            for _ in 1..TIMES.get() {
                same &= order(lab, seed)? == first;
            }
            steady += usize::from(same);
            orders.insert(first);
        }
        Ok(Self {
            seeds: SEEDS as usize,
            times: TIMES.get() as usize,
            steady,
            orders: orders.len(),
        })
    }

    fn judge(&self) -> Judgement {
        let orders = format!(
            "{} gave {}",
            units::counted(self.seeds, "seed"),
            units::counted(self.orders, "order")
        );
        if self.steady < self.seeds {
            Judgement::holds(format!(
                "{orders}, and {} of the seeds another one in {} runs: a run cannot be repeated.",
                self.seeds - self.steady,
                self.times
            ))
        } else if self.orders > 1 {
            Judgement::does_not_hold(format!(
                "{orders}, and each seed the same one {} times: an order that shows a fault can be \
                 had again.",
                self.times
            ))
        } else {
            Judgement::undecided(format!(
                "{orders}, so that there was nothing for a seed to keep the same."
            ))
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("seeds", "seeds", self.seeds),
            Fact::count("times", "runs of each", self.times),
            Fact::count("same_order", "same order each time", self.steady),
            Fact::count("orders", "different orders", self.orders),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            seeds: 4,
            times: 3,
            steady: 4,
            orders: 4,
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(Self { steady: 1, ..usual }, Verdict::Holds)],
            nothing: vec![Self { orders: 1, ..usual }],
        }
    }
}

/// Who was served when, on one cashier whose order is drawn with `seed`, by a clock that
/// jumps: from the first to the last customer, each named when served.
fn order(lab: &Lab, seed: u64) -> anyhow::Result<Vec<String>> {
    let executor = SingleThread::builder()
        .virtual_time(true)
        .seed(seed)
        .record_timeline(true)
        .build()?;
    let shop = cashier::shop(&executor, CUSTOMERS, minute(1))?;
    anyhow::ensure!(shop.one.output, "a sum came out wrong");
    lab.note_both(&shop);
    let visits = cashier::visits(&shop.one.timeline).into_iter();
    Ok(visits.map(|visit| visit.customer).collect())
}
