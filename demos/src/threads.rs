//! `brigade threads`: threads compared with tasks.
//!
//! Two experiments:
//!
//! 1. *Waiting.* Many requests are sent to the embedded origin, whose replies are delayed.
//!    First each request is a task of the executor. Then each has a thread that blocks. The
//!    bytes and the waiting are the same, but the memory differs.
//! 2. *Computing.* The same sum is split among more and more threads. However many threads
//!    there are, at most one per core runs at any instant. The operating system counts for
//!    each thread how long it was on a core, and how long it was in the queue for one.

mod summary;

use std::{
    io,
    net::SocketAddr,
    ops::Range,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use crate::prelude::*;
use crate::{
    fetch::origin::{Origin, Request},
    system::Status,
};

/// The text after the options in `brigade threads --help`.
const NOTES: &str = "--cooks here: the number of threads that run the tasks of the first \
    experiment; everything else has its own threads. With 1,2 everything is done with each number and \
    compared.\n\n\
    --json adds `waiting`, for tasks and for threads (`done`, `wall_s`, `threads`, `cpu_s`, \
    `context_switches`, `memory_bytes`); `computing`, for each number of `threads` (`wall_s`; \
    `on_core_s` and `queued_s`, the sums over all threads; `at_once`, how many were on a core on \
    average; `interrupted`, how many times a core was taken away; `sum_is_right`); and `cores`.";

/// The numbers of computing threads, as multiples of the number of cores.
const CROWDS: [usize; 4] = [1, 2, 4, 16];

/// The explanations of the tables' columns.
const WAITING_EXPLAINED: &str = "\n  switches: the number of context switches\n  \
    memory: the peak beyond what was in use before; each: that memory per request\n";
const COMPUTING_EXPLAINED: &str = "\n  on a core, in the queue: the sums over all threads\n  \
    at once: threads on a core, on average; interrupted: how many times a core was taken away\n";

/// A thread for each waiting request, and more computing threads than cores
///
/// Waiting: the same requests are made once as tasks of the executor and once with a thread each; their
/// memory, context switches and time are compared. Computing: the same sum is computed on more and more
/// threads; the operating system reports how many of them were on a core at the same time.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = NOTES)]
pub(crate) struct Threads {
    /// Number of requests that wait at the same time
    #[arg(long, value_name = "N", default_value = "2000", value_parser = whole::<u32>(1..=10_000))]
    pub(crate) requests: u32,
    /// Millions of numbers to square and add up, in each of four runs
    #[arg(long, value_name = "N", default_value = "2000", value_parser = whole::<u64>(1..=100_000))]
    pub(crate) millions: u64,
}

/// The cost of waiting in one way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waited {
    pub(crate) name: &'static str,
    /// The number of requests that were answered completely.
    pub(crate) done: usize,
    pub(crate) wall: Duration,
    /// The number of threads that waited.
    pub(crate) threads: usize,
    /// The usage of the process; `None` if the system does not report it.
    pub(crate) used: Option<Usage>,
    /// The peak memory beyond what the process had before. Also `None` after many threads have waited in
    /// this process, because they leave memory behind that later runs use first.
    pub(crate) memory: Option<u64>,
}

/// The cost of computing with a given number of threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Computed {
    pub(crate) threads: usize,
    pub(crate) sum_is_right: bool,
    /// The time from the start of the first thread to the end of the last.
    pub(crate) wall: Duration,
    /// The sums over all threads: time on a core, and time in the queue for one.
    pub(crate) on_core: Option<Duration>,
    pub(crate) queued: Option<Duration>,
    /// The number of times a core was taken away from a thread.
    pub(crate) interrupted: Option<u64>,
}

impl Computed {
    /// Returns how many threads were on a core at the same time, on average.
    pub(crate) fn at_once(&self) -> Option<f64> {
        Some(self.on_core?.as_secs_f64() / self.wall.as_secs_f64())
    }
}

