//! 13. "Every parallel run is also concurrent." Not an experiment of its own: all
//!     runs of all claims are looked at, and one shop more.

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    cashier,
    claims::lab::{Trace, minute},
    units,
};

const CUSTOMERS: u32 = 6;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    runs: usize,
    /// Runs with more than one task at once.
    parallel: usize,
    /// Runs with more than one in flight, and never two at once.
    concurrent_only: usize,
    /// Runs with more at once than in flight.
    violations: usize,
}

impl Figures {
    fn of(traces: &[Trace]) -> Self {
        let count = |is: fn(&Trace) -> bool| traces.iter().filter(|trace| is(trace)).count();
        Self {
            runs: traces.len(),
            parallel: count(|trace| trace.at_once_max > 1),
            concurrent_only: count(|trace| trace.at_once_max <= 1 && trace.in_flight_max > 1),
            violations: count(|trace| trace.at_once_max > trace.in_flight_max),
        }
    }
}

impl Claim for Figures {
    const SAID: &'static str = "Every parallel run is also concurrent.";

    /// No demo has all runs: whoever wants to see them runs them all.
    fn command(sizes: &Sizes) -> String {
        match sizes.is_small {
            true => "brigade claims --size small".to_owned(),
            false => "brigade claims".to_owned(),
        }
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let shop = cashier::shop(&lab.hire()?, CUSTOMERS, minute(lab.sizes.cashier))?;
        anyhow::ensure!(shop.one.output && shop.many.output, "a sum came out wrong");
        lab.note_both(&shop);
        Ok(Self::of(&lab.traces()))
    }

    fn judge(&self) -> Judgement {
        let runs = units::counted(self.runs, "run");
        if self.violations > 0 {
            return Judgement::does_not_hold(format!(
                "In {} of {runs} more tasks were at work at once than were in flight.",
                self.violations
            ));
        }
        if self.parallel == 0 {
            return Judgement::undecided(format!(
                "None of {runs} was parallel, so the claim was not put to the test."
            ));
        }
        let were = |number: usize| match number {
            1 => "1 was".to_owned(),
            number => format!("{} were", units::count(number)),
        };
        Judgement::holds(format!(
            "Of the {runs} behind these claims {} parallel, with never more tasks at once than in \
             flight. {} concurrent and not parallel: it does not hold the other way round.",
            were(self.parallel),
            were(self.concurrent_only),
        ))
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("runs", "runs", self.runs),
            Fact::count("parallel", "parallel", self.parallel),
            Fact::count("concurrent_only", "concurrent only", self.concurrent_only),
            Fact::count("violations", "more at once than in flight", self.violations),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let trace = |in_flight_max, at_once_max| Trace {
            cooks: 2,
            busy: Vec::new(),
            waiting_share: 0.0,
            in_flight_max,
            at_once_max,
        };
        super::Samples {
            usual: (Self::of(&[trace(3, 1), trace(3, 2)]), Verdict::Holds),
            turned: vec![(Self::of(&[trace(3, 1), trace(2, 3)]), Verdict::DoesNotHold)],
            nothing: vec![Self::of(&[]), Self::of(&[trace(3, 1), trace(1, 1)])],
        }
    }
}
