//! `brigade reference`: one run seen from three frames of reference.
//!
//! This demo shows that code runs without interruption only in its own frame, which is its author's view.
//!
//! | frame | source | what it shows |
//! |---|---|---|
//! | the task's | notes that the task takes | its lines, one after the other |
//! | the thread's | the runtime's timeline | its polls, and polls of other tasks in between |
//! | the system's | the system's figures for the thread | a core given and taken away, even within a poll |
//!
//! While the task waits for a server, the server's process works, so its time on a core is counted as
//! well. As on any machine there are other programs. Here they are threads that compute, one per core.

mod summary;

use std::{
    future::Future,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::Poll,
    thread,
};

use brigade::{time::sleep, timeline::What, yield_now};
use brigade_timeline::TaskFigures;

use crate::fetch::origin::{Origin, Request};
use crate::prelude::*;

/// The text after the options in `brigade reference --help`.
const NOTES: &str = "--cooks here: the number of threads that run the task and two other \
    tasks; with 1,2 everything is done with each number and compared.\n\n\
    --json adds `lines` (what the task noted), `sums_are_right`, `polls` and `others_polls`; for the \
    task's life, by the timeline, `running_s`, `queued_s` and `waited_s`; for its polls, by the system, \
    `in_polls_s` (how long they were), `on_core_s`, `queued_for_core_s` and `interrupted` (how many \
    times); `server_cpu_s` within the `waited_for_server_s`.";

/// The number of other tasks on the same executor.
const OTHERS: usize = 2;

/// The number of squares that another task computes between two yields: a fraction of a millisecond.
const OTHERS_BATCH: u64 = 200_000;

/// How long the task waits for the timer.
const PAUSE: Duration = Duration::from_millis(20);

/// The number of pieces in which the last sum is computed, with a yield after each.
const PIECES: u64 = 4;

/// One run from three frames: the task's, the thread's and the system's
///
/// A task computes, asks a server, waits for a timer and computes again. It takes notes itself; the timeline
/// shows when it was polled and which other tasks were; the operating system reports how long its thread was
/// on a core and how many times the core was taken away. The server's time on a core shows who worked while
/// the task waited.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = NOTES)]
pub(crate) struct Reference {
    /// Millions of numbers to square and add up: by the task, by the server, and by the task again
    #[arg(long, value_name = "N", default_value = "200", value_parser = whole::<u64>(1..=100_000))]
    pub(crate) millions: u64,
}

/// A line of the task, from the task's own notes.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) text: &'static str,
    /// The time since the task's first line.
    pub(crate) begun: Duration,
    pub(crate) took: Duration,
}

/// The system's figures for the threads while they polled the task.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InPolls {
    pub(crate) wall: Duration,
    pub(crate) on_core: Duration,
    /// The time in the queue for a core, in which the code stood still in the middle of a poll.
    pub(crate) queued: Duration,
    /// The number of times the core was taken away.
    pub(crate) interrupted: u64,
}

/// The figures of the task in the timeline.
#[derive(Clone, Debug)]
pub(crate) struct OnThread {
    pub(crate) its: TaskFigures,
    /// The number of polls of other tasks between its first and its last poll.
    pub(crate) others: usize,
    /// The number of times a thread of the executor slept meanwhile.
    pub(crate) sleeps: usize,
}

/// The figures in the three frames, and those of the server.
#[derive(Clone, Debug)]
pub(crate) struct ThreeFrames {
    pub(crate) lines: Vec<Line>,
    pub(crate) sums_are_right: bool,
    pub(crate) on_thread: OnThread,
    /// `None` if the system does not report it.
    pub(crate) in_polls: Option<InPolls>,
    /// The server's time on a core while the task waited for it, and the length of this wait.
    pub(crate) server: Option<Duration>,
    pub(crate) asked: Duration,
}

impl Reference {
    pub(crate) fn measure(&self, executor: &Crew) -> anyhow::Result<Run<ThreeFrames>> {
        let origin = Origin::start()?;
        let (address, process) = (origin.address(0), origin.process());
        let numbers = self.millions * 1_000_000;
        let over = Arc::new(AtomicBool::new(false));
        let programs = other_programs(&over);
        let run = measure(executor, async {
            let other = |n| begin(&format!("other {n}"), other(over.clone()));
            let others: Vec<_> = (1..=OTHERS).map(other).collect();
            let mine = in_the_systems_frame(mine(address, process, numbers));
            let (noted, in_polls) = begin(MINE, mine).await;
            over.store(true, Relaxed);
            join_all(others).await;
            anyhow::Ok((noted.context("the server is out of order")?, in_polls))
        });
        // This is also needed if Ctrl-C came first.
        over.store(true, Relaxed);
        for program in programs {
            let _ = program.join();
        }
        let run = run?.transpose()?;
        let on_thread = on_thread(&run)?;
        Ok(run.map(|(noted, in_polls)| ThreeFrames {
            sums_are_right: noted.sums.iter().all(|sum| *sum == squares_below(numbers)),
            asked: noted.lines[ASKING].took,
            lines: noted.lines,
            server: noted.server,
            on_thread,
            in_polls,
        }))
    }
}