/// The results of both experiments.
#[derive(Debug)]
pub(crate) struct Both {
    pub(crate) tasks: Waited,
    pub(crate) threads: Waited,
    /// One entry for each number of threads.
    pub(crate) computed: Vec<Computed>,
    pub(crate) cores: usize,
    /// The run of the tasks. Its output is the sum of the times that the tasks waited.
    pub(crate) run: Run<Duration>,
}

impl Threads {
    pub(crate) fn measure(&self, executor: &Crew) -> anyhow::Result<Both> {
        // Each request has a socket.
        let possible = system::raise_open_files().max(1);
        let requests = self.requests as usize;
        let requests = system::as_files_allow(requests, possible, "requests at a time");
        let origin = Origin::start()?;
        let call = |n| (origin.address(n), Request::Reply(n));
        let calls: Vec<Call> = (0..requests as u64).map(call).collect();
        let mut run = None;
        // The tasks come first, because the threads would leave memory behind for them to use.
        let tasks = waiting("tasks", executor.workers(), || {
            let run = run.insert(measure(executor, call_as_tasks(&calls))?.transpose()?);
            Ok(run.output.0)
        })?;
        let threads = waiting("threads", calls.len(), || Ok(call_as_threads(&calls)?))?;
        CROWDED.store(true, Relaxed);
        drop(origin);
        let cores = cooks::cores();
        let interrupt = Interrupt::listen()?;
        let crowds = CROWDS.into_iter().take_while(|_| !interrupt.asked());
        let computed = crowds
            .map(|crowd| computing(crowd * cores, self.millions * 1_000_000))
            .collect();
        ensure!(!interrupt.asked(), Interrupted);
        Ok(Both {
            tasks,
            threads,
            computed,
            cores,
            run: run.context("the tasks have run")?.map(|(_, waited)| waited),
        })
    }
}

impl Dish for Threads {
    /// The record would take most of the memory that is measured here.
    fn is_recorded(&self) -> bool {
        false
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let both = self.measure(executor)?;
        let title = format!(
            "threads: {}, and a sum of {} squares, {}",
            units::counted_that(both.threads.threads, "request", "wait"),
            units::count(self.millions as usize * 1_000_000),
            counted(executor.workers(), "cook"),
        );
        let mut report = Report::new("threads", title, both.run.figures.clone());
        report.waiting_share = both.run.figures.waiting_share(both.run.output);
        let waiting = columns::block(both.waiting());
        let computing = columns::block(both.computing());
        let cores = counted(both.cores, "core");
        report.charts = vec![
            format!("  waiting\n{waiting}{WAITING_EXPLAINED}"),
            format!("  computing, on {cores}\n{computing}{COMPUTING_EXPLAINED}"),
        ];
        report.rows_of = "the tasks that wait".to_owned();
        report.rows = report::concurrency_rows(&both.run.figures);
        report.verdict = both.verdict();
        report.own_keys(json!({
            "cores": both.cores,
            "waiting": both.waiting().map(|way| way.json()),
            "computing": both.computing().map(|crowd| crowd.json()).collect::<Value>(),
        }));
        if !both.computed.iter().all(|computed| computed.sum_is_right) {
            report.ending = Ending::Failed;
        }
        Ok(report)
    }
}

// ---- waiting ---------------------------------------------------------------------------

/// A server, and the request to it.
type Call = (SocketAddr, Request);

/// Sends the request from a task. Returns how long it took.
async fn wait((to, request): Call) -> io::Result<Duration> {
    let begun = Instant::now();
    request.ask(to).await?;
    Ok(begun.elapsed())
}

/// True if many threads have run and ended in this process.
static CROWDED: AtomicBool = AtomicBool::new(false);

