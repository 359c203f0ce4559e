//! `brigade reference`: one run seen from three frames of reference.
//!
//! A task's code runs its lines one after the other, as if nothing interrupted it. This demo shows the
//! interruptions that the task does not see: those by its thread, and those by the system.
//!
//! | frame | source | what it shows |
//! |---|---|---|
//! | the task's | notes that the task takes | its lines of code, one after the other |
//! | the thread's | the runtime's timeline | the task's polls, and polls of other tasks in between |
//! | the system's | the system's figures for the thread | how the system takes the core away, even in a poll |
//!
//! The task also waits for a server. Meanwhile the server's process works, so the demo also measures how
//! long that process is on a core. On any machine, other programs need the cores too. Here, computing threads
//! stand for such programs, one per core.

use std::{
    future::Future,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use brigade::{time::sleep, timeline::What, yield_now};
use brigade_timeline::TaskFigures;

use crate::fetch::origin::{Origin, Request};
use crate::prelude::*;

/// The number of other tasks on the same executor.
const OTHERS: usize = 2;

/// The number of squares that another task computes between two yields: a fraction of a millisecond of work.
const OTHERS_BATCH: u64 = 200_000;

/// How long the task waits for the timer.
const PAUSE: Duration = Duration::from_millis(20);

/// The number of pieces in which the last sum is computed. The task yields after each piece.
const PIECES: u64 = 4;

/// One run in three frames of reference: the task's, the thread's, the system's
///
/// A task computes, asks a server, waits for a timer and computes again. The task itself notes when each of
/// its steps began and how long it took. The timeline shows when this task and other tasks were polled. The
/// operating system reports how long the task's thread was on a core and how many times the core was taken
/// away. The server's time on a core shows that the server worked while the task waited.
///
/// # Notes
///
/// --cooks here: the number of threads. They run three tasks: this task and two others. With --cooks
/// 1,2, the demo makes the run with one thread, then with two, and compares the runs.
///
/// --json adds these keys:
///
/// - `lines`, `sums_are_right`: what the task noted, and whether its results were right
///
/// - `polls`, `others_polls`: the number of polls of the task, and of other tasks meanwhile
///
/// - `running_s`, `queued_s`, `waited_s`: how long the task ran, was ready to run, and waited, according to
///   the timeline
///
/// - `in_polls_s`: the total time of the task's polls, measured by the task itself
///
/// - `on_core_s`, `queued_for_core_s`: how long the thread was on a core, and how long it waited for a
///   core, during these polls
///
/// - `interrupted`: how many times the system took the core away during these polls
///
/// - `waited_for_server_s`, `server_cpu_s`: how long the task waited for the server, and the server's time on
///   a core meanwhile
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Reference {
    /// Millions of numbers to square and add up: by the task, by the server, and by the task again
    #[arg(long, value_name = "N", default_value = "200", value_parser = whole::<u64>(1..=100_000))]
    pub(crate) millions: u64,
}

/// The figures in the three frames, and those of the server.
pub(crate) struct ThreeFrames {
    /// The lines of the task, from the task's own notes.
    pub(crate) lines: Vec<Facts>,
    /// The figures of the task's thread, of the system, and of the server.
    pub(crate) facts: Facts,
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
        // If Ctrl-C ended the run, the future above has not set `over`.
        over.store(true, Relaxed);
        for program in programs {
            let _ = program.join();
        }
        let run = run?.transpose()?;
        let (its, others) = in_the_threads_frame(&run)?;
        Ok(run.map(|(noted, (in_polls, used))| {
            let right = noted.sums.iter().all(|sum| *sum == squares_below(numbers));
            let waited = noted.lines[ASKING]["takes_s"].called("waited_for_server_s", "");
            let interrupted = used.map(|used| used.involuntary as usize);
            let facts = measure::life_of(&its).with([
                is_right("sums_are_right", "", right),
                count("others_polls", "", others),
                time("in_polls_s", "", used.map(|_| in_polls)),
                time("on_core_s", "", used.map(|used| used.cpu)),
                time("queued_for_core_s", "", used.and_then(|used| used.queued)),
                count("interrupted", "", interrupted),
                time("server_cpu_s", "", noted.server),
                waited,
            ]);
            let lines = noted.lines;
            ThreeFrames { lines, facts }
        }))
    }
}

impl Dish for Reference {
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let run = self.measure(executor)?;
        let frames = &run.output;
        let title = format!(
            "reference: one task in three frames of reference, {}",
            counted(executor.workers(), "cook")
        );
        let mut report = Report::of("reference", title, &run);
        let programs = counted(cooks::cores(), "computing thread");
        let setting = format!(
            "One task computes and waits, beside {OTHERS} other tasks on its executor. On any machine, other \
             programs need the cores too; here {programs} of this demo stand for such programs."
        );
        report.intro = report::wrapped(&setting);
        report.charts = vec![format!(
            "  the task's frame: its lines of code\n{}",
            columns::block(frames.lines.iter().cloned())
        )];
        report.rows = frames.rows();
        report.rows.extend(report::concurrency_rows(&run.figures));
        let others = "The computing threads of this demo used the cores, too.";
        report.crowding = report.crowding.map(|_| others.to_owned());
        report.verdict = frames.verdict();
        report.own.extend(frames.facts.json());
        let lines = frames.lines.iter().map(Facts::json);
        report.own_keys(json!({ "lines": lines.collect::<Value>() }));
        if !frames.sums_are_right() {
            report.ending = Ending::Failed;
        }
        Ok(report)
    }
}

