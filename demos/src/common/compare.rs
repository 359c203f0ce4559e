//! `--cooks 1,2,4`: the same demo with different numbers of cooks, side by side,
//! and the sentence that follows from the comparison.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    columns::Columns,
    options::Shared,
    paint::Paint,
    report::{self, Ending, Figures, Report},
    units,
};

/// So many times as fast, or as long, is put down to the cooks. Two runs of one program
/// differ by a few percent anyway, and by more on a machine that has other things to do.
const WORTH_MENTIONING: f64 = 1.2;

/// What a change of the wall time amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Faster,
    Same,
    Slower,
}

impl Change {
    /// Of a run that was `speed_up` times as fast as the other. It is judged as it is
    /// printed, so that no sentence contradicts the figure in it.
    pub(crate) fn of(speed_up: f64) -> Self {
        let printed = |factor: f64| (factor * 100.0).round() / 100.0;
        if printed(speed_up) >= WORTH_MENTIONING {
            Self::Faster
        } else if printed(speed_up.recip()) >= WORTH_MENTIONING {
            Self::Slower
        } else {
            Self::Same
        }
    }
}

/// `1.07 x; less than 1.20 x may be chance`: a change that is none, and why.
pub(crate) fn may_be_chance(speed_up: f64) -> String {
    format!("{} x; {}", units::factor(speed_up), chance())
}

/// What is said of changes that are none.
pub(crate) fn chance() -> String {
    let least = units::factor(WORTH_MENTIONING);
    format!("less than {least} x may be chance")
}

/// A run that took less than so much of one cook's time leaves a second one nothing to take
/// over.
const LITTLE_WORK: f64 = 0.5;

/// Ends the command: prints the JSON object if that was asked for, or how the
/// runs compare if several were `printed`. The worst ending counts, `ending` included.
pub(crate) fn finish(
    reports: &[Report],
    printed: usize,
    ending: Ending,
    shared: &Shared,
) -> ExitCode {
    if shared.json {
        report::write_stdout(&format!("{}\n", object(reports, shared.cooks.len() > 1)));
    } else if printed > 1 {
        report::write_stdout(&text(reports, Paint::for_stdout(shared.no_color)));
    }
    let endings = reports.iter().map(|report| report.ending);
    endings.fold(ending, Ending::max).exit_code()
}

/// The keys of the last run, and `runs` with one object each if it is a list.
fn object(reports: &[Report], list: bool) -> Value {
    let mut object = reports.last().map_or(Value::Null, Report::json);
    if list {
        object["runs"] = reports.iter().map(Report::json).collect();
        object["comparison"] = json!(sentence(reports));
    }
    object
}

fn text(reports: &[Report], paint: Paint) -> String {
    let demo = reports[0].demo;
    let mut text = format!("\n{}\n\n", paint.bold(&format!("{demo}: compared")));
    for line in table(reports).lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text.push('\n');
    for line in report::wrapped(&sentence(reports)).lines() {
        text.push_str(&format!("{}\n", paint.bold(line)));
    }
    text
}

fn table(reports: &[Report]) -> Columns {
    let figures = reports.iter().map(|report| &report.figures);
    side_by_side(
        "cooks",
        figures.map(|figures| (units::count(figures.cooks), figures)),
    )
}

/// Several runs, one a row, each against the first.
pub(crate) fn side_by_side<'a>(
    what: &str,
    runs: impl IntoIterator<Item = (String, &'a Figures)>,
) -> Columns {
    let mut columns = Columns::new([
        what,
        "wall time",
        "CPU time",
        "in flight",
        "at once",
        "speed-up",
    ]);
    let mut first = None;
    for (name, figures) in runs {
        let first = *first.get_or_insert(figures);
        columns.row([
            name,
            units::duration(figures.wall),
            figures.cpu.map_or("-".to_owned(), units::duration),
            units::count(figures.in_flight_max),
            units::count(figures.at_once_max),
            format!("{} x", units::factor(speed_up(first, figures))),
        ]);
    }
    columns
}