/// Measures `wait`, which returns the number of answered calls.
fn waiting(
    name: &'static str,
    threads: usize,
    wait: impl FnOnce() -> anyhow::Result<usize>,
) -> anyhow::Result<Waited> {
    Status::reset_peak();
    let (before, begun) = (Status::now(), Instant::now());
    let (done, used) = usage::of(wait);
    let wall = begun.elapsed();
    let memory = Status::now().memory_peak.zip(before.memory);
    Ok(Waited {
        name,
        done: done.with_context(|| format!("waiting with {name}"))?,
        wall,
        threads,
        used,
        memory: memory
            .filter(|_| !CROWDED.load(Relaxed))
            .map(|(peak, before)| peak.saturating_sub(before)),
    })
}

/// Returns how many calls were answered, and the sum of their times.
async fn call_as_tasks(calls: &[Call]) -> io::Result<(usize, Duration)> {
    let task = |(n, call): (usize, &Call)| begin(&format!("request {n}"), wait(*call));
    let tasks: Vec<_> = calls.iter().enumerate().map(task).collect();
    let mut all = (0, Duration::ZERO);
    for task in tasks {
        all.1 += task.await?;
        all.0 += 1;
    }
    Ok(all)
}

fn call_as_threads(calls: &[Call]) -> io::Result<usize> {
    thread::scope(|scope| {
        let hire = |call: &Call| {
            let (to, request) = *call;
            thread::Builder::new().spawn_scoped(scope, move || request.block(to))
        };
        // If the system refuses a thread, wait for the threads that exist.
        let threads: Vec<_> = calls.iter().map(hire).collect();
        let mut done = 0;
        for thread in threads {
            thread?.join().expect("a request does not panic")?;
            done += 1;
        }
        Ok(done)
    })
}

// ---- computing -------------------------------------------------------------------------

/// Adds up the squares below `numbers`, split among `threads`.
fn computing(threads: usize, numbers: u64) -> Computed {
    let _shown = meanwhile::show(&format!("{threads} threads compute …"));
    let together = Barrier::new(threads);
    let cut = |n: usize| numbers * n as u64 / threads as u64;
    let shares = thread::scope(|scope| {
        let hire = |n| {
            let (numbers, together) = (cut(n)..cut(n + 1), &together);
            scope.spawn(move || {
                together.wait();
                share(numbers)
            })
        };
        let hired: Vec<_> = (0..threads).map(hire).collect();
        let shares = hired.into_iter().map(thread::ScopedJoinHandle::join);
        shares
            .collect::<Result<Vec<_>, _>>()
            .expect("sums do not panic")
    });
    let (sums, costs): (Vec<_>, Vec<_>) = shares.into_iter().unzip();
    let (times, used): (Vec<_>, Vec<_>) = costs.into_iter().unzip();
    let begun = times.iter().map(|time| time.start).min();
    let ended = times.iter().map(|time| time.end).max();
    let wall = ended.zip(begun).map(|(ended, begun)| ended - begun);
    Computed {
        threads,
        sum_is_right: sums.into_iter().fold(0, u64::wrapping_add) == squares_below(numbers),
        wall: wall.unwrap_or_default(),
        on_core: used.iter().map(|used| Some(used.0?.cpu)).sum(),
        queued: used.iter().map(|used| used.1).sum(),
        interrupted: used.iter().map(|used| Some(used.0?.involuntary)).sum(),
    }
}

/// What a thread cost: its usage, and the time in the queue for a core.
type Cost = (Option<Usage>, Option<Duration>);

/// Returns the sum of a share, from when to when it was computed, and its cost. The clock is read outside
/// the readings of the usage, so the time on a core never exceeds the wall time.
fn share(numbers: Range<u64>) -> (u64, (Range<Instant>, Cost)) {
    let begun = Instant::now();
    let (used, queued) = (Usage::of_thread(), usage::queued_for_a_core());
    let sum = sum_of_squares(numbers);
    let used = Usage::of_thread().zip(used);
    let queued = usage::queued_for_a_core().zip(queued);
    let used = used.map(|(after, before)| after.since(before));
    let queued = queued.map(|(after, before)| after - before);
    (sum, (begun..Instant::now(), (used, queued)))
}