impl Dish for Reference {
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let run = self.measure(executor)?;
        let frames = &run.output;
        let title = format!(
            "reference: one task from three frames, {}",
            counted(executor.workers(), "cook")
        );
        let mut report = Report::of("reference", title, &run);
        report.charts = vec![format!(
            "  the task's frame: its lines\n{}",
            columns::block(frames.lines())
        )];
        report.rows = frames.rows();
        report.rows.extend(report::concurrency_rows(&run.figures));
        report.verdict = frames.verdict();
        report.own_keys(frames.keys());
        if !frames.sums_are_right {
            report.ending = Ending::Failed;
        }
        Ok(report)
    }
}

/// The name of the task that all frames describe.
const MINE: &str = "mine";

/// Starts the other programs of the machine: one thread per core, which computes until `over` is set.
fn other_programs(over: &Arc<AtomicBool>) -> Vec<thread::JoinHandle<()>> {
    let cores = cooks::cores();
    let program = |_| {
        let over = over.clone();
        thread::spawn(move || {
            while !over.load(Relaxed) {
                sum_of_squares(0..OTHERS_BATCH);
            }
        })
    };
    (0..cores).map(program).collect()
}

/// Runs another task, which computes and yields until `over` is set.
async fn other(over: Arc<AtomicBool>) {
    while !over.load(Relaxed) {
        sum_of_squares(0..OTHERS_BATCH);
        yield_now().await;
    }
}

// ---- the task's frame ------------------------------------------------------------------

/// The result of the task.
struct Noted {
    lines: Vec<Line>,
    sums: [u64; 3],
    server: Option<Duration>,
}

/// The index of the line that asks the server.
const ASKING: usize = 1;

/// The observed task. Its code reads as if it ran without a break.
async fn mine(server: SocketAddr, process: u32, numbers: u64) -> io::Result<Noted> {
    let mut notes = Notes::begin();
    let first = sum_of_squares(0..numbers);
    notes.line("add up the squares");

    let before = usage::cpu_of(process);
    let second = ask(server, numbers).await?;
    let server = usage::cpu_of(process).zip(before);
    notes.line("ask the server for the same sum");

    sleep(PAUSE).await;
    notes.line("wait for a timer");

    let mut third = 0_u64;
    for piece in 0..PIECES {
        let cut = |piece| numbers * piece / PIECES;
        third = third.wrapping_add(sum_of_squares(cut(piece)..cut(piece + 1)));
        yield_now().await;
    }
    notes.line("add them up again, in pieces");
    Ok(Noted {
        lines: notes.lines,
        sums: [first, second, third],
        server: server.map(|(after, before)| after.saturating_sub(before)),
    })
}

async fn ask(server: SocketAddr, numbers: u64) -> io::Result<u64> {
    let answer = Request::Sum(numbers).send(server).await?;
    let text = String::from_utf8(answer).map_err(|_| ErrorKind::InvalidData)?;
    let (_, sum) = text
        .split_once("\r\n\r\n")
        .ok_or(ErrorKind::UnexpectedEof)?;
    sum.parse().map_err(|_| ErrorKind::InvalidData.into())
}

struct Notes {
    begun: Instant,
    lines: Vec<Line>,
}

impl Notes {
    fn begin() -> Self {
        Self {
            begun: Instant::now(),
            lines: Vec::new(),
        }
    }

    /// Notes that a line is done.
    fn line(&mut self, text: &'static str) {
        let last = self.lines.last();
        let begun = last.map_or(Duration::ZERO, |last| last.begun + last.took);
        let took = self.begun.elapsed().saturating_sub(begun);
        self.lines.push(Line { text, begun, took });
    }
}

// ---- the system's frame ----------------------------------------------------------------

/// Runs `task`. Returns its output, and the system's figures for the threads that polled it, counted
/// during the polls.
async fn in_the_systems_frame<F: Future>(task: F) -> (F::Output, Option<InPolls>) {
    let mut task = pin!(task);
    let mut sum = Some(InPolls::default());
    let output = std::future::poll_fn(|cx| {
        // Returns what the calling thread has used since it began.
        let now = || Usage::of_thread().zip(usage::queued_for_a_core());
        let (before, begun) = (now(), Instant::now());
        let polled: Poll<F::Output> = Pin::as_mut(&mut task).poll(cx);
        let wall = begun.elapsed();
        let both = now().zip(before);
        sum = sum.zip(both).map(|(sum, (now, before))| {
            let used = now.0.since(before.0);
            InPolls {
                wall: sum.wall + wall,
                on_core: sum.on_core + used.cpu,
                queued: sum.queued + now.1.saturating_sub(before.1),
                interrupted: sum.interrupted + used.involuntary,
            }
        });
        polled
    });
    (output.await, sum)
}

// ---- the thread's frame ----------------------------------------------------------------

fn on_thread<T>(run: &Run<T>) -> anyhow::Result<OnThread> {
    let (mine, its) = run.task(MINE)?;
    let life = its.begun.unwrap_or_default()..its.ended.unwrap_or_default();
    let others = |task: usize| task != mine && !run.timeline.tasks[task].is_main;
    let of = |is: &dyn Fn(What) -> bool| {
        let meanwhile = run
            .timeline
            .events
            .iter()
            .filter(|event| life.contains(&event.at));
        meanwhile.filter(|event| is(event.what)).count()
    };
    Ok(OnThread {
        others: of(&|what| matches!(what, What::PollBegin { task } if others(task))),
        sleeps: of(&|what| what == What::Park),
        its,
    })
}