/// What two of the columns mean: lines to stand under a table that has them.
pub(crate) fn columns_explained() -> [String; 3] {
    [
        String::new(),
        "in flight: tasks begun and not finished, at most: concurrency".to_owned(),
        "at once: tasks being polled at one instant, at most: parallelism".to_owned(),
    ]
}

/// How many times as fast `other` was.
fn speed_up(first: &Figures, other: &Figures) -> f64 {
    first.wall.as_secs_f64() / other.wall.as_secs_f64()
}

/// What the comparison says: of the others, the run that differs most from the first.
fn sentence(reports: &[Report]) -> String {
    let first = &reports[0].figures;
    let odds = |report: &&Report| speed_up(first, &report.figures).ln().abs();
    let other = reports[1..]
        .iter()
        .max_by(|a, b| odds(a).total_cmp(&odds(b)));
    let Some(Report {
        figures: other,
        crowding,
        ..
    }) = other
    else {
        return "There was one run only, and nothing to compare it with.".to_owned();
    };
    let gain = speed_up(first, other);
    let (from, to) = (
        units::counted(first.cooks, "cook"),
        units::counted(other.cooks, "cook"),
    );
    let walls = format!(
        "{from} took {} and {to} {}",
        units::duration(first.wall),
        units::duration(other.wall)
    );
    let said = match Change::of(gain) {
        Change::Faster => {
            return format!(
                "{walls}: {} x as fast, with up to {} polled at one instant.",
                units::factor(gain),
                units::counted(other.at_once_max, "task")
            );
        }
        Change::Slower => format!("{walls}: {} x as long.", units::factor(1.0 / gain)),
        Change::Same => format!(
            "{walls}: no difference worth mentioning ({}){}.",
            may_be_chance(gain),
            reason(first)
        ),
    };
    match crowding {
        Some(crowding) => format!("{said} {crowding}"),
        None => said,
    }
}

/// Why a first run leaves nothing to gain, if its figures say so. (Its cooks' own time,
/// not that on a processor, which other programs may have kept from them.)
fn reason(first: &Figures) -> String {
    let at_work: f64 = first.busy_shares().iter().sum();
    if at_work >= LITTLE_WORK {
        return String::new();
    }
    let share = match at_work {
        0.0..0.01 => "less than 1 %".to_owned(),
        share => units::percent(share),
    };
    format!(
        ", for in the first run there was work for {share} of one cook's time, and the rest was \
         waiting"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
        assert!(gain.contains("2 cooks 1.00 s: 2.00 x as fast"), "{gain}");
        let loss = said(&[(1, 1000, 1000), (2, 2000, 2000)]);
        assert!(loss.contains("2.00 x as long"), "{loss}");
        let same = said(&[(1, 1000, 100), (2, 990, 120)]);
        assert!(
            same.contains("no difference") && same.contains("10 % of one cook's time"),
            "{same}"
        );
        let busy = said(&[(1, 1000, 1000), (2, 990, 1000)]);
        let end = "no difference worth mentioning (1.01 x; less than 1.20 x may be chance).";
        assert!(busy.ends_with(end), "{busy}");
        assert!(said(&[(1, 5, 5)]).contains("nothing to compare"));
    }

    #[test]
    fn a_change_is_judged_as_it_is_printed() {
        for (speed_up, change) in [
            (1.2, Change::Faster),
            (1.196, Change::Faster),
            (1.194, Change::Same),
            (1.0, Change::Same),
            (1.0 / 1.194, Change::Same),
            (1.0 / 1.196, Change::Slower),
        ] {
            assert_eq!(Change::of(speed_up), change, "{speed_up}");
        }
        assert_eq!(
            may_be_chance(1.194),
            "1.19 x; less than 1.20 x may be chance"
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
        let lines = table(&[run(1, 2000, 1), run(16, 250, 1)]).lines();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].ends_with("1.00 x") && lines[2].ends_with("8.00 x"),
            "{lines:?}"
        );
    }
}
