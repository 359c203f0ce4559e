//! `brigade claims`: what people say about concurrency and parallelism, measured.
//!
//! Each of the sixteen claims is tested by an experiment. Nearly every experiment is another demo, run at a
//! size that leaves little to chance. The verdict is computed from the figures of this run on this machine.
//! A claim that does not hold here is reported as such. A verdict never claims more than the figures show. A
//! claim may stay undecided, for example because other programs used the cores or because the system does
//! not report a figure. The output gives the reason.
//!
//! | file | contents |
//! |---|---|
//! | `said/` | the claims by topic: begin with the first claim in `said/tasks.rs` |
//! | `judgement` | verdicts, and the margins that a figure must exceed to decide a question |
//! | `lab` | the experiments and their sizes |
//! | `table`, `machine` | the output, and the description of the machine |

mod judgement;
mod lab;
mod machine;
mod said;
mod table;

use std::process::ExitCode;

use judgement::Verdict;
use lab::{Lab, Sizes, Trace};
use machine::Machine;
use said::{ALL, Claim};

use crate::prelude::*;
use crate::{dish, progress::Progress};

/// Sixteen common claims, each tested by an experiment
///
/// For each claim, an experiment is run on this machine. Its figures decide the verdict: holds, does not
/// hold, depends (and on what), or undecided if the figures prove nothing. Below each claim, a command is
/// printed that shows this claim. (For claim 13, the command tests all claims, because claim 13 is about all
/// runs.) All sixteen claims take a minute or two.
///
/// # Notes
///
/// --cooks here: the number of cooks that one cook is compared with; of a list, only the largest number is
/// used. Without --cooks, or with --cooks 1, each experiment chooses the number, mostly one per core.
///
/// --json adds these keys:
///
/// - `claims`: for each claim, its `id`, `claim`, `verdict`, `because`, `figures`, and a `command` that
///   shows it
///
/// - `machine`: the machine on which the claims were measured
///
/// - `runs`: the number of runs
///
/// The keys of every demo (such as `wall_s`) describe all runs of all claims together. In `figures`, too, _s
/// means seconds, and _speed_up means how many times as fast.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Check only the claims with these numbers, such as 3,7
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = whole::<u8>(1..=ALL.len() as u64))]
    only: Vec<u8>,
    /// Print a table in Markdown, with the machine it was measured on
    #[arg(long)]
    markdown: bool,
    /// Size of the experiments; small ones take seconds and may leave claims undecided
    #[arg(long, value_enum, default_value = "full")]
    size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Size {
    Full,
    Small,
}

/// A claim that was checked.
struct Checked {
    claim: Claim,
    /// The command that shows this claim.
    command: String,
    verdict: Verdict,
    because: String,
    facts: Facts,
    /// True if the experiment failed.
    has_failed: bool,
}

/// Checks the claims.
pub(crate) fn run(args: &Args, shared: &Shared) -> anyhow::Result<ExitCode> {
    let many = "`claims` makes many runs and draws none; use --timeline with the command that is printed \
                below a claim";
    ensure!(shared.timeline.is_none(), BadArguments::error(many));
    let both = "--json and --markdown cannot both go to stdout";
    ensure!(!(shared.json && args.markdown), BadArguments::error(both));
    let is_text = !shared.json && !args.markdown;
    // Without `--cooks`, the number for the lab is 1: each demo then chooses how many cooks it compares with
    // one cook.
    dish::asked(shared)?;
    let cooks = shared.cooks.iter().copied().max().unwrap_or(1);
    let lab = Lab::new(Sizes::new(args.size == Size::Small), cooks);
    let (begun, cpu) = (Instant::now(), system::cpu_time());
    let machine = Machine::here();
    if is_text {
        report::write_stdout(&table::heading(&machine));
    }
    let chosen = chosen(&args.only);
    let (checked, ending) = check_all(&chosen, &lab, shared.quiet, is_text)?;
    let used = system::cpu_time().zip(cpu).map(|(now, then)| now - then);
    let wall = begun.elapsed();
    let summary = table::summary(&checked, chosen.len());
    report::write_stdout(&if args.markdown {
        table::markdown(&checked, &machine, wall)
    } else if shared.json {
        let traces = lab.traces();
        let mut report = Report::new("claims", "", of_all(&traces, wall, used));
        let waiting = traces.iter().map(|trace| trace.waiting_share);
        report.waiting_share = waiting.sum::<f64>() / traces.len().max(1) as f64;
        report.verdict = summary;
        report.own_keys(json!({
            "claims": checked.iter().map(table::json).collect::<Value>(),
            "machine": machine,
            "runs": traces.len(),
        }));
        format!("{}\n", report.json())
    } else {
        table::ending(&summary, wall)
    });
    Ok(ending.exit_code())
}

/// The template of the progress bar.
const TEMPLATE: &str = "{bar:16}  {pos} of {len}, now {msg}";

/// The maximum number of characters of a claim that are shown beside the bar.
const SHORT: usize = 50;

/// Returns a claim, or its beginning if it is long.
fn short(said: &str) -> String {
    match said.char_indices().nth(SHORT) {
        Some((at, _)) => format!("{} …", said[..at].trim_end()),
        None => said.to_owned(),
    }
}

