//! Where the experiments are made: the demos' own, at these sizes.
//!
//! An experiment that two claims need is made once and kept. Every run that is made
//! leaves a [`Trace`], since one of the claims is about all of them.

use std::{
    cell::{OnceCell, RefCell},
    time::Duration,
};

use brigade::timeline::{LaneKind, Timeline, What};

use crate::{
    coffee::{Coffee, Shifts},
    cooks::{self, Crew},
    figures::Figures,
    measure::{OneAndMany, Run},
    minute::Minute,
    parts::{self, Jobs},
    reference::{Reference, ThreeFrames},
    threads::{Both, Threads},
};

/// How large the experiments are: their own units, as the demos' options have them.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    pub(super) is_small: bool,
    /// Milliseconds that a minute takes, and that one takes in `parts`.
    pub(super) minute: u64,
    pub(super) parts: u64,
    /// Requests of `fetch`.
    pub(super) requests: usize,
    pub(super) frames: u32,
    pub(super) threads: Threads,
    pub(super) coffee: Coffee,
    pub(super) reference: Reference,
    /// What one core computes for while others wait, in the claim about both.
    pub(super) both: Duration,
}

impl Sizes {
    /// About two minutes in all, so that what other programs do now and then does not count.
    pub(super) fn full() -> Self {
        Self {
            is_small: false,
            minute: 100,
            parts: 1000,
            requests: 2000,
            frames: 300,
            threads: Threads {
                requests: 2000,
                millions: 2000,
            },
            coffee: Coffee {
                machines: 20,
                brew: 100,
                shift: 3000,
            },
            reference: Reference { millions: 400 },
            both: Duration::from_secs(2),
        }
    }

    /// Some seconds in all: to see the machinery work. What is small drowns in noise,
    /// and a claim may then be undecided.
    pub(super) fn small() -> Self {
        Self {
            is_small: true,
            minute: 4,
            parts: 20,
            requests: 300,
            frames: 30,
            threads: Threads {
                requests: 100,
                millions: 4,
            },
            coffee: Coffee {
                machines: 8,
                brew: 20,
                shift: 100,
            },
            reference: Reference { millions: 10 },
            both: Duration::from_millis(40),
        }
    }
}

/// Into how many parts the job is cut that is said to be five times as fast.
pub(super) const PARTS: u32 = 5;

/// So many milliseconds make a minute.
pub(super) fn minute(millis: u64) -> Minute {
    Minute(Duration::from_millis(millis))
}

/// What is remembered of a run.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) figures: Figures,
    pub(super) waiting_share: f64,
}

/// The lab, which keeps what it has measured.
pub(super) struct Lab {
    pub(super) sizes: Sizes,
    /// How many cooks are hired where the demo is one that compares; 1 leaves it to the demo.
    cooks: usize,
    traces: RefCell<Vec<Trace>>,
    jobs: OnceCell<Jobs>,
    coffee: OnceCell<Shifts>,
    threads: OnceCell<Both>,
    reference: OnceCell<Run<ThreeFrames>>,
}

impl Lab {
    pub(super) fn new(sizes: Sizes, cooks: usize) -> Self {
        Self {
            sizes,
            cooks,
            traces: RefCell::default(),
            jobs: OnceCell::new(),
            coffee: OnceCell::new(),
            threads: OnceCell::new(),
            reference: OnceCell::new(),
        }
    }

    /// New cooks, for an experiment that compares one with many.
    pub(super) fn hire(&self) -> anyhow::Result<Crew> {
        cooks::hire(self.cooks)
    }

    /// A job in parts, computing and waiting.
    pub(super) fn jobs(&self) -> anyhow::Result<&Jobs> {
        kept(&self.jobs, || {
            let jobs = parts::jobs(&self.hire()?, PARTS, minute(self.sizes.parts))?;
            for ways in [&jobs.computing, &jobs.waiting] {
                self.note(&ways.whole);
                self.note(&ways.cut_for_one);
                self.note(&ways.cut_for_many);
            }
            Ok(jobs)
        })
    }

    /// Four ways to wait for coffee; one cook is told.
    pub(super) fn coffee(&self) -> anyhow::Result<&Shifts> {
        kept(&self.coffee, || {
            let shifts = self.sizes.coffee.measure(&cooks::one()?)?;
            self.note(&shifts.run);
            Ok(shifts)
        })
    }

