//! 6. "Every thread has a core to itself." The same sum on more and more threads;
//!    the operating system says how many were on a core.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::judgement::{Answer, Band},
    units,
};

/// Of all threads, the share that was on a core at once, on average.
const ON_A_CORE: Band = Band { no: 0.6, yes: 0.9 };

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    cores: usize,
    /// Of the largest crowd: its size, how many were on a core at once, and how long all
    /// of them stood in the queue for one.
    threads: usize,
    at_once: Option<f64>,
    queued: Option<Duration>,
}

impl Claim for Figures {
    const SAID: &'static str = "Every thread has a core to itself.";

    fn command(sizes: &Sizes) -> String {
        threads_command(sizes)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let both = lab.threads()?;
        let crowd = both.computed.iter().max_by_key(|crowd| crowd.threads);
        Ok(Self {
            cores: both.cores,
            threads: crowd.map_or(0, |crowd| crowd.threads),
            at_once: crowd.and_then(|crowd| crowd.at_once()),
            queued: crowd.and_then(|crowd| crowd.queued),
        })
    }

    fn judge(&self) -> Judgement {
        let Some(at_once) = self.at_once else {
            return Judgement::undecided(
                "This system does not say how long a thread was on a core.",
            );
        };
        let said = format!(
            "Of {} that computed, {at_once:.2} were on a core at once, with {} there",
            units::counted(self.threads, "thread"),
            units::counted(self.cores, "core"),
        );
        match ON_A_CORE.ask(at_once / self.threads as f64) {
            Answer::Yes => Judgement::holds(format!("{said}.")),
            Answer::Unclear => {
                Judgement::undecided(format!("{said}: neither all of them nor clearly fewer."))
            }
            Answer::No => Judgement::does_not_hold(match self.queued {
                Some(queued) => format!(
                    "{said}; together they stood in the queue for {}.",
                    units::duration(queued)
                ),
                None => format!("{said}."),
            }),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let number = |key, name, number: f64| {
            let text = format!("{number:.2}");
            Fact::new(key, name, number.into(), text)
        };
        vec![
            Fact::count("cores", "cores", self.cores),
            Fact::count("threads", "threads", self.threads),
            Fact::known("on_a_core", "on a core at once", self.at_once, number),
            Fact::known("queued_s", "in the queue", self.queued, Fact::time),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            cores: 2,
            threads: 32,
            at_once: Some(1.98),
            queued: Some(Duration::from_secs(20)),
        };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![(
                Self {
                    at_once: Some(31.5),
                    ..usual
                },
                Verdict::Holds,
            )],
            nothing: vec![
                Self {
                    at_once: None,
                    ..usual
                },
                Self {
                    threads: 2,
                    at_once: Some(1.5),
                    ..usual
                },
                Self {
                    at_once: Some(f64::NAN),
                    ..usual
                },
            ],
        }
    }
}

/// The command behind both claims about threads.
pub(super) fn threads_command(sizes: &Sizes) -> String {
    let threads = &sizes.threads;
    format!(
        "brigade threads --requests {} --millions {}",
        threads.requests, threads.millions
    )
}
