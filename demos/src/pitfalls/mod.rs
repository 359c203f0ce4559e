//! `brigade pitfalls`: six programs with a fault, each beside its corrected version.
//!
//! This demo shows common faults of asynchronous programs, their appearance on the timeline, and the advice
//! that names them. All of these programs end, even the faulty ones.
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

use std::net::SocketAddr;

use brigade_timeline::{Advice, Kind};
use futures_util::future::LocalBoxFuture;

use crate::fetch::origin::{Origin, Request};
use crate::prelude::*;

/// Six faulty programs, the advice that names each fault, and corrected versions
///
/// loop: awaits in a loop. one-task: all work in one task. blocking: a call that blocks its thread, in a
/// task. busy: a future that wakes itself to ask again. waker: a future that does not keep its waker. lock: a
/// lock that is held across an await. Each program and its corrected version are run and drawn. The advice
/// that follows from the timeline names the fault.
///
/// # Notes
///
/// --cooks here: the number of threads that run each program (at least two for one-task). With --cooks 1,2,
/// all programs run with one thread, then with two.
///
/// The keys of every demo (such as `wall_s`) describe all programs together; `at_once_max` leaves out programs
/// that ran with more threads than `cooks`.
///
/// --json adds `pitfalls`, one object for each fault. In each, the objects `broken` and `mended` (the
/// corrected version) have these keys:
///
/// - `done`, `of`: how much was done, and how much should have been done
///
/// - `wall_s`, `cpu_s`, `polls`, `cooks`, `at_once_max`: the figures of the run
///
/// - `advice`: all advice that the timeline gives
///
/// - `is_named`: whether some of the advice names the fault
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pitfall to run; all of them if none is named
    #[arg(value_name = "NAME", value_parser = ALL.map(|pitfall| pitfall.name))]
    only: Option<String>,
    /// Length of a step in milliseconds; the programs last from a quarter of a step to some steps
    #[arg(long, value_name = "MS", default_value = "50", value_parser = whole::<u64>(10..=5_000))]
    step: u64,
}

/// The data that all programs get.
#[derive(Clone, Copy, Debug)]
struct Place {
    step: Duration,
    /// The number of cooks. A program that blocks cooks must block all of them, because a free cook would
    /// hide the fault.
    cooks: usize,
    /// A server, for programs that need one.
    server: SocketAddr,
}

/// How many things a program did, and how many it should have done.
type Done = (usize, usize);

/// A program with a fault, or its corrected version if the second argument is true.
type Program = fn(Place, bool) -> LocalBoxFuture<'static, anyhow::Result<Done>>;

/// A fault, with a program that has it and a program that does not.
#[derive(Clone, Copy)]
struct Pitfall {
    name: &'static str,
    /// The fault, as the title of the drawing.
    fault: &'static str,
    /// The remedy, as the title of the drawing of the corrected version.
    remedy: &'static str,
    /// An explanation in a few sentences.
    why: &'static str,
    /// The name of what is counted, such as `meals`.
    counts: &'static str,
    /// The minimum number of cooks: with fewer, the fault does not show.
    cooks_min: usize,
    program: Program,
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
struct Twin {
    pitfall: Pitfall,
    is_mended: bool,
    run: Run<Done>,
    /// The advice that the run's timeline gives.
    advice: Vec<Advice>,
}

impl Args {
    /// Returns the pitfalls to run.
    fn pitfalls(&self) -> Vec<Pitfall> {
        let wanted = |pitfall: &Pitfall| self.only.as_ref().is_none_or(|only| only == pitfall.name);
        ALL.into_iter().filter(wanted).collect()
    }

    /// Runs each program and its corrected version. The given executor runs the first program. Each other
    /// program runs on a new executor, so that it has its own timeline.
    fn measure(&self, executor: &Crew) -> anyhow::Result<Vec<[Twin; 2]>> {
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
                true => Twin::measure(executor, pitfall, place, false)?,
                false => Twin::measure(&cooks::hire(cooks)?, pitfall, place, false)?,
            };
            let mended = Twin::measure(&cooks::hire(cooks)?, pitfall, place, true)?;
            pairs.push([broken, mended]);
        }
        Ok(pairs)
    }
}

/// Asks the server, which answers after the time `takes`.
async fn ask(server: SocketAddr, takes: Duration) -> anyhow::Result<()> {
    let request = Request::After(takes.as_millis() as u64);
    let answer = request.ask(server).await;
    answer.context("the server is out of order")
}

// ---- the output --------------------------------------------------------------------------

