//! `brigade threads`: threads compared with tasks.
//!
//! Two experiments:
//!
//! 1. *Waiting.* Many requests are sent to a server that delays its replies. First each request is a task
//!    of the executor. Then each request has its own thread, which blocks. The bytes and the waiting are
//!    the same, but the memory differs.
//! 2. *Computing.* The same sum is split among more and more threads. At most one thread per core runs at
//!    any instant. For each thread, the operating system reports the time on a core, and the time in the
//!    queue for a core.

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

/// The numbers of computing threads, as multiples of the number of cores.
const CROWDS: [usize; 4] = [1, 2, 4, 16];

/// The explanations of the tables' columns.
const WAITING_EXPLAINED: &str = "\n  each request waits for a server, which replies after 50 to 500 ms\n  \
     switches: how many times a thread gave up its core, or lost it\n";
const MEMORY_EXPLAINED: &str = "  memory: the peak, minus the memory in use before (of a stack, only\n  \
     the pages that its thread has touched); each: that memory per request\n";
const COMPUTING_EXPLAINED: &str = "\n  on a core, wait for core: times summed over all threads\n  \
    cores used: the number of threads on a core, on average\n  \
    interrupted: how many times a core was taken away from a thread\n";

/// Threads instead of tasks: one thread per request, and more threads than cores
///
/// Waiting: the same requests are made once as tasks of the executor and once with a thread each; their
/// memory, context switches and time are compared. Computing: the same sum is computed on more and more
/// threads; the operating system reports how many of them were on a core at the same time.
///
/// # Notes
///
/// --cooks here: the number of threads that run the tasks of the first experiment; nothing else depends on
/// it. With --cooks 1,2, both experiments are made with one such thread, then with two, and the runs are
/// compared.
///
/// --json adds these keys:
///
/// - `waiting`: for tasks and for threads, `done`, `wall_s`, `threads`, `cpu_s`, `context_switches` and
///   `memory_bytes`
///
/// - `computing`: for each number of `threads`, `wall_s`, `on_core_s` and `queued_s` (sums over all threads),
///   `at_once` (how many were on a core on average), `interrupted` (how many times a core was taken away) and
///   `sum_is_right`
///
/// - `cores`: the number of cores
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Threads {
    /// Number of requests that wait at the same time
    #[arg(long, value_name = "N", default_value = "2000", value_parser = whole::<u32>(1..=10_000))]
    pub(crate) requests: u32,
    /// Millions of numbers to square and add up, in each of four runs
    #[arg(long, value_name = "N", default_value = "2000", value_parser = whole::<u64>(1..=100_000))]
    pub(crate) millions: u64,
}

/// The results of both experiments.
pub(crate) struct Both {
    /// The figures of the run in which tasks wait.
    pub(crate) tasks: Facts,
    /// The figures of the run in which threads wait.
    pub(crate) threads: Facts,
    /// The facts about computing, for each number of threads.
    pub(crate) computed: Vec<Facts>,
    /// The run of the tasks. Its output is the sum of the times that the requests took.
    pub(crate) run: Run<Duration>,
}

impl Threads {
    pub(crate) fn measure(&self, executor: &Crew) -> anyhow::Result<Both> {
        // Each request has a socket, so the limit on open files also limits the requests.
        let possible = system::raise_open_files().max(1);
        let requests = self.requests as usize;
        let requests = system::as_files_allow(requests, possible, "requests at a time");
        let origin = Origin::start()?;
        let call = |n| (origin.address(n), Request::Reply(n));
        let calls: Vec<Call> = (0..requests as u64).map(call).collect();
        let mut run = None;
        // The tasks come first. Otherwise they would reuse memory that the threads leave behind, and the
        // measured memory would be too small.
        let tasks = waiting("tasks", executor.workers(), || {
            let waited = run.insert(measure(executor, call_as_tasks(&calls))?.transpose()?);
            Ok(waited.output.len())
        })?;
        let threads = waiting("threads", calls.len(), || Ok(call_as_threads(&calls)?))?;
        CROWDED.store(true, Relaxed);
        drop(origin);
        let interrupt = Interrupt::listen()?;
        let crowds = CROWDS.into_iter().take_while(|_| !interrupt.asked());
        let computed = crowds
            .map(|crowd| computing(crowd * cooks::cores(), self.millions * 1_000_000))
            .collect();
        ensure!(!interrupt.asked(), Interrupted);
        Ok(Both {
            tasks,
            threads,
            computed,
            run: run
                .context("the tasks have run")?
                .map(|waited| waited.into_iter().sum()),
        })
    }
}

