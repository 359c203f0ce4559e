//! `brigade pitfalls`: six programs with a fault, each beside its corrected version.
//!
//! This demo shows common faults of asynchronous programs, their appearance on the timeline, and the
//! advice that names them. All of these programs run to an end.
//!
//! | pitfall | the fault | file |
//! |---|---|---|
//! | loop | awaits in a loop | `in_loop` |
//! | one-task | all work in one task | `one_task` |
//! | blocking | a call that blocks its thread, in a task | `blocking` |
//! | busy | a future that wakes itself to ask again | `busy` |
//! | waker | a future that does not keep its waker | `waker` |
//! | lock | a lock that is held across an await | `lock` |

mod blocking;
mod busy;
mod in_loop;
mod lock;
mod one_task;
mod waker;

use std::{future::Future, net::SocketAddr, pin::Pin};

use brigade_timeline::Kind;

use crate::fetch::origin::{Origin, Request};
use crate::prelude::*;

/// The text after the options in `brigade pitfalls --help`.
const NOTES: &str = "--cooks here: the number of threads that run each program (at least two \
    for one-task); with 1,2 everything is run with each number and compared.\n\n\
    --json adds `pitfalls`, one object for each fault: `broken` and `mended` (the corrected version) \
    have `done` and `of` (how much was done, of how much), `wall_s`, `cpu_s`, `polls`, `cooks`, \
    `at_once_max`, `advice` (all that the timeline gives) and `is_named` (whether some of it names the \
    fault).";

/// Six programs with a fault, the advice that names it, and corrected versions
///
/// loop: awaits in a loop. one-task: all work in one task. blocking: a call that blocks its thread, in a
/// task. busy: a future that wakes itself to ask again. waker: a future that does not keep its waker. lock:
/// a lock that is held across an await. Each runs, its timeline is drawn, and the advice that follows from
/// the timeline names the fault.
#[derive(Debug, clap::Args)]
#[command(after_long_help = NOTES)]
pub(crate) struct Args {
    /// The pitfall to run; all of them if none is named
    #[arg(value_name = "NAME", value_parser = ALL.map(|pitfall| pitfall.name))]
    only: Option<String>,
    /// Milliseconds that a guest needs to pay; everything else takes a few times as long
    #[arg(long, value_name = "MS", default_value = "50", value_parser = whole::<u64>(10..=5_000))]
    step: u64,
}

/// The data that all programs get.
#[derive(Clone, Copy, Debug)]
struct Place {
    step: Duration,
    /// The number of cooks. A fault that blocks one cook must block all cooks to be noticed.
    cooks: usize,
    /// A server, for programs that need one.
    server: SocketAddr,
}

/// How much of its work a program did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) done: usize,
    pub(crate) of: usize,
}

/// A program, as a function that returns its main future.
type Program = fn(Place) -> Pin<Box<dyn Future<Output = anyhow::Result<Done>>>>;

/// A fault, with a program that has it and a program that does not.
#[derive(Clone, Copy)]
struct Pitfall {
    name: &'static str,
    /// The fault, and its remedy.
    fault: &'static str,
    remedy: &'static str,
    /// An explanation in a few sentences.
    why: &'static str,
    /// The things that are counted as done.
    counts: &'static str,
    /// The minimum number of cooks with which the fault shows.
    cooks_min: usize,
    broken: Program,
    mended: Program,
    /// The kind of advice that names this fault.
    is_named_by: Kind,
}

/// All pitfalls, in the order in which they are run.
const ALL: [Pitfall; 6] = [
    in_loop::PITFALL,
    one_task::PITFALL,
    blocking::PITFALL,
    busy::PITFALL,
    waker::PITFALL,
    lock::PITFALL,
];

/// The results of one program.
#[derive(Debug)]
pub(crate) struct Twin {
    pub(crate) run: Run<Done>,
    /// The advice that its timeline gives, in words.
    pub(crate) advice: Vec<String>,
    /// The part of the advice that names the fault.
    named: Vec<String>,
    /// The part of the advice that blames other programs for using the cores, which hides faults.
    disturbed: Vec<String>,
}