impl Dish for Args {
    /// Raises each number of cooks to the minimum that the first program needs, because the given executor
    /// runs that program.
    fn runs(&self, asked: Vec<usize>) -> Vec<usize> {
        let least = self.pitfalls()[0].cooks_min;
        let mut runs = Vec::new();
        for cooks in asked {
            if !runs.contains(&cooks.max(least)) {
                runs.push(cooks.max(least));
            }
        }
        runs
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let pairs = self.measure(executor)?;
        let title = format!(
            "pitfalls: {}, broken and corrected, {}",
            counted(pairs.len(), "program"),
            counted(executor.workers(), "cook"),
        );
        let twins = || pairs.iter().flatten();
        let mut report = Report::new("pitfalls", title, together(&pairs, executor.workers()));
        report.waiting_share = waiting_share(&pairs);
        let disturbed = "Other programs had the cores for part of the time.";
        report.crowding = is_disturbed(&pairs).then(|| disturbed.to_owned());
        report.intro = report::wrapped(SETTING);
        report.charts = pairs.iter().map(chart).collect();
        report.draws_run = true;
        let runs = twins().map(|twin| (twin.name(), twin.run.timeline.clone()));
        report.runs = runs.collect();
        report.details = columns::of(twins().map(Twin::facts));
        report.details.push(String::new());
        let named = "named: the advice that follows from the timeline names the fault";
        report.details.push(named.to_owned());
        for [broken, _] in &pairs {
            let (name, cooks) = (broken.pitfall.name, broken.run.figures.cooks);
            if cooks > executor.workers() {
                let few = counted(executor.workers(), "cook");
                let more =
                    format!("{name}: run with {cooks} cooks, because {few} would hide the fault");
                report.details.push(more);
            }
        }
        report.verdict = verdict(&pairs);
        let said = format!(
            "With {}, the advice names the fault {}.",
            counted(executor.workers(), "cook"),
            named_in(&pairs),
        );
        report.compared_by = Some((Facts::default(), said));
        let keys = pairs.iter().map(|[broken, mended]| {
            json!({
                "pitfall": broken.pitfall.name,
                "broken": broken.json(),
                "mended": mended.json(),
            })
        });
        report.own_keys(json!({ "pitfalls": keys.collect::<Value>() }));
        Ok(report)
    }
}

/// The explanation above all drawings.
const SETTING: &str = "Each fault is shown in a broken program, beside its corrected version. Both runs are \
    drawn on one time scale, each with the advice that follows from it. The advice estimates from the \
    broken run how much faster the program could be. The corrected run may differ from this estimate.";

/// Returns the explanation of the fault, both runs drawn on the same scale, and two kinds of advice: about
/// this fault, and about other programs that disturbed the run.
fn chart(pair: &[Twin; 2]) -> String {
    let mut chart = format!("{}\n\n", report::wrapped(pair[0].pitfall.why));
    let drawn = pair.each_ref().map(|twin| {
        let what = match twin.is_mended {
            true => twin.pitfall.remedy,
            false => twin.pitfall.fault,
        };
        (&twin.run.timeline, format!("{}: {what}", twin.name()))
    });
    for (drawing, twin) in paint::draw("cook", &drawn).iter().zip(pair) {
        chart += &format!("{}\n\n", drawing.trim_end());
        let kinds = [twin.pitfall.is_named_by, Kind::OtherPrograms];
        let mut advice = kinds.map(|kind| twin.advice_of(kind)).concat();
        if advice.is_empty() {
            advice.push("the timeline gives none about this fault".to_owned());
        }
        for advice in advice {
            let advice = report::wrapped(&format!("advice: {advice}"));
            chart += &format!("{advice}\n\n");
        }
    }
    chart
}

/// Returns the figures of all programs together: the sum of each time, and the maximum of each other
/// figure. `at_once_max` leaves out programs that had more than `cooks` cooks.
fn together(pairs: &[[Twin; 2]], cooks: usize) -> Figures {
    let mut all = Figures {
        cooks,
        cpu: Some(Duration::ZERO),
        ..Figures::default()
    };
    for twin in pairs.iter().flatten() {
        let one = &twin.run.figures;
        all.wall += one.wall;
        all.cpu = all.cpu.zip(one.cpu).map(|(sum, cpu)| sum + cpu);
        all.in_flight_max = all.in_flight_max.max(one.in_flight_max);
        if one.cooks <= cooks {
            all.at_once_max = all.at_once_max.max(one.at_once_max);
        }
        let cooks = all.busy.len().max(one.busy.len());
        all.busy.resize(cooks, Duration::ZERO);
        for (sum, busy) in all.busy.iter_mut().zip(&one.busy) {
            *sum += *busy;
        }
    }
    all
}