/// The name of the task that all frames describe.
const MINE: &str = "mine";

/// Starts the threads that stand for other programs: one per core. They compute until `over` is set.
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
    lines: Vec<Facts>,
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

/// The notes of the task about its lines of code. A line ends when the next line begins.
struct Notes {
    begun: Instant,
    last: Duration,
    lines: Vec<Facts>,
}

impl Notes {
    fn begin() -> Self {
        Self {
            begun: Instant::now(),
            last: Duration::ZERO,
            lines: Vec::new(),
        }
    }

    /// Records that a line is done.
    fn line(&mut self, line: &'static str) {
        let now = self.begun.elapsed();
        self.lines.push(Facts(vec![
            text("line", "line", line),
            time("begins_s", "begins", self.last),
            time("takes_s", "takes", now - self.last),
        ]));
        self.last = now;
    }
}

// ---- the system's frame ----------------------------------------------------------------

/// Runs `task`. Returns its output, how long its polls took, and how much the polling threads used meanwhile
/// (CPU time, for example).
async fn in_the_systems_frame<F: Future>(task: F) -> (F::Output, (Duration, Option<Usage>)) {
    let mut task = pin!(task);
    let (mut in_polls, mut used) = (Duration::ZERO, Vec::new());
    let output = std::future::poll_fn(|cx| {
        let begun = Instant::now();
        let (polled, more) = usage::of_thread(|| task.as_mut().poll(cx));
        in_polls += begun.elapsed();
        used.push(more);
        polled
    });
    (output.await, (in_polls, used.into_iter().sum()))
}

// ---- the thread's frame ----------------------------------------------------------------

/// Returns the figures of the task in the timeline, and the number of polls of other tasks between its spawn
/// and its end.
fn in_the_threads_frame<T>(run: &Run<T>) -> anyhow::Result<(TaskFigures, usize)> {
    let (mine, its) = run.task(MINE)?;
    let life = its.begun.unwrap_or_default()..its.ended.unwrap_or_default();
    let others = |task: usize| task != mine && !run.timeline.tasks[task].is_main;
    let polls = run.timeline.events.iter().filter(|event| {
        life.contains(&event.at) && matches!(event.what, What::PollBegin { task } if others(task))
    });
    Ok((its, polls.count()))
}

// ---- the output ------------------------------------------------------------------------

/// The rows of the table, each with its name, its figure and a remark, separated by `|`.
const ROWS: [&str; 7] = [
    "its polls|{polls:poll}|a line may take several polls: the last line yields 4 times; before the task \
     ended, {others_polls:poll} of other tasks began",
    "running|{running_s}|time in these polls, with or without a core",
    "ready|{queued_s}|the task waited for a cook to poll it",
    "waiting|{waited_s}|for the server and the timer",
    "on a core|{on_core_s}|of the running time; the task computed only then",
    "interrupted|{interrupted:time}|other threads got its core; it waited {queued_for_core_s} for one in all",
    "the server|{server_cpu_s}|on a core, while the task waited {waited_for_server_s} for it: in parallel",
];

impl ThreeFrames {
    pub(crate) fn sums_are_right(&self) -> bool {
        self.facts.count("sums_are_right") == 1
    }

    /// Returns a row for each known figure.
    fn rows(&self) -> Vec<Row> {
        let lines = counted(self.lines.len(), "line");
        let mut rows = vec![row(
            "its code",
            lines,
            "of code: each line began when the one before ended",
        )];
        for (name, rest) in ROWS.iter().filter_map(|row| row.split_once('|')) {
            let said = self.facts.say(rest);
            let cells = said.split_once('|').filter(|_| !said.contains("unknown"));
            rows.extend(cells.map(|(figure, why)| row(name, figure, why)));
        }
        rows
    }

    fn verdict(&self) -> String {
        let facts = &self.facts;
        let lines = self.lines.len();
        let polled = ". Before it ended, cooks polled it {polls} times, and other tasks {others_polls} times";
        let mut said = format!("In its own frame the task ran {lines} lines, one after the other");
        said += &facts.say(polled);
        if facts["interrupted"].is_known() {
            let times = facts.counted("interrupted", "time");
            // The two figures come from different clocks, so the share could be a little above 1.
            let on_core = percent(facts.ratio("on_core_s", "running_s").min(1.0));
            said += &format!(
                ". Within its polls, the system took its core away {times}, for the computing threads of \
                 this demo or for other programs, so it had a core for {on_core} of the time"
            );
        }
        said += ".";
        if facts["server_cpu_s"].is_known() {
            let server = " While it waited for the server, the server's process was on a core for \
                          {server_cpu_s}.";
            said += &facts.say(server);
        }
        said
    }
}