impl Dish for Threads {
    /// Nothing is recorded, because a record would take most of the memory that is measured here.
    fn is_recorded(&self) -> bool {
        false
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let both = self.measure(executor)?;
        let title = format!(
            "threads: {}, and a sum of {} squares, {}",
            units::counted_that(both.threads.count("threads"), "request", "wait"),
            units::count(self.millions as usize * 1_000_000),
            counted(executor.workers(), "cook"),
        );
        let mut report = Report::new("threads", title, both.run.figures.clone());
        report.waiting_share = both.run.figures.waiting_share(both.run.output);
        let ways = [&both.tasks, &both.threads];
        let waiting = columns::block(ways.map(Facts::clone));
        let computing = columns::block(both.computed.iter().cloned());
        let cores = counted(cooks::cores(), "core");
        let memory = match both.threads["memory_bytes"].is_known() {
            true => MEMORY_EXPLAINED,
            false if Status::now().memory_peak.is_some() => {
                "  no figure for memory: threads of the first run left memory behind\n"
            }
            false => "  no figure for memory: the system does not report it\n",
        };
        report.charts = vec![
            format!("  waiting\n{waiting}{WAITING_EXPLAINED}{memory}"),
            format!("  computing, on {cores}\n{computing}{COMPUTING_EXPLAINED}"),
        ];
        report.rows_of = "the tasks that wait".to_owned();
        report.part = "the tasks that wait";
        report.rows = report::concurrency_rows(&both.run.figures);
        report.verdict = both.verdict();
        report.own_keys(json!({
            "cores": cooks::cores(),
            "waiting": ways.map(Facts::json),
            "computing": both.computed.iter().map(Facts::json).collect::<Value>(),
        }));
        if both
            .computed
            .iter()
            .any(|crowd| crowd.count("sum_is_right") == 0)
        {
            report.ending = Ending::Failed;
        }
        Ok(report)
    }
}

// ---- waiting ---------------------------------------------------------------------------

/// A server, and the request to it.
type Call = (SocketAddr, Request);

/// Sends the request from a task. Returns the time until the whole reply has arrived.
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
) -> anyhow::Result<Facts> {
    Status::reset_peak();
    let (before, begun) = (Status::now(), Instant::now());
    let (done, used) = usage::of_process(wait);
    let wall = begun.elapsed();
    let done = done.with_context(|| format!("waiting with {name}"))?;
    // The peak of the memory, minus the memory that the process used before. This figure is unknown after
    // many threads have waited in this process, because they leave memory behind that later runs use first.
    let memory = Status::now().memory_peak.zip(before.memory);
    let memory = memory.filter(|_| !CROWDED.load(Relaxed));
    let memory = memory.map(|(peak, before)| peak.saturating_sub(before));
    let switches = used.map(|used| used.switches() as usize);
    Ok(Facts(vec![
        text("way", " ", name),
        count("threads", "threads", threads),
        count("done", "done", done),
        time("wall_s", "wall time", wall),
        time("cpu_s", "CPU time", used.map(|used| used.cpu)),
        count("context_switches", "switches", switches),
        bytes("memory_bytes", "memory", memory),
        bytes("", "each", memory.map(|all| all / done.max(1) as u64)),
    ]))
}

/// Makes each call in a task. Returns how long each call took.
async fn call_as_tasks(calls: &[Call]) -> io::Result<Vec<Duration>> {
    let task = |(n, call): (usize, &Call)| begin(&format!("request {n}"), wait(*call));
    let tasks: Vec<_> = calls.iter().enumerate().map(task).collect();
    let mut all = Vec::with_capacity(tasks.len());
    // `join_all` would take memory for each task, and the memory is measured here.
    for task in tasks {
        all.push(task.await?);
    }
    Ok(all)
}