/// Adds up the lifetimes of all tasks of all programs. Returns the share of the sum in which the tasks
/// waited.
fn waiting_share(pairs: &[[Twin; 2]]) -> f64 {
    let (mut waiting, mut lived) = (Duration::ZERO, Duration::ZERO);
    for twin in pairs.iter().flatten() {
        for task in brigade_timeline::figures(&twin.run.timeline).tasks {
            waiting += task.waiting;
            lived += task.running + task.queued + task.waiting;
        }
    }
    match lived.is_zero() {
        true => 0.0,
        false => waiting.div_duration_f64(lived),
    }
}

/// Returns whether other programs disturbed one of the runs.
fn is_disturbed(pairs: &[[Twin; 2]]) -> bool {
    pairs.iter().flatten().any(Twin::is_disturbed)
}

impl Twin {
    fn measure(
        executor: &Crew,
        pitfall: Pitfall,
        place: Place,
        is_mended: bool,
    ) -> anyhow::Result<Self> {
        let run = measure(executor, (pitfall.program)(place, is_mended))?.transpose()?;
        Ok(Self {
            pitfall,
            is_mended,
            advice: brigade_timeline::advice(&run.timeline),
            run,
        })
    }

    /// Returns the advice of a kind, in words.
    fn advice_of(&self, kind: Kind) -> Vec<String> {
        let advice = self.advice.iter().filter(|advice| advice.kind() == kind);
        advice.map(|advice| advice.in_words_of("cook")).collect()
    }

    /// Returns whether the advice names the fault.
    fn is_named(&self) -> bool {
        !self.advice_of(self.pitfall.is_named_by).is_empty()
    }

    /// Returns whether other programs used the cores. Their load can hide faults.
    fn is_disturbed(&self) -> bool {
        !self.advice_of(Kind::OtherPrograms).is_empty() || self.run.crowding().is_some()
    }

    fn which(&self) -> &'static str {
        if self.is_mended {
            "corrected"
        } else {
            "broken"
        }
    }

    fn name(&self) -> String {
        format!("{}, {}", self.pitfall.name, self.which())
    }

    fn json(&self) -> Value {
        let mut object = self.facts().json();
        let advice = self.advice.iter().map(|advice| advice.in_words_of("cook"));
        object.insert("advice".to_owned(), advice.collect());
        object.insert("is_named".to_owned(), json!(self.is_named()));
        object.into()
    }

    fn facts(&self) -> Facts {
        let (done, of) = self.run.output;
        let figures = &self.run.figures;
        let tasks = brigade_timeline::figures(&self.run.timeline).tasks;
        let polls: u64 = tasks.iter().map(|task| task.polls).sum();
        let named = match (self.is_named(), self.is_mended) {
            (true, _) => "named",
            (false, true) => "-",
            (false, false) => "not named",
        };
        let things = format!("{done} of {of} {}", self.pitfall.counts);
        Facts(vec![
            text("", " ", self.pitfall.name),
            text("", " ", self.which()),
            text("", "done", things),
            count("done", "", done),
            count("of", "", of),
            time("wall_s", "wall time", figures.wall),
            time("cpu_s", "CPU time", figures.cpu),
            count("polls", "polls", polls as usize),
            count("cooks", "", figures.cooks),
            count("at_once_max", "", figures.at_once_max),
            text("", "fault", named),
        ])
    }
}

/// Returns in how many programs the advice names the fault.
fn named_in(pairs: &[[Twin; 2]]) -> String {
    let all = pairs.len();
    let named = |which: usize| pairs.iter().filter(|pair| pair[which].is_named()).count();
    let [broken, corrected] = [0, 1].map(named);
    format!("in {broken} of {all} broken programs, and in {corrected} of {all} corrected ones")
}

fn verdict(pairs: &[[Twin; 2]]) -> String {
    let named = named_in(pairs);
    let mut said = format!("The advice that follows from the timeline names the fault {named}.");
    if is_disturbed(pairs) {
        said.push_str(
            " Other programs had the cores for part of the time. This load hides some faults and may look \
             like other faults.",
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_cooks_is_run_once() {
        let args = |only: &str| Args {
            only: Some(only.to_owned()),
            step: 10,
        };
        assert_eq!(args("lock").runs(vec![1, 3, 2]), [1, 3, 2]);
        // This fault shows only with two or more cooks.
        assert_eq!(args("one-task").runs(vec![1, 3, 2]), [2, 3]);
    }
}