/// Checks the `chosen` claims. If the output is text, the claims are shown in the order of their numbers.
/// Each is shown as soon as it is checked and all chosen claims with smaller numbers have been shown. After
/// Ctrl-C, all other checked claims are shown, too.
fn check_all(
    chosen: &[Claim],
    lab: &Lab,
    quiet: bool,
    is_text: bool,
) -> anyhow::Result<(Vec<Checked>, Ending)> {
    let show = |checked: &Checked| {
        if is_text {
            report::write_stdout(&table::text(checked));
        }
    };
    let interrupt = Interrupt::listen()?;
    let all = chosen.len();
    let mut due: Vec<usize> = chosen.iter().map(|claim| claim.id).collect();
    due.sort_unstable();
    let progress = Progress::new(quiet, TEMPLATE, all);
    let (mut checked, mut ending) = (Vec::<Checked>::new(), Ending::Whole);
    let mut shown = 0;
    for (begun, &claim) in (1..).zip(chosen) {
        let (id, said) = (claim.id, short(claim.said));
        progress.bar.set_message(format!("{id}: {said}"));
        // Text output shows each claim when it is checked, so it needs no separate lines of progress.
        if progress.lines && !is_text {
            eprintln!("{begun} of {all}, claim {id}: {said}");
        }
        let outcome = check(claim, lab);
        if interrupt.asked() {
            ending = Ending::Interrupted;
            break;
        }
        if outcome.has_failed {
            ending = Ending::Failed;
        }
        checked.push(outcome);
        checked.sort_by_key(|checked| checked.claim.id);
        progress.bar.suspend(|| {
            while let (Some(checked), Some(due)) = (checked.get(shown), due.get(shown))
                && checked.claim.id == *due
            {
                show(checked);
                shown += 1;
            }
        });
        progress.bar.inc(1);
    }
    progress.bar.finish_and_clear();
    if ending == Ending::Interrupted {
        eprintln!("brigade: {Interrupted}");
        checked[shown..].iter().for_each(show);
    }
    Ok((checked, ending))
}

fn check(claim: Claim, lab: &Lab) -> Checked {
    let measured = (claim.measure)(lab);
    let has_failed = measured.is_err();
    let (verdict, because) = match &measured {
        Ok(facts) => (claim.judge)(facts),
        Err(error) => {
            let because = format!("The experiment failed: {error:#}.");
            (Verdict::Undecided, because)
        }
    };
    let mut command = (claim.command)(&lab.sizes);
    // These claims compare one cook with many.
    if [1, 2, 5, 13].contains(&claim.id) && lab.cooks > 1 {
        command += &format!(" --cooks {}", lab.cooks);
    }
    Checked {
        claim,
        command,
        verdict,
        because,
        facts: measured.unwrap_or_default(),
        has_failed,
    }
}

/// Returns the claims with these numbers, or all claims if there are no numbers, in the order in which they
/// are checked.
fn chosen(only: &[u8]) -> Vec<Claim> {
    let wanted = |claim: &Claim| only.is_empty() || only.contains(&(claim.id as u8));
    ALL.into_iter().filter(wanted).collect()
}

/// Combines the figures of all runs: the maximum of each count, and for each cook the sum of its times inside
/// tasks.
fn of_all(traces: &[Trace], wall: Duration, cpu: Option<Duration>) -> Figures {
    let all = || traces.iter().map(|trace| &trace.figures);
    let most = |figure: fn(&Figures) -> usize| all().map(figure).max().unwrap_or(0);
    let cooks = most(|run| run.cooks);
    let busy = |cook| all().filter_map(|run| run.busy.get(cook)).sum();
    Figures {
        cooks,
        wall,
        cpu,
        in_flight_max: most(|run| run.in_flight_max),
        at_once_max: most(|run| run.at_once_max),
        busy: (0..cooks).map(busy).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_measured_first_and_all_runs_are_judged_last() {
        let ids = |only: &[u8]| {
            let chosen = chosen(only).into_iter();
            chosen.map(|claim| claim.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&[16, 13, 1, 14, 1]), [16, 1, 14, 13]);
        let all = ids(&[]);
        assert_eq!((all.len(), all[0], all[15]), (16, 16, 13));
    }

    #[test]
    fn the_figures_of_all_runs_are_the_most_of_each() {
        let second = Duration::from_secs(1);
        let trace = |cooks: usize, in_flight_max| Trace {
            figures: Figures {
                cooks,
                wall: second,
                cpu: None,
                in_flight_max,
                at_once_max: cooks,
                busy: vec![second; cooks],
            },
            waiting_share: 0.5,
        };
        let all = of_all(&[trace(1, 2000), trace(2, 5)], 4 * second, None);
        assert_eq!(
            (all.cooks, all.in_flight_max, all.at_once_max),
            (2, 2000, 2)
        );
        assert_eq!(all.busy, [2 * second, second]);
        assert_eq!(of_all(&[], second, None).cooks, 0);
    }

    #[test]
    fn long_claims_are_cut_and_short_ones_are_not() {
        assert_eq!(short("So it is."), "So it is.");
        let long = "ä".repeat(2 * SHORT);
        assert_eq!(short(&long).chars().count(), SHORT + 2);
    }
}
