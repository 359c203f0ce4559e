//! `brigade claims`: what people say about concurrency and parallelism, measured.
//!
//! What it shows: each of sixteen claims is an experiment, and nearly each experiment
//! is another demo, run at a size that leaves little to chance. The verdict is computed
//! from the figures of this very run, on this machine; a claim that does not reproduce
//! here says so. It is never more than the figures carry: where other programs had the
//! cores, or the system does not say, a claim is undecided, with the reason.
//!
//! | file | its part |
//! |---|---|
//! | `said/` | the claims, one a file: read `said/automatic.rs` first |
//! | `judgement` | verdicts, and the margins by which figures decide |
//! | `lab` | where the experiments are made, and how large |
//! | `table`, `machine`, `progress` | what is printed, on which machine, and meanwhile |

mod judgement;
mod lab;
mod machine;
mod progress;
mod said;
mod table;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

pub(crate) use judgement::Verdict;
use judgement::{Fact, Judgement};
use lab::{Lab, Sizes, Trace};
use machine::Machine;
use progress::Progress;
use said::{ALL, ALSO_CONCURRENT, Entry};

use crate::{
    cooks,
    interrupt::{Interrupt, Interrupted},
    numbers::whole,
    options::{BadArguments, Shared},
    paint::Paint,
    report::{self, Ending, Figures, Report},
    system,
};

/// How `brigade claims --help` begins.
pub(crate) const ABOUT: &str = "Sixteen things people say, each an experiment with a verdict.\n\n\
    Each claim's experiment is run, and the verdict follows from its figures on this machine: holds, \
    does not hold, depends (on what), or undecided where they carry nothing. The command that shows a \
    claim alone stands beside it. Where one cook is compared with many, the many are a cook a core, or \
    as many as --cooks says. All sixteen take a minute or two.";

/// How it ends.
pub(crate) const NOTES: &str = "--cooks here: where one cook is compared with many, how many the many \
    are; of a list the largest counts.\n\n\
    --json adds `claims` (`id`, `claim`, `verdict`, `because`, `figures`, and the `command` that shows \
    it), `machine`, and `runs`, how many there were; the keys that all demos have are here the most of \
    all runs. In `figures`, too, _s means seconds and _speed_up how many times as fast.";

/// What `brigade claims` can be asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these claims, by their numbers: 3,7
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = whole::<u8>(1..=ALL.len() as u64))]
    only: Vec<u8>,
    /// Print a table in Markdown, with the machine it was measured on
    #[arg(long)]
    markdown: bool,
    /// How large the experiments are; small ones take seconds and may leave claims undecided
    #[arg(long, value_enum, default_value = "full")]
    size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Size {
    Full,
    Small,
}

/// The claim whose experiment measures memory. It goes first, since what ran before
/// leaves memory behind for others to use.
const ABOUT_MEMORY: usize = 16;

/// A claim that was checked.
struct Checked {
    entry: Entry,
    /// The command that shows it alone.
    command: String,
    judgement: Judgement,
    facts: Vec<Fact>,
}

/// What is printed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Text,
    Json,
    Markdown,
}

/// Checks the claims.
pub(crate) fn run(args: &Args, shared: &Shared) -> anyhow::Result<ExitCode> {
    let output = output(args, shared)?;
    let sizes = match args.size {
        Size::Full => Sizes::full(),
        Size::Small => Sizes::small(),
    };
    // One cook leaves it to each demo how many the many are.
    let cooks = cooks::asked(shared)?.into_iter().flatten().max();
    let lab = Lab::new(sizes, cooks.unwrap_or(1));
    let (begun, cpu) = (Instant::now(), system::cpu_time());
    let machine = Machine::here();
    let mut session = Session {
        chosen: chosen(&args.only),
        checked: Vec::new(),
        written: 0,
        output,
        paint: Paint::for_stdout(shared.no_color),
        ending: Ending::Whole,
    };
    if output == Output::Text {
        report::write_stdout(&table::heading(&machine, session.paint));
    }
    session.check(&lab, shared)?;
    let used = system::cpu_time().zip(cpu).map(|(now, then)| now - then);
    let figures = of_all(&lab.traces(), begun.elapsed(), used);
    session.finish(figures, &lab.traces(), &machine);
    Ok(session.ending.exit_code())
}

fn output(args: &Args, shared: &Shared) -> anyhow::Result<Output> {
    if shared.timeline.is_some() {
        return Err(BadArguments::error(
            "claims is many runs and draws none; ask the command that stands beside a claim for a --timeline",
        ));
    }
    match (shared.json, args.markdown) {
        (true, true) => Err(BadArguments::error(
            "--json and --markdown cannot both go to stdout",
        )),
        (true, false) => Ok(Output::Json),
        (false, true) => Ok(Output::Markdown),
        (false, false) => Ok(Output::Text),
    }
}

/// The claims with these numbers, or all, in order.
fn chosen(only: &[u8]) -> Vec<Entry> {
    let wanted = |entry: &Entry| only.is_empty() || only.contains(&(entry.id as u8));
    ALL.into_iter().filter(wanted).collect()
}

