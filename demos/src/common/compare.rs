//! Compares runs of one demo with different numbers of cooks (`--cooks 1,2,4`), in a table and in a sentence.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    columns,
    facts::{Facts, speed_up, text},
    figures::Figures,
    options::Shared,
    paint,
    report::{self, Ending, Report},
    speed_up::{Change, SpeedUp, may_be_chance},
    units::{self, counted, duration, factor},
};

/// If all cooks together worked for less than this share of the wall time, the run mostly waited, so a
/// further cook gains little.
const LITTLE_WORK: f64 = 0.5;

/// With `--json`, prints the JSON object. Otherwise, prints a comparison if more than one report was
/// printed. Returns the exit status of the worst ending, among `ending` and the endings of the reports.
pub(crate) fn finish(
    reports: &[Report],
    printed: usize,
    ending: Ending,
    shared: &Shared,
) -> ExitCode {
    if shared.json {
        report::write_stdout(&format!("{}\n", object(reports, shared.cooks.len() > 1)));
    } else if printed > 1 {
        report::write_stdout(&compared(reports));
    }
    let endings = reports.iter().map(|report| report.ending);
    endings.fold(ending, Ending::max).exit_code()
}

/// Returns an object with the keys of the last run. If `list` is true, adds `runs` (one object for each
/// run) and `comparison`.
fn object(reports: &[Report], list: bool) -> Value {
    let mut object = reports.last().map_or(Value::Null, Report::json);
    if list {
        object["runs"] = reports.iter().map(Report::json).collect();
        object["comparison"] = json!(sentence(reports));
    }
    object
}

fn compared(reports: &[Report]) -> String {
    let demo = reports[0].demo;
    // If a demo makes several runs, name the one that is compared.
    let part = match reports.last().map_or("", |report| report.part) {
        "" => String::new(),
        part => format!(" ({part})"),
    };
    let mut text = format!("\n{}\n\n", paint::bold(&format!("{demo}: compared{part}")));
    for line in table(reports) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push('\n');
    for line in report::wrapped(&sentence(reports)).lines() {
        text.push_str(&format!("{}\n", paint::bold(line)));
    }
    text
}

fn table(reports: &[Report]) -> Vec<String> {
    if let Some(outcomes) = outcomes(reports) {
        return columns::of(outcomes.into_iter().map(|(figures, (facts, _))| {
            // These runs have the same length by design, so leave out the wall time.
            let cooks = text("", "cooks", units::count(figures.cooks));
            let others = figures.facts().0.into_iter().skip(2);
            Facts(vec![cooks]).with(others).with(facts.0.clone())
        }));
    }
    let figures = reports.iter().map(|report| &report.figures);
    let figures = figures.map(|figures| (units::count(figures.cooks), figures));
    side_by_side("cooks", figures)
}

/// Shows several runs, one per row, each compared with the first.
pub(crate) fn side_by_side<'a>(
    what: &'static str,
    runs: impl IntoIterator<Item = (String, &'a Figures)>,
) -> Vec<String> {
    let mut first = None;
    columns::of(runs.into_iter().map(|(name, figures)| {
        let gain = SpeedUp::between(first.get_or_insert(figures), figures);
        let name = Facts(vec![text("", what, name)]);
        let figures = figures.facts().0.into_iter().skip(1);
        name.with(figures).with([speed_up("", "speed-up", gain)])
    }))
}

/// Returns the figures and the outcome of each run, or `None` if the runs are compared by their wall time.
fn outcomes(reports: &[Report]) -> Option<Vec<(&Figures, &(Facts, String))>> {
    let outcomes = reports.iter();
    let outcomes = outcomes.map(|report| Some((&report.figures, report.compared_by.as_ref()?)));
    outcomes.collect()
}

/// Returns the sentences of all outcomes, if the runs have outcomes. Otherwise, returns a sentence about the
/// run whose wall time differs most from that of the first run.
fn sentence(reports: &[Report]) -> String {
    if let (Some(outcomes), [_, _, ..]) = (outcomes(reports), reports) {
        let said = outcomes.iter().map(|(_, (_, said))| said.as_str());
        let said = said.collect::<Vec<_>>().join(" ");
        let crowding = reports.iter().rev().find_map(|it| it.crowding.clone());
        return report::with_doubts(said, crowding);
    }
    let first = &reports[0].figures;
    let speed_up = |report: &Report| SpeedUp::between(first, &report.figures);
    let odds = |report: &&Report| speed_up(report).factor.ln().abs();
    let others = reports[1..].iter();
    let Some(other) = others.max_by(|a, b| odds(a).total_cmp(&odds(b))) else {
        return "There was only one run, and nothing to compare it with.".to_owned();
    };
    let gain = speed_up(other);
    let [from, to] =
        [first, &other.figures].map(|run| (counted(run.cooks, "cook"), duration(run.wall)));
    let walls = format!("{} took {} and {} {}", from.0, from.1, to.0, to.1);
    let said = match gain.change() {
        Change::Faster if other.figures.at_once_max <= first.at_once_max => {
            let [before, after] = [first, &other.figures].map(|run| units::count(run.at_once_max));
            format!(
                "{walls}: {gain} as fast, although not more tasks were polled at one instant: up to \
                 {before} in the first run, and up to {after} in the other."
            )
        }
        Change::Faster => {
            let tasks = counted(other.figures.at_once_max, "task");
            format!("{walls}: {gain} as fast, with up to {tasks} polled at one instant.")
        }
        Change::Slower => format!("{walls}: {} x as long.", factor(gain.factor.recip())),
        Change::Same => {
            let (chance, reason) = (may_be_chance(gain.factor), reason(first));
            format!("{walls}: no difference worth mentioning ({chance}){reason}.")
        }
    };
    let crowding = other.crowding.clone();
    let crowding = crowding.or_else(|| reports[0].crowding.clone());
    report::with_doubts(said, gain.doubt().into_iter().chain(crowding))
}

