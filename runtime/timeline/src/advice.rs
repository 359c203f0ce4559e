//! Advice: changes that would improve a program. Each piece of advice quotes the figures that support it, from
//! the run.
//!
//! Each rule has a minimum sample size and a threshold, which are named constants. A run without findings
//! gets no advice. If other programs keep the machine busy, only rules that are independent of the machine's
//! load are applied. Rules about computing use CPU time, not elapsed time.

mod blocking;
mod herd;
mod in_line;
mod in_loop;
mod one_worker;
mod polling;
mod pool;
mod stranded;
mod waits;
mod words;

use std::fmt;
use std::time::Duration;

use brigade::timeline::Timeline;

use self::waits::Waits;
use crate::figures::{self, Figures};
use crate::spans::{self, Spans};

/// Advice uses shares of time only if the run is at least this long. A shorter run mostly shows the costs of
/// starting up (threads, page faults, cold caches). The value is arbitrary, not measured.
const SHORTEST_RUN: Duration = Duration::from_millis(10);

/// Advice uses shares of time only if at most one event in `LEAST_PER_DROPPED` is missing from the record.
const LEAST_PER_DROPPED: u64 = 100;

/// If the workers compute in polls for at least this share of their time, they count as fully used.
const COMPUTE_HEAVY: f64 = 0.75;

/// The minimum speed-up that justifies another worker. A smaller gain may be due to chance, because two runs
/// of one program differ by a few percent.
const WORTH_A_WORKER: f64 = 1.25;

/// The machine counts as busy with other programs if the workers' threads had no core for at least this share
/// of the time in which they could run.
const CROWDED: f64 = 0.2;

/// The minimum number of wakes for advice about useless wakes. Fewer wakes are too small a sample. They also
/// cost little, because a wake takes some tens of nanoseconds.
const MANY_WAKES: u64 = 1000;

/// There is advice about useless wakes if at least this share of the wakes is useless: three of four. A
/// smaller share is normal. For example, if a socket becomes readable and writable at the same time, one of
/// two wakes is useless.
const MOSTLY_NOWHERE: f64 = 0.75;

/// The subject of an [`Advice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Kind {
    /// A task blocked its worker's thread: it slept, or waited for a lock or a device.
    Blocking,
    /// A task computed for a long time in one poll, so other tasks could not run.
    Computing,
    /// Only one worker at a time was busy.
    OneBusyWorker,
    /// A task waited for several events, one after the other, and meanwhile nothing else happened.
    AwaitsInLoop,
    /// A task spawned other tasks one after the other, and awaited each before it spawned the next.
    SpawnInLoop,
    /// Tasks waited for one another, so only one task at a time waited for an event.
    InLine,
    /// Many tasks were woken, although only one or few of them could continue.
    Herd,
    /// A task woke itself repeatedly to check something.
    BusyPolling,
    /// A task checked something repeatedly, with a short sleep in between.
    TimerPolling,
    /// Thousands of tiny jobs went to the blocking pool.
    TinyJobs,
    /// More jobs of the blocking pool ran at once than the machine can handle.
    ManyJobs,
    /// A task waits, and nothing can wake it.
    Stranded,
    /// The workers computed nearly all the time, and the machine has cores for more workers.
    MoreWorkers,
    /// Most wakes of tasks had no effect.
    WakesNowhere,
    /// Other programs used the cores.
    OtherPrograms,
}

/// A finding about a run, with advice on how to improve the program. [`Display`](fmt::Display) describes both
/// in a few sentences.
///
/// ```
/// use std::time::Duration;
/// use brigade::SingleThread;
/// use brigade_timeline::Kind;
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     let lost = brigade::spawn(std::future::pending::<()>()); // no waker is kept
///     brigade::time::sleep(Duration::from_millis(30)).await;
///     drop(lost);
/// });
/// let advice = brigade_timeline::advice(&executor.timeline().unwrap());
/// assert_eq!(advice[0].kind(), Kind::Stranded);
/// println!("{}", advice[0]);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Advice {
    kind: Kind,
    tasks: Vec<usize>,
    place: Option<(Duration, Duration)>,
    at_best: Option<f64>,
    /// The text of the advice, with [`WORKER`] in place of the word *worker*.
    text: String,
}

/// A placeholder for the word *worker* in a text, because a program may call its workers something else.
const WORKER: char = '\u{1}';

impl Advice {
    /// Returns the kind of the finding.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the tasks concerned, as indices into [`Timeline::tasks`]. The most affected task comes
    /// first. The list is empty if the advice is about all tasks.
    pub fn tasks(&self) -> &[usize] {
        &self.tasks
    }

    /// Returns the period of the run in which the finding is most visible.
    pub fn place(&self) -> Option<(Duration, Duration)> {
        self.place
    }

    /// Returns the largest possible speed-up of the program as a factor, or `None` if the run does not show
    /// how large it is.
    pub fn at_best(&self) -> Option<f64> {
        self.at_best
    }

    /// Returns the text of the advice, with `worker` as the word for a worker.
    pub fn in_words_of(&self, worker: &str) -> String {
        self.text.replace(WORKER, worker)
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words_of("worker"))
    }
}

/// Returns the findings about a run. Findings about the whole program come last.
///
/// The advice assumes that the run had as many cores as the machine on which this function is called.
///
/// ```
/// use std::time::Duration;
/// use brigade::{Executor, SingleThread};
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     let tasks: Vec<_> = (0..10)
///         .map(|_| brigade::spawn(brigade::time::sleep(Duration::from_millis(20))))
///         .collect();
///     for task in tasks {
///         task.await.unwrap();
///     }
/// });
/// // Ten tasks that wait at the same time: there is nothing to improve.
/// assert!(brigade_timeline::advice(&executor.timeline().unwrap()).is_empty());
/// # std::io::Result::Ok(())
/// ```
pub fn advice(timeline: &Timeline) -> Vec<Advice> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    on_cores(timeline, cores)
}