fn call_as_threads(calls: &[Call]) -> io::Result<usize> {
    thread::scope(|scope| {
        let hire = |call: &Call| {
            let (to, request) = *call;
            thread::Builder::new().spawn_scoped(scope, move || request.block(to))
        };
        // If the system refuses a thread, the scope still waits for the other threads.
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

/// Adds up the squares of all numbers below `numbers`, split among `threads` threads.
fn computing(threads: usize, numbers: u64) -> Facts {
    let _shown = meanwhile::show(&format!("{threads} threads compute …"));
    let together = Barrier::new(threads);
    let cut = |n: usize| numbers * n as u64 / threads as u64;
    let shares: Vec<Share> = thread::scope(|scope| {
        let hire = |n| {
            let (numbers, together) = (cut(n)..cut(n + 1), &together);
            scope.spawn(move || {
                together.wait();
                share(numbers)
            })
        };
        let hired: Vec<_> = (0..threads).map(hire).collect();
        let shares = hired.into_iter().map(|thread| thread.join());
        shares
            .map(|share| share.expect("sums do not panic"))
            .collect()
    });
    let sum = shares
        .iter()
        .fold(0_u64, |sum, share| sum.wrapping_add(share.sum));
    let begun = shares.iter().map(|share| share.begun).min();
    let ended = shares.iter().map(|share| share.ended).max();
    let wall = ended.zip(begun).map(|(ended, begun)| ended - begun);
    let wall = wall.expect("there is a thread");
    // The sums over all threads.
    let used: Option<Usage> = shares.iter().map(|share| share.used).sum();
    let at_once = used.map(|used| used.cpu.div_duration_f64(wall));
    let interrupted = used.map(|used| used.involuntary as usize);
    Facts(vec![
        count("threads", "threads", threads),
        time("wall_s", "wall time", wall),
        time("on_core_s", "on a core", used.map(|used| used.cpu)),
        number("at_once", "cores used", at_once),
        time(
            "queued_s",
            "wait for core",
            used.and_then(|used| used.queued),
        ),
        count("interrupted", "interrupted", interrupted),
        is_right("sum_is_right", "sum", sum == squares_below(numbers)),
    ])
}

/// The work of one thread: its part of the sum, when the computation began and ended, and what it used.
struct Share {
    sum: u64,
    begun: Instant,
    ended: Instant,
    used: Option<Usage>,
}

/// Computes a share. The clock is read first and last, and the usage in between. So the time on a core never
/// exceeds the wall time.
fn share(numbers: Range<u64>) -> Share {
    let begun = Instant::now();
    let (sum, used) = usage::of_thread(|| sum_of_squares(numbers));
    Share {
        sum,
        begun,
        ended: Instant::now(),
        used,
    }
}

// ---- the output ------------------------------------------------------------------------

/// Returns a sentence if the threads used the cores so little that their times prove nothing. There must be
/// at least as many threads as `cores`.
fn doubt(crowd: &Facts, cores: usize) -> Option<&'static str> {
    let unused = cores as f64 * crowd["wall_s"].value - crowd["on_core_s"].value;
    let is_doubtful = crowd["at_once"].value < measure::CROWDED * cores as f64;
    is_doubtful.then(|| match crowd["queued_s"].value >= unused / 2.0 {
        true => {
            " Other programs had the cores for part of the time: these times depend more on the machine than \
             on the number of threads."
        }
        // A computing thread is on a core or waits for one. These threads did so for only part of the time,
        // so they did not all compute at the same time.
        false => " The threads did not overlap all the time, as in any short run.",
    })
}

impl Both {
    /// Returns which of the two ways has the larger figure `key`, and the ratio of the two figures. Returns
    /// `None` if one of them is unknown.
    fn more(&self, key: &str) -> Option<(&'static str, String)> {
        let ratio = self.threads[key].value / self.tasks[key].value;
        let (way, ratio) = match ratio < 1.0 {
            true => ("tasks", ratio.recip()),
            false => ("threads", ratio),
        };
        ratio.is_finite().then(|| (way, factor(ratio)))
    }

    fn verdict(&self) -> String {
        let (tasks, threads) = (&self.tasks, &self.threads);
        let waited = "For {done:request} at the same time, {threads:thread} took {wall_s}";
        let mut said = threads.say(waited) + &tasks.say(", and {threads:cook} took {wall_s}");
        let memory = self.more("memory_bytes");
        let switches = self.more("context_switches");
        if let Some((way, times)) = &memory {
            said += &format!("; the {way} needed {times} x the memory");
        }
        if let Some((way, times)) = &switches {
            said += &match memory {
                Some((same, _)) if same == *way => " and".to_owned(),
                Some(_) => format!(", and the {way}"),
                None => format!("; the {way} needed"),
            };
            said += &format!(" {times} x the context switches");
        }
        said += ".";
        let at_once = self.computed.iter().map(|crowd| crowd["at_once"].value);
        let most = at_once.filter(|most| !most.is_nan()).max_by(f64::total_cmp);
        if let ([first, .., last], Some(most)) = (&self.computed[..], most) {
            let (few, many) = (&first["threads"], &last["threads"]);
            let cores = cooks::cores();
            let times = factor(last["wall_s"].value / first["wall_s"].value);
            said += &format!(
                " With {few} to {many} threads that computed, at most {most:.2} of {} were in use on \
                 average; {many} threads took {times} x the time of {few}.",
                counted(cores, "core"),
            );
            said += doubt(first, cores)
                .or_else(|| doubt(last, cores))
                .unwrap_or("");
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_threads_without_a_core_are_noticed() {
        let doubt = |on_core_s, queued_s| {
            let seconds = |key, seconds| number(key, "", Some(seconds));
            let keys = [
                ("at_once", on_core_s),
                ("wall_s", 1.0),
                ("on_core_s", on_core_s),
            ];
            let crowd = Facts(keys.map(|(key, it)| seconds(key, it)).to_vec());
            doubt(&crowd.with([seconds("queued_s", queued_s)]), 2).unwrap_or_default()
        };
        assert!(doubt(0.98, 0.9).contains("Other programs"));
        assert!(doubt(0.98, 0.0).contains("did not overlap"));
        assert_eq!((doubt(1.9, 0.9), doubt(f64::NAN, 0.9)), ("", ""));
    }

    #[test]
    fn the_sentence_names_the_way_that_needed_more() {
        let way = |threads: usize, memory: Option<u64>, switches: usize| {
            Facts(vec![
                count("threads", "", threads),
                count("done", "", 2000),
                time("wall_s", "", Duration::from_millis(600)),
                bytes("memory_bytes", "", memory),
                count("context_switches", "", switches),
            ])
        };
        let said = |tasks: Facts, threads: Facts| {
            let run = Run {
                output: Duration::ZERO,
                figures: Figures::default(),
                timeline: brigade::timeline::Timeline::default(),
            };
            let computed = Vec::new();
            Both {
                tasks,
                threads,
                computed,
                run,
            }
            .verdict()
        };
        let begin = "For 2,000 requests at the same time, 2,000 threads took 600 ms, and 2 cooks took 600 ms";
        let unknown = said(way(2, None, 1000), way(2000, None, 2900));
        assert_eq!(
            unknown,
            format!("{begin}; the threads needed 2.90 x the context switches.")
        );
        let more = said(way(2, Some(100), 1000), way(2000, Some(900), 2000));
        let end = "; the threads needed 9.00 x the memory and 2.00 x the context switches.";
        assert_eq!(more, format!("{begin}{end}"));
        let both = said(way(2, Some(100), 3000), way(2000, Some(900), 2000));
        let more =
            "the threads needed 9.00 x the memory, and the tasks 1.50 x the context switches";
        assert_eq!(both, format!("{begin}; {more}."));
    }
}