/// If the first run mostly waited, returns that as the reason why more cooks gained nothing. The cooks' time
/// inside tasks shows whether it did. The processor time would not show it, because it is also small if other
/// programs had the cores.
fn reason(first: &Figures) -> &'static str {
    match first.busy_shares().iter().sum::<f64>() < LITTLE_WORK {
        true => ", because the first run was waiting for more than half of the time",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::count;

    fn run(cooks: usize, wall_ms: u64, busy_ms: u64) -> Report {
        let figures = Figures {
            cooks,
            wall: Duration::from_millis(wall_ms),
            cpu: None,
            in_flight_max: 8,
            at_once_max: cooks,
            busy: vec![Duration::from_millis(busy_ms / cooks as u64); cooks],
        };
        Report::new("test", format!("test: {cooks}"), figures)
    }

    #[test]
    fn the_sentence_follows_from_the_figures() {
        let said = |runs: &[(usize, u64, u64)]| {
            let reports: Vec<Report> = runs.iter().map(|&(c, w, busy)| run(c, w, busy)).collect();
            sentence(&reports)
        };
        let gain = said(&[(1, 2000, 2000), (2, 1000, 2000), (4, 1100, 2000)]);
        assert!(gain.contains("2 cooks 1.00 s: 2.00 x"), "{gain}");
        let beyond = said(&[(1, 3330, 3330), (2, 1000, 2000)]);
        assert!(
            beyond.contains("3.33 x (?)") && beyond.contains("(?): at most"),
            "{beyond}"
        );
        let loss = said(&[(1, 1000, 1000), (2, 2000, 2000)]);
        assert!(loss.contains("2.00 x as long"), "{loss}");
        let same = said(&[(1, 1000, 100), (2, 990, 120)]);
        assert!(
            same.contains("no difference") && same.contains("was waiting for more than half"),
            "{same}"
        );
        let busy = said(&[(1, 1000, 1000), (2, 990, 1000)]);
        assert!(
            busy.contains("worth mentioning (1.01 x;") && !busy.contains("because"),
            "{busy}"
        );
        assert!(said(&[(1, 5, 5)]).contains("nothing to compare"));
    }

    #[test]
    fn runs_of_fixed_length_are_compared_by_their_outcome() {
        let reports = [(1, 9), (2, 0)].map(|(cooks, missed)| Report {
            compared_by: Some((
                Facts(vec![count("", "missed", missed)]),
                format!("{cooks}: {missed}."),
            )),
            ..run(cooks, 1000, 1000)
        });
        assert_eq!(sentence(&reports), "1: 9. 2: 0.");
        let lines = table(&reports);
        assert!(
            lines[0].ends_with("missed") && lines[1].ends_with("  9"),
            "{lines:?}"
        );
        assert!(!lines.concat().contains("wall"), "{lines:?}");
        assert!(sentence(&reports[..1]).contains("nothing to compare"));
    }

    #[test]
    fn a_gain_without_more_parallelism_is_not_explained_by_it() {
        let mut reports = [run(1, 3000, 1000), run(2, 2000, 1000)];
        reports[1].figures.at_once_max = 1;
        let said = sentence(&reports);
        assert!(
            said.contains("1.50 x as fast, although not more tasks"),
            "{said}"
        );
    }

    #[test]
    fn one_object_has_the_keys_of_the_last_run_and_all_runs() {
        let reports = [run(1, 2000, 1), run(2, 1000, 1)];
        let list = object(&reports, true);
        assert_eq!(list["cooks"], 2);
        assert_eq!(list["runs"][0]["cooks"], 1);
        assert_eq!(list["runs"][1]["wall_s"], 1.0);
        assert!(object(&reports[1..], false).get("runs").is_none());
    }

    #[test]
    fn the_table_has_a_row_for_each_run() {
        let lines = table(&[run(1, 2000, 1), run(16, 250, 1)]);
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].ends_with("1.00 x") && lines[2].contains("8.00 x"),
            "{lines:?}"
        );
    }
}
