//! The lab, which runs the experiments of the demos at given [`Sizes`].
//!
//! If two claims need the same experiment, it is run once and its result is kept. Every run leaves a
//! [`Trace`], because one of the claims is about all runs.

use std::cell::{OnceCell, RefCell};

use brigade::timeline::{LaneKind, Timeline};

use crate::prelude::*;
use crate::{
    coffee::{Coffee, Shifts},
    parts::{self, Jobs},
    reference::{Reference, ThreeFrames},
    threads::{Both, Threads},
};

/// The sizes of the experiments, in the units of the demos' options.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    pub(super) is_small: bool,
    /// The length of a simulated minute in all demos except `parts`.
    pub(super) minute: Duration,
    /// The length of a simulated minute in the demo `parts`.
    pub(super) parts: Duration,
    /// The number of requests of `fetch`.
    pub(super) requests: usize,
    pub(super) frames: u32,
    pub(super) threads: Threads,
    pub(super) coffee: Coffee,
    pub(super) reference: Reference,
    /// How long the computation takes on one core, in the claim about waiting and computing together.
    pub(super) both: Duration,
}

impl Sizes {
    /// Returns the full sizes or the small ones. With the full sizes, the claims take a minute or two, long
    /// enough that brief activity of other programs has no effect. With the small sizes they take some
    /// seconds. The small sizes only test that the experiments work: noise may hide small effects and leave
    /// a claim undecided.
    pub(super) fn new(is_small: bool) -> Self {
        let number = |full: u16, small: u16| if is_small { small } else { full };
        let time = |full, small| Duration::from_millis(number(full, small).into());
        Self {
            is_small,
            minute: time(100, 4),
            parts: time(1000, 20),
            requests: number(2000, 300).into(),
            frames: number(300, 30).into(),
            threads: Threads {
                requests: number(2000, 100).into(),
                millions: number(2000, 4).into(),
            },
            coffee: Coffee {
                machines: number(20, 8),
                brew: number(100, 20).into(),
                shift: number(3000, 100).into(),
            },
            reference: Reference {
                millions: number(400, 10).into(),
            },
            both: time(2000, 40),
        }
    }
}

/// The number of parts into which a job is cut in the experiments of claims 4 and 5.
pub(super) const PARTS: u32 = 5;

/// What the lab stores about each run.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) figures: Figures,
    pub(super) waiting_share: f64,
}

/// The lab, which keeps what it has measured.
pub(super) struct Lab {
    pub(super) sizes: Sizes,
    /// The number of cooks that a demo compares with one cook. If it is 1, the demo chooses the number.
    pub(super) cooks: usize,
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

    /// Returns an executor for an experiment that compares one cook with many.
    pub(super) fn hire(&self) -> anyhow::Result<Crew> {
        cooks::hire(self.cooks)
    }

    /// Returns the results of the demo `parts`: a job that computes and a job that waits, each in one piece
    /// and cut into parts.
    pub(super) fn jobs(&self) -> anyhow::Result<&Jobs> {
        kept(&self.jobs, || {
            let jobs = parts::jobs(&self.hire()?, PARTS, self.sizes.parts)?;
            for ways in [&jobs.computing, &jobs.waiting] {
                self.note(&ways.whole);
                self.note_both(&ways.cut);
            }
            Ok(jobs)
        })
    }

    /// Returns the results of four ways to wait for coffee. One cook runs the tasks of the way "notified".
    pub(super) fn coffee(&self) -> anyhow::Result<&Shifts> {
        kept(&self.coffee, || {
            let shifts = self.sizes.coffee.measure(&cooks::hire(1)?)?;
            self.note(&shifts.run);
            Ok(shifts)
        })
    }

    /// Returns the results of waiting tasks, waiting threads, and computing threads. One cook runs the tasks.
    /// Nothing is recorded, because a record would take most of the memory that this experiment measures.
    pub(super) fn threads(&self) -> anyhow::Result<&Both> {
        kept(&self.threads, || {
            let both = self.sizes.threads.measure(&Crew::hire(1, false)?)?;
            let figures = &both.run.figures;
            self.note_figures(figures, figures.waiting_share(both.run.output));
            Ok(both)
        })
    }

    /// Returns the results of the demo `reference`: one task, on one cook, seen from three frames of
    /// reference.
    pub(super) fn reference(&self) -> anyhow::Result<&Run<ThreeFrames>> {
        kept(&self.reference, || {
            let run = self.sizes.reference.measure(&cooks::hire(1)?)?;
            self.note(&run);
            Ok(run)
        })
    }

    /// Stores the figures of a recorded run. Parallelism is counted from the threads in the record, and
    /// concurrency from the tasks, so that a claim can compare two independent figures.
    pub(super) fn note<T>(&self, run: &Run<T>) {
        let recorded = brigade_timeline::figures(&run.timeline);
        let figures = Figures {
            in_flight_max: recorded.in_flight_max,
            at_once_max: polls_at_once(&run.timeline, |kind| matches!(kind, LaneKind::Worker(_))),
            ..run.figures.clone()
        };
        self.note_figures(&figures, recorded.waiting_share);
    }

    pub(super) fn note_both<T>(&self, runs: &OneAndMany<T>) {
        self.note(&runs.one);
        self.note(&runs.many);
    }

    /// Stores the figures of any run, recorded or not.
    pub(super) fn note_figures(&self, figures: &Figures, waiting_share: f64) {
        self.traces.borrow_mut().push(Trace {
            figures: figures.clone(),
            waiting_share,
        });
    }

    /// Returns the traces of all runs so far.
    pub(super) fn traces(&self) -> Vec<Trace> {
        self.traces.borrow().clone()
    }
}

/// Returns the largest number of threads that were polling at one instant, according to the record. Counts
/// only threads whose kind `is_meant` selects. A thread that runs a job of the blocking pool counts as
/// polling. The main future does not count, because it is not a task.
pub(super) fn polls_at_once(timeline: &Timeline, is_meant: fn(LaneKind) -> bool) -> usize {
    let polls = brigade_timeline::spans(timeline).polls.into_iter();
    let polls = polls.filter(|poll| is_meant(timeline.lanes[poll.lane].kind));
    let polls = polls.filter(|poll| !timeline.tasks[poll.task].is_main);
    let mut steps: Vec<_> = polls
        .flat_map(|poll| [(poll.begin, 1), (poll.end, -1)])
        .collect();
    // A poll that ends at the same nanosecond at which another begins does not overlap with it.
    steps.sort_unstable();
    let at_work = steps.iter().scan(0, |now, (_, step)| {
        *now += step;
        Some(*now)
    });
    at_work.max().unwrap_or(0) as usize
}

/// Returns the result in `cell`. If `cell` is empty, measures first.
fn kept<T>(cell: &OnceCell<T>, measure: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<&T> {
    if cell.get().is_none() {
        let _ = cell.set(measure()?);
    }
    Ok(cell.get().expect("it was set just now"))
}

#[cfg(test)]
mod tests {
    use brigade::timeline::{Event, Lane, Outcome, Task, What};

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