/// The results of a pitfall's two programs.
pub(crate) struct Pair {
    pitfall: Pitfall,
    pub(crate) broken: Twin,
    pub(crate) mended: Twin,
}

impl Args {
    /// Returns the pitfalls to run.
    fn pitfalls(&self) -> Vec<Pitfall> {
        let wanted = |pitfall: &Pitfall| self.only.as_ref().is_none_or(|only| only == pitfall.name);
        ALL.into_iter().filter(wanted).collect()
    }

    /// Runs each program and its corrected version. The given executor runs the first program. Each other
    /// program runs on a new executor with the same number of cooks, so that it has its own timeline.
    pub(crate) fn measure(&self, executor: &Crew) -> anyhow::Result<Vec<Pair>> {
        let origin = Origin::start()?;
        let mut pairs = Vec::new();
        for pitfall in self.pitfalls() {
            let cooks = executor.workers().max(pitfall.cooks_min);
            let place = Place {
                step: Duration::from_millis(self.step),
                cooks,
                server: origin.address(0),
            };
            let broken = match pairs.is_empty() {
                true => run(executor, &pitfall, pitfall.broken, place)?,
                false => run(&cooks::hire(cooks)?, &pitfall, pitfall.broken, place)?,
            };
            let mended = run(&cooks::hire(cooks)?, &pitfall, pitfall.mended, place)?;
            pairs.push(Pair {
                pitfall,
                broken,
                mended,
            });
        }
        Ok(pairs)
    }
}

fn run(executor: &Crew, pitfall: &Pitfall, program: Program, place: Place) -> anyhow::Result<Twin> {
    let run = measure(executor, program(place))?.transpose()?;
    let advice = brigade_timeline::advice(&run.timeline);
    let words = |is: &dyn Fn(Kind) -> bool| {
        let its = advice.iter().filter(|advice| is(advice.kind()));
        its.map(|advice| advice.in_words_of("cook")).collect()
    };
    Ok(Twin {
        named: words(&|kind| kind == pitfall.is_named_by),
        disturbed: words(&|kind| kind == Kind::OtherPrograms),
        advice: words(&|_| true),
        run,
    })
}

/// Asks the server, which answers after the time `takes`.
async fn ask(server: SocketAddr, takes: Duration) -> anyhow::Result<()> {
    let request = Request::After(takes.as_millis() as u64);
    let answer = request.ask(server).await;
    answer.context("the server is out of order")
}

// ---- the output --------------------------------------------------------------------------

impl Dish for Args {
    /// The given executor runs the first program, so it must have enough cooks.
    fn runs(&self, asked: Vec<usize>) -> Vec<usize> {
        let least = self.pitfalls()[0].cooks_min;
        let mut runs: Vec<_> = asked.into_iter().map(|cooks| cooks.max(least)).collect();
        runs.dedup();
        runs
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let begun = Instant::now();
        let pairs = self.measure(executor)?;
        let title = format!(
            "pitfalls: {}, each beside its corrected version, {}",
            counted(pairs.len(), "fault"),
            counted(executor.workers(), "cook"),
        );
        let mut report = Report::of("pitfalls", title, &pairs[0].broken.run);
        report.figures.wall = begun.elapsed();
        report.charts = pairs.iter().map(|pair| pair.chart()).collect();
        report.draws_run = true;
        let runs = pairs.iter().flat_map(|pair| {
            let twins = pair.twins();
            twins.map(|(which, _, twin)| {
                let name = format!("{}, {which}", pair.pitfall.name);
                (name, twin.run.timeline.clone())
            })
        });
        report.runs = runs.collect();
        let rows = pairs.iter().flat_map(|pair| {
            let twins = pair.twins();
            twins.map(|(which, _, twin)| pair.facts(which, twin))
        });
        report.details = columns::of(rows);
        report.details.push(String::new());
        let named = "fault: named if the advice that follows from the timeline names it";
        report.details.push(named.to_owned());
        report.verdict = verdict(&pairs);
        report.own_keys(json!({ "pitfalls": pairs.iter().map(Pair::keys).collect::<Value>() }));
        Ok(report)
    }
}