    /// Tasks and threads that wait; threads that compute. One cook has the tasks, and
    /// nothing is recorded, for the record would be most of the memory.
    pub(super) fn threads(&self) -> anyhow::Result<&Both> {
        kept(&self.threads, || {
            let both = self.sizes.threads.measure(&brigade::SingleThread::new()?)?;
            let waited: Duration = both.run.output;
            let figures = both.run.figures.clone();
            let waiting_share = figures.waiting_share(waited);
            self.note_figures(figures, waiting_share);
            Ok(both)
        })
    }

    /// One task from three frames, on one cook.
    pub(super) fn reference(&self) -> anyhow::Result<&Run<ThreeFrames>> {
        kept(&self.reference, || {
            let run = self.sizes.reference.measure(&cooks::one()?)?;
            self.note(&run);
            Ok(run)
        })
    }

    /// Remembers a run that was recorded. What was at work at once is counted by threads
    /// here and what was in flight by tasks, so that neither figure follows from the other.
    pub(super) fn note<T>(&self, run: &Run<T>) {
        let recorded = brigade_timeline::figures(&run.timeline);
        let figures = Figures {
            in_flight_max: recorded.in_flight_max,
            at_once_max: polls_at_once(&run.timeline, |kind| matches!(kind, LaneKind::Worker(_))),
            ..run.figures.clone()
        };
        self.note_figures(figures, recorded.waiting_share);
    }

    pub(super) fn note_both<T>(&self, runs: &OneAndMany<T>) {
        self.note(&runs.one);
        self.note(&runs.many);
    }

    /// Remembers a run that was not recorded.
    pub(super) fn note_figures(&self, figures: Figures, waiting_share: f64) {
        self.traces.borrow_mut().push(Trace {
            figures,
            waiting_share,
        });
    }

    /// All runs so far.
    pub(super) fn traces(&self) -> Vec<Trace> {
        self.traces.borrow().clone()
    }
}

/// How many threads of a kind were polling at one instant, at most, by the record: a task,
/// or a job of the blocking pool, but not the main future, which is no task.
pub(super) fn polls_at_once(timeline: &Timeline, is_meant: fn(LaneKind) -> bool) -> usize {
    let mut polling = vec![false; timeline.lanes.len()];
    let (mut now, mut most) = (Duration::ZERO, 0);
    for event in &timeline.events {
        // What ends at the nanosecond at which something else begins does not overlap with it.
        if event.at > now {
            most = most.max(polling.iter().filter(|polling| **polling).count());
            now = event.at;
        }
        if is_meant(timeline.lanes[event.lane].kind) {
            match event.what {
                What::PollBegin { task } => polling[event.lane] = !timeline.tasks[task].is_main,
                What::PollEnd { .. } => polling[event.lane] = false,
                _ => {}
            }
        }
    }
    most
}

/// What is kept, or measured now.
fn kept<T>(cell: &OnceCell<T>, measure: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<&T> {
    if cell.get().is_none() {
        let _ = cell.set(measure()?);
    }
    Ok(cell.get().expect("it was set just now"))
}

#[cfg(test)]
mod tests {
    use brigade::timeline::{Event, Lane, Outcome, Task};

    use super::*;

    #[test]
    fn threads_at_work_are_counted_where_they_overlap_and_of_their_kind() {
        let lanes = vec![
            Lane::new("cook 0", LaneKind::Worker(0)),
            Lane::new("cook 1", LaneKind::Worker(1)),
            Lane::new("pool", LaneKind::Blocking),
        ];
        let tasks = (1..=3).map(|id| Task::new(id, None)).collect();
        let at = Duration::from_nanos;
        let begin = |time, lane| Event::new(at(time), lane, What::PollBegin { task: lane });
        let end = |time, lane| {
            let what = What::PollEnd {
                task: lane,
                outcome: Outcome::Ready,
            };
            Event::new(at(time), lane, what)
        };
        let workers = |kind| matches!(kind, LaneKind::Worker(_));
        let count = |events| {
            let timeline = Timeline::from_parts(lanes.clone(), Vec::clone(&tasks), events, at(9));
            (
                polls_at_once(&timeline, workers),
                polls_at_once(&timeline, |kind| kind == LaneKind::Blocking),
            )
        };
        let overlap = vec![begin(1, 0), begin(2, 1), begin(2, 2), end(3, 0), end(4, 1)];
        assert_eq!(count([overlap, vec![end(5, 2)]].concat()), (2, 1));
        let in_turn = vec![begin(1, 0), begin(2, 1), end(2, 0), end(3, 1)];
        assert_eq!(count(in_turn), (1, 0));
    }
}