pub(crate) fn on_cores(timeline: &Timeline, cores: usize) -> Vec<Advice> {
    let spans = spans::spans(timeline);
    let figures = figures::of_spans(&spans);
    let adviser = Adviser {
        waits: Waits::of(&spans),
        timeline,
        spans: &spans,
        figures: &figures,
        cores: cores.max(1),
    };
    adviser.all()
}

struct Adviser<'a> {
    timeline: &'a Timeline,
    spans: &'a Spans,
    figures: &'a Figures,
    waits: Waits,
    cores: usize,
}

impl Adviser<'_> {
    fn all(&self) -> Vec<Advice> {
        let mut all: Vec<Advice> = Vec::new();
        all.extend(self.stranded());
        all.extend(self.busy_polling());
        all.extend(self.herd());
        all.extend(self.jobs());
        if self.is_long_and_whole() {
            all.extend(self.blocking());
            all.extend(self.computing());
            all.extend(self.in_line());
            all.extend(self.timer_polling());
            if all.is_empty() {
                all.extend(self.spawn_in_loop().or_else(|| self.awaits_in_loop()));
            }
            let kinds: Vec<Kind> = all.iter().map(Advice::kind).collect();
            // More workers do not speed up a program that blocks, polls in a loop, or does one thing at a
            // time.
            if kinds.iter().all(|kind| *kind == Kind::Computing) {
                all.extend(self.one_busy_worker().or_else(|| self.more_workers()));
            }
            all.extend(self.other_programs());
        }
        all.extend(self.wakes_nowhere());
        all
    }

    /// Returns whether the run is long enough, and its record complete enough, to use shares of time.
    fn is_long_and_whole(&self) -> bool {
        let events = self.timeline.events.len() as u64;
        self.figures.span >= SHORTEST_RUN && self.spans.dropped <= events / LEAST_PER_DROPPED
    }

    fn label(&self, task: usize) -> String {
        format!("'{}'", self.timeline.tasks[task].label(task))
    }

    /// Returns for how long the workers' threads had a core or were ready to use one. Also returns the share
    /// of this time in which they had no core.
    fn crowding(&self) -> (Duration, f64) {
        let cpu = self.figures.cpu.unwrap_or_default();
        let wanted = cpu + self.figures.preempted;
        (wanted, figures::share(self.figures.preempted, wanted))
    }

    fn is_crowded(&self) -> bool {
        let (wanted, share) = self.crowding();
        wanted >= SHORTEST_RUN && share >= CROWDED
    }

    fn other_programs(&self) -> Option<Advice> {
        let (wanted, share) = self.crowding();
        // If the program has more threads than the machine has cores, do not blame other programs, because
        // the program's own threads may have kept the workers off the cores.
        let own = self
            .spans
            .lanes
            .iter()
            .filter(|lane| !lane.polls.is_empty());
        let fires = self.is_crowded()
            && self.figures.preempted >= SHORTEST_RUN
            && own.count() <= self.cores;
        fires.then(|| Advice {
            kind: Kind::OtherPrograms,
            tasks: Vec::new(),
            place: None,
            at_best: None,
            text: words::other_programs(wanted, share),
        })
    }

    fn more_workers(&self) -> Option<Advice> {
        let figures = self.figures;
        let workers = figures.workers;
        let lanes = || figures.lanes.iter().zip(&self.spans.lanes);
        let of_workers =
            lanes().filter(|(_, lane)| matches!(lane.kind, brigade::timeline::LaneKind::Worker(_)));
        let present: Duration = of_workers.map(|(lane, _)| lane.present).sum();
        let polls = self
            .spans
            .polls
            .iter()
            .filter(|poll| self.spans.is_worker(poll.lane));
        let on_core: Duration = polls.map(spans::Poll::on_core).sum();
        let busy = figures::share(on_core, present);
        let at_best = figures
            .speed_up_bound(self.cores)
            .min(self.cores as f64 / workers.max(1) as f64);
        let fires = workers > 0
            && workers < self.cores
            && busy >= COMPUTE_HEAVY
            && at_best >= WORTH_A_WORKER
            && !self.is_crowded();
        fires.then(|| Advice {
            kind: Kind::MoreWorkers,
            tasks: Vec::new(),
            place: None,
            at_best: Some(at_best),
            text: words::more_workers(busy, workers, self.cores, at_best, figures),
        })
    }

    fn wakes_nowhere(&self) -> Option<Advice> {
        let figures = self.figures;
        let wakes = figures.wakes - figures.joins_nowhere;
        let nowhere = figures.wakes_nowhere - figures.joins_nowhere;
        if wakes < MANY_WAKES || (nowhere as f64) < MOSTLY_NOWHERE * wakes as f64 {
            return None;
        }
        let tasks = figures.tasks.iter().enumerate();
        let (task, most) = tasks.max_by_key(|(_, task)| task.wakes_nowhere)?;
        Some(Advice {
            kind: Kind::WakesNowhere,
            tasks: vec![task],
            place: None,
            at_best: None,
            text: words::wakes_nowhere(wakes, nowhere, &self.label(task), most.wakes_nowhere),
        })
    }
}

#[cfg(test)]
mod tests;
