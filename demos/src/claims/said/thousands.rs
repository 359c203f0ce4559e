//! 3. "One core can handle thousands of concurrent tasks." Requests to the embedded
//!    origin, all at once, on one thread.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::judgement::{Answer, Band},
    cooks::Dish as _,
    fetch,
    interrupt::Interrupted,
    options::Shared,
    report::Ending,
    units,
};

/// From so many on it is thousands.
const THOUSANDS: usize = 1000;

/// The share of the requests that must be answered.
const ANSWERED: Band = Band {
    no: 0.95,
    yes: 0.999,
};

/// How much waiting must fit into the time that the run takes. Replies take a quarter of a
/// second on average and at most half a second, so with 2,000 it is about a thousand.
const OVERLAP: Band = Band {
    no: 10.0,
    yes: 50.0,
};

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    asked: usize,
    done: usize,
    in_flight: usize,
    at_once: usize,
    wall: Duration,
    cpu: Option<Duration>,
    /// The waiting of all requests, added up.
    waited: Duration,
}

impl Claim for Figures {
    const SAID: &'static str = "One core can handle thousands of concurrent tasks.";

    fn command(sizes: &Sizes) -> String {
        format!("brigade fetch --cooks 1 --count {}", sizes.requests)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let args = fetch::Args::to_origin(lab.sizes.requests);
        let quiet = Shared {
            quiet: true,
            ..Shared::default()
        };
        let report =
            fetch::Plan::new(args, &quiet)?.cook(&brigade::SingleThread::new()?, &quiet)?;
        anyhow::ensure!(report.ending != Ending::Interrupted, Interrupted);
        lab.note_figures(&report.figures, report.waiting_share);
        let own = |key: &str| report.own.get(key).and_then(serde_json::Value::as_f64);
        Ok(Self {
            asked: lab.sizes.requests,
            done: own("done").unwrap_or_default() as usize,
            in_flight: report.figures.in_flight_max,
            at_once: report.figures.at_once_max,
            wall: report.figures.wall,
            cpu: report.figures.cpu,
            waited: Duration::from_secs_f64(own("waited_s").unwrap_or_default()),
        })
    }

    fn judge(&self) -> Judgement {
        let done = format!(
            "One thread had {} in flight and {} of {} were answered",
            units::counted(self.in_flight, "request"),
            units::count(self.done),
            units::count(self.asked)
        );
        let answered = ANSWERED.ask(self.done as f64 / self.asked as f64);
        let overlap = OVERLAP.ask(self.waited.div_duration_f64(self.wall));
        if self.asked < THOUSANDS {
            return Judgement::undecided(format!("{done}, and thousands were never tried."));
        }
        match (answered, overlap) {
            (Answer::No, _) => Judgement::does_not_hold(format!("{done} only.")),
            (_, Answer::No) => Judgement::does_not_hold(format!(
                "{done}, in {} for {} of waiting: hardly any of it overlapped.",
                units::duration(self.wall),
                units::duration(self.waited)
            )),
            (Answer::Yes, Answer::Yes) if self.in_flight >= THOUSANDS && self.at_once == 1 => {
                Judgement::holds(format!(
                    "{done}; {} of waiting took {}.",
                    units::duration(self.waited),
                    units::duration(self.wall)
                ))
            }
            _ => Judgement::undecided(format!(
                "{done}: not the thousands that were to be tried. The system may let this \
                 program open too few files, or be too busy."
            )),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("asked", "requests", self.asked),
            Fact::count("done", "answered", self.done),
            Fact::count("in_flight_max", "in flight", self.in_flight),
            Fact::count("at_once_max", "at once", self.at_once),
            Fact::time("wall_s", "wall time", self.wall),
            Fact::known("cpu_s", "CPU time", self.cpu, Fact::time),
            Fact::time("waited_s", "waiting added up", self.waited),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            asked: 2000,
            done: 2000,
            in_flight: 2000,
            at_once: 1,
            wall: Duration::from_millis(600),
            cpu: Some(Duration::from_millis(200)),
            waited: Duration::from_secs(550),
        };
        super::Samples {
            usual: (usual, Verdict::Holds),
            turned: vec![
                (Self { done: 200, ..usual }, Verdict::DoesNotHold),
                (
                    Self {
                        wall: usual.waited,
                        ..usual
                    },
                    Verdict::DoesNotHold,
                ),
            ],
            nothing: vec![
                Self {
                    asked: 50,
                    done: 50,
                    in_flight: 50,
                    ..usual
                },
                Self {
                    in_flight: 200,
                    ..usual
                },
            ],
        }
    }
}