/// A run of `claims`.
struct Session {
    chosen: Vec<Entry>,
    /// In the order in which they were checked.
    checked: Vec<Checked>,
    /// How many of the chosen are printed already.
    written: usize,
    output: Output,
    paint: Paint,
    ending: Ending,
}

impl Session {
    /// Checks what was chosen, and says what came out as soon as its turn has come.
    fn check(&mut self, lab: &Lab, shared: &Shared) -> anyhow::Result<()> {
        let interrupt = Interrupt::listen()?;
        let streams = self.output == Output::Text;
        let mut progress = Progress::new(shared, streams, self.chosen.len());
        for entry in in_order_of_work(&self.chosen) {
            progress.begin(&entry);
            let (judgement, facts) = match (entry.check)(lab) {
                _ if interrupt.asked() => {
                    self.ending = Ending::Interrupted;
                    break;
                }
                Ok(outcome) => outcome,
                Err(error) => {
                    self.ending = Ending::Failed;
                    let because = format!("The experiment failed: {error:#}.");
                    (Judgement::undecided(because), Vec::new())
                }
            };
            self.checked.push(Checked {
                entry,
                command: (entry.command)(&lab.sizes),
                judgement,
                facts,
            });
            progress.end(|| self.write_what_is_due());
        }
        progress.finish();
        self.checked.sort_by_key(|checked| checked.entry.id);
        Ok(())
    }

    /// Prints the claims in order, as far as there is no gap.
    fn write_what_is_due(&mut self) {
        while let Some(due) = self.chosen.get(self.written) {
            let checked = self.checked.iter();
            let Some(checked) = checked.into_iter().find(|one| one.entry.id == due.id) else {
                break;
            };
            if self.output == Output::Text {
                report::write_stdout(&table::text(checked, self.paint));
            }
            self.written += 1;
        }
    }

    /// Prints the rest, and what follows.
    fn finish(&mut self, figures: Figures, traces: &[Trace], machine: &Machine) {
        if self.ending == Ending::Interrupted {
            eprintln!("brigade: {Interrupted}");
            // What was checked before its turn has none any more.
            self.chosen
                .retain(|entry| self.checked.iter().any(|one| one.entry.id == entry.id));
            self.write_what_is_due();
        }
        let summary = table::summary(&self.checked);
        let text = match self.output {
            Output::Text => table::ending(&summary, figures.wall, self.paint),
            Output::Markdown => table::markdown(&self.checked, machine, figures.wall),
            Output::Json => {
                let mut report = Report::new("claims", String::new(), figures);
                let waiting = traces.iter().map(|trace| trace.waiting_share);
                report.waiting_share = waiting.sum::<f64>() / traces.len().max(1) as f64;
                report.verdict = summary;
                report.own_keys(json!({
                    "claims": self.checked.iter().map(table::json).collect::<Value>(),
                    "machine": machine.json(),
                    "runs": traces.len(),
                }));
                format!("{}\n", report.json())
            }
        };
        report::write_stdout(&text);
    }
}

/// The same claims as they are checked: memory first, what is about all runs last.
fn in_order_of_work(chosen: &[Entry]) -> Vec<Entry> {
    let mut order = chosen.to_vec();
    order.sort_by_key(|entry| match entry.id {
        ABOUT_MEMORY => 0,
        ALSO_CONCURRENT => usize::MAX,
        id => id,
    });
    order
}

/// The figures of all runs together: the most there was of each, and the time each cook
/// spent inside tasks.
fn of_all(traces: &[Trace], wall: Duration, cpu: Option<Duration>) -> Figures {
    let most = |figure: fn(&Trace) -> usize| traces.iter().map(figure).max().unwrap_or(0);
    let cooks = most(|trace| trace.cooks);
    let busy = |cook| {
        traces
            .iter()
            .filter_map(|trace| trace.busy.get(cook))
            .sum::<Duration>()
    };
    Figures {
        cooks,
        wall,
        cpu,
        in_flight_max: most(|trace| trace.in_flight_max),
        at_once_max: most(|trace| trace.at_once_max),
        busy: (0..cooks).map(busy).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_measured_first_and_all_runs_are_judged_last() {
        let ids = |only: &[u8]| {
            let order = in_order_of_work(&chosen(only));
            order.iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&[16, 13, 1, 14, 1]), [16, 1, 14, 13]);
        let all = ids(&[]);
        assert_eq!((all.len(), all[0], all[15]), (16, 16, 13));
    }

    #[test]
    fn the_figures_of_all_runs_are_the_most_of_each() {
        let second = Duration::from_secs(1);
        let trace = |cooks: usize, in_flight_max| Trace {
            cooks,
            busy: vec![second; cooks],
            waiting_share: 0.5,
            in_flight_max,
            at_once_max: cooks,
        };
        let all = of_all(&[trace(1, 2000), trace(2, 5)], 4 * second, None);
        assert_eq!(
            (all.cooks, all.in_flight_max, all.at_once_max),
            (2, 2000, 2)
        );
        assert_eq!(all.busy, [2 * second, second]);
        assert_eq!(of_all(&[], second, None).cooks, 0);
    }
}