impl Pair {
    fn twins(&self) -> [(&'static str, &'static str, &Twin); 2] {
        [
            ("broken", self.pitfall.fault, &self.broken),
            ("corrected", self.pitfall.remedy, &self.mended),
        ]
    }

    /// Returns the explanation of the fault, both runs drawn on the same scale, and the advice about the
    /// fault. (Other advice, such as that there is little to do, is left out.)
    fn chart(&self) -> String {
        let name = self.pitfall.name;
        let drawn = self
            .twins()
            .map(|(which, what, twin)| (&twin.run.timeline, format!("{name}, {which}: {what}")));
        let drawings = paint::draw(&drawn);
        let [broken, mended] = [&self.broken, &self.mended].map(|twin| &twin.run.figures);
        let mut chart = report::wrapped(&format!(
            "{} The broken program took {}, the corrected one {}.",
            self.pitfall.why,
            duration(broken.wall),
            duration(mended.wall),
        ));
        chart.push_str("\n\n");
        for (drawing, (_, _, twin)) in drawings.iter().zip(self.twins()) {
            chart.push_str(&format!("{}\n\n", drawing.trim_end()));
            if twin.named.is_empty() && twin.disturbed.is_empty() {
                chart.push_str("advice: none about this fault\n\n");
            }
            for advice in twin.named.iter().chain(&twin.disturbed) {
                let advice = report::wrapped(&format!("advice: {advice}"));
                chart.push_str(&format!("{advice}\n\n"));
            }
        }
        chart
    }

    fn keys(&self) -> Value {
        let twin = |twin: &Twin| {
            let mut object = self.facts("", twin).json();
            object.insert("advice".to_owned(), json!(twin.advice));
            object.insert("is_named".to_owned(), json!(twin.is_named()));
            object
        };
        json!({
            "pitfall": self.pitfall.name,
            "broken": twin(&self.broken),
            "mended": twin(&self.mended),
        })
    }

    fn facts(&self, which: &'static str, twin: &Twin) -> Facts {
        let Done { done, of } = twin.run.output;
        let figures = &twin.run.figures;
        let named = if twin.is_named() { "named" } else { "-" };
        Facts(vec![
            text("", " ", self.pitfall.name),
            text("", " ", which),
            text(
                "",
                "done",
                format!("{done} of {of} {}", self.pitfall.counts),
            ),
            count("done", "", done),
            count("of", "", of),
            time("wall_s", "wall time", figures.wall),
            time("cpu_s", "CPU time", figures.cpu),
            count("polls", "polls", twin.polls() as usize),
            count("cooks", "", figures.cooks),
            count("at_once_max", "", figures.at_once_max),
            text("", "fault", named),
        ])
    }
}

impl Twin {
    pub(crate) fn is_named(&self) -> bool {
        !self.named.is_empty()
    }

    /// Returns the number of polls of tasks.
    fn polls(&self) -> u64 {
        let figures = brigade_timeline::figures(&self.run.timeline);
        figures.tasks.iter().map(|task| task.polls).sum()
    }
}

fn verdict(pairs: &[Pair]) -> String {
    let all = pairs.len();
    let named = |twin: fn(&Pair) -> &Twin| {
        let twins = pairs.iter().map(twin);
        twins.filter(|twin| twin.is_named()).count()
    };
    let mut said = format!(
        "The advice that follows from the timeline names the fault in {} of {all} broken programs, and \
         in {} of {all} corrected ones.",
        named(|pair| &pair.broken),
        named(|pair| &pair.mended),
    );
    let mut twins = pairs.iter().flat_map(|pair| [&pair.broken, &pair.mended]);
    if twins.any(|twin| !twin.disturbed.is_empty()) {
        said.push_str(
            " Other programs had the cores for part of the time, which hides some faults and may look \
             like others.",
        );
    }
    said
}
