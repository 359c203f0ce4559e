//! The output of every demo: either a table of figures, or one JSON object. Both contain the sentence that
//! follows from the figures.

use std::{io::Write as _, process::ExitCode};

use brigade::timeline::Timeline;
use serde_json::{Map, Value, json};

use super::{
    facts::{Facts, share, text},
    figures::Figures,
    interrupt,
    measure::Run,
    paint,
    units::{self, duration, percent},
    wrap::wrap,
};

/// The width, in columns, at which the closing sentence is wrapped.
const SENTENCE_WIDTH: usize = 78;
/// The width, in columns, of the table. A longer remark is continued on the next line.
const TABLE_WIDTH: usize = 80;
/// The smallest width of the table's remarks, if the other columns are very wide.
const REMARK_WIDTH_MIN: usize = 24;

/// Words and signs that many demos print. Each is followed by its explanation.
const WORDS: [&str; 6] = [
    "p99: 99 of 100 requests took at most this long (p50: half of them)",
    "in flight: the most tasks begun and not finished at one instant (concurrency)",
    "at once: the most tasks being polled at one instant (parallelism)",
    "poll: a cook runs a task until it waits, yields or ends; cooks without a core\n    \
     of their own take turns on the cores, even in the middle of a poll",
    "% busy: the share of the time that a cook spent in polls, on a core or not",
    "(?): the measured figure is impossible; something else slowed one run down",
];

/// The outcome of a run, which determines the exit status. The worst outcome of several runs counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// Everything that was asked for was done.
    #[default]
    Whole,
    /// Something failed.
    Failed,
    /// Ctrl-C ended the run early.
    Interrupted,
}

impl Ending {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Whole => ExitCode::SUCCESS,
            Self::Failed => ExitCode::from(1),
            Self::Interrupted => ExitCode::from(interrupt::STATUS),
        }
    }
}

/// One line of the table: a name, its value, and what the value means.
pub(crate) type Row = (&'static str, String, String);

pub(crate) fn row(name: &'static str, value: impl Into<String>, remark: impl Into<String>) -> Row {
    (name, value.into(), remark.into())
}

/// Everything that a demo reports when it is done.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) demo: &'static str,
    pub(crate) figures: Figures,
    pub(crate) waiting_share: f64,
    /// The sentence that follows from the figures.
    pub(crate) verdict: String,
    pub(crate) ending: Ending,
    /// A remark, if the cooks had to share processors.
    pub(crate) crowding: Option<String>,
    /// The demo's own keys of the JSON object.
    pub(crate) own: Map<String, Value>,
    /// One line above the table.
    pub(crate) title: String,
    /// What a reader must know before the charts. Of several reports, only the first prints it.
    pub(crate) intro: String,
    /// The name of the run that [`figures`](Self::figures) are about, if the demo makes several runs.
    pub(crate) part: &'static str,
    /// Drawings that are printed between the title and the table.
    pub(crate) charts: Vec<String>,
    /// True if one of the charts is the run's own timeline, which is then not drawn again.
    pub(crate) draws_run: bool,
    /// The name of the run that the table is about, if there are several, such as `the notified way`.
    pub(crate) rows_of: String,
    pub(crate) rows: Vec<Row>,
    /// Lines below the table, ready to print, such as failures or single results.
    pub(crate) details: Vec<String>,
    /// If the wall time is not the figure that matters, a comparison of several runs shows these columns and
    /// this sentence instead of the wall time.
    pub(crate) compared_by: Option<(Facts, String)>,
    /// The run with one cook, if the demo itself compares one cook with many.
    pub(crate) with_one: Option<Run<()>>,
    /// True if the report must not be printed, because standard output already holds something else.
    pub(crate) is_silent: bool,
    /// All runs, by name, if the demo compares several. The HTML drawing shows them side by side.
    pub(crate) runs: Vec<(String, Timeline)>,
}

impl Report {
    /// Creates a report with its figures and its title; everything else is empty.
    pub(crate) fn new(demo: &'static str, title: impl Into<String>, figures: Figures) -> Self {
        Self {
            demo,
            figures,
            title: title.into(),
            ..Self::default()
        }
    }

    /// Creates a report of a run that was recorded.
    pub(crate) fn of<T>(demo: &'static str, title: impl Into<String>, run: &Run<T>) -> Self {
        Self {
            waiting_share: run.waiting_share(),
            crowding: run.crowding(),
            ..Self::new(demo, title, run.figures.clone())
        }
    }

    /// Draws runs one below the other on the same time scale. One of them is the report's own run.
    pub(crate) fn draw(&mut self, cook: &str, runs: &[(&Timeline, String)]) {
        self.charts.extend(paint::draw(cook, runs));
        self.draws_run = true;
        let named = runs
            .iter()
            .map(|(run, name)| (name.clone(), (*run).clone()));
        self.runs = named.collect();
    }

    /// Adds the demo's own keys, written as `json!({…})`, to the JSON object.
    pub(crate) fn own_keys(&mut self, keys: Value) {
        if let Value::Object(keys) = keys {
            self.own.extend(keys);
        }
    }

    /// Prints the report as text. Only the first report has explanations.
    pub(crate) fn print(&self, first: bool) {
        if self.is_silent {
            return;
        }
        let gap = if first { "" } else { "\n" };
        write_stdout(&format!("{gap}{}", self.text(first)));
    }

    /// Returns the report as a JSON object.
    pub(crate) fn json(&self) -> Value {
        let demo = Facts(vec![text("demo", "", self.demo)]);
        let mut object = demo.with(self.figures.facts().0).json();
        object.insert("busy".to_owned(), json!(self.figures.busy_shares()));
        let last = Facts(vec![
            share("waiting_share", "", Some(self.waiting_share)),
            text("verdict", "", self.said()),
        ]);
        object.extend(last.json());
        object.extend(self.own.clone());
        object.into()
    }

    fn text(&self, first: bool) -> String {
        let mut text = String::new();
        for line in wrap(&self.title, SENTENCE_WIDTH) {
            text.push_str(&format!("{}\n", paint::bold(&line)));
        }
        if first {
            text.push_str(&self.words());
        }
        text.push('\n');
        if first && !self.intro.is_empty() {
            text.push_str(&format!("{}\n\n", self.intro.trim_end()));
        }
        for chart in &self.charts {
            text.push_str(&format!("{}\n\n", chart.trim_end()));
        }
        if !self.rows_of.is_empty() {
            text.push_str(&format!("  of {}\n", self.rows_of));
        }
        text.push_str(&self.table());
        if !self.details.is_empty() {
            if !self.rows.is_empty() {
                text.push('\n');
            }
            for line in &self.details {
                text.push_str(&format!("{}\n", format!("  {line}").trim_end()));
            }
        }
        text.push('\n');
        for line in wrap(&self.said(), SENTENCE_WIDTH) {
            text.push_str(&format!("{}\n", paint::bold(&line)));
        }
        text
    }

    /// Returns the explanation of the words and signs in the report. It is printed above the charts.
    fn words(&self) -> String {
        let remarks = self.rows.iter().map(|row| &row.2);
        let printed = remarks.chain(&self.charts).chain(&self.details);
        let printed: Vec<_> = printed.chain([&self.intro, &self.verdict]).collect();
        let contain = |sign: &str| printed.iter().any(|text| text.contains(sign));
        let used = |word: &&str| {
            let sign = word.split_once(':').map_or(*word, |(sign, _)| sign);
            // The explanation of `at once` contains the word `polled`, so `poll` is explained too.
            contain(sign) || sign == "poll" && contain("at once")
        };
        let lines = WORDS.into_iter().filter(used);
        let lines: String = lines
            .map(|word| format!("  {}\n", paint::dim(word)))
            .collect();
        match lines.is_empty() || self.charts.is_empty() && self.intro.is_empty() {
            true => String::new(),
            false => format!("\n{lines}"),
        }
    }

    /// Returns the verdict. Appends `crowding`, unless the verdict already mentions other programs.
    fn said(&self) -> String {
        let crowding = self.crowding.clone();
        let said = ["ther programs", "took turns on"].map(|said| self.verdict.contains(said));
        let crowding = crowding.filter(|_| said == [false; 2]);
        with_doubts(self.verdict.clone(), crowding)
    }

    /// Returns the rows, aligned. A remark that is too long is continued below its beginning.
    fn table(&self) -> String {
        let name_width = self.rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
        let with_remark = self.rows.iter().filter(|row| !row.2.is_empty());
        let value_widths = with_remark.map(|row| row.1.chars().count());
        let value_width = value_widths.max().unwrap_or(0);
        let before = format!("  {:name_width$}  {:value_width$}  ", "", "");
        let remark_width = TABLE_WIDTH.saturating_sub(before.len());
        let mut table = String::new();
        for (name, value, remark) in &self.rows {
            let name = paint::dim(&format!("{name:name_width$}"));
            let mut first = format!("  {name}  {value:value_width$}  ");
            for remark in wrap(remark, remark_width.max(REMARK_WIDTH_MIN)) {
                let line = format!("{first}{}", paint::dim(&remark));
                table.push_str(&format!("{}\n", line.trim_end()));
                first.clone_from(&before);
            }
        }
        table
    }
}

/// Returns the rows for CPU time, concurrency and parallelism.
pub(crate) fn common_rows(figures: &Figures) -> Vec<Row> {
    let cpu = match figures.cpu {
        Some(cpu) => {
            let cores = cpu.as_secs_f64() / figures.wall.as_secs_f64().max(f64::MIN_POSITIVE);
            let remark = format!("on a processor, {} of one core", percent(cores));
            row("CPU time", duration(cpu), remark)
        }
        None => row("CPU time", "-", "not reported by this system"),
    };
    std::iter::once(cpu)
        .chain(concurrency_rows(figures))
        .collect()
}

/// Returns the rows for concurrency and parallelism.
pub(crate) fn concurrency_rows(figures: &Figures) -> Vec<Row> {
    let [in_flight, at_once] = [figures.in_flight_max, figures.at_once_max].map(units::count);
    let concurrency = "the most tasks begun and not finished: concurrency";
    let parallelism = "the most tasks being polled at one instant: parallelism";
    vec![
        row("in flight", in_flight, concurrency),
        row("at once", at_once, parallelism),
    ]
}

/// Writes to stdout. A closed pipe (`| head`) is not an error. Any other failure, such as a full disk,
/// ends the program with status 1, so that an incomplete report is not mistaken for a complete one.
pub(crate) fn write_stdout(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("brigade: standard output: {error}");
            std::process::exit(1);
        }
        _ => {}
    }
}

/// Joins a sentence and the sentences that cast doubt on it.
pub(crate) fn with_doubts(said: String, doubts: impl IntoIterator<Item = String>) -> String {
    let all: Vec<String> = std::iter::once(said).chain(doubts).collect();
    all.join(" ")
}

/// Wraps `text` at `SENTENCE_WIDTH`.
pub(crate) fn wrapped(text: &str) -> String {
    wrapped_beside(0, text)
}

/// Wraps `text` like [`wrapped`], but leaves room for an indentation of `margin` columns.
pub(crate) fn wrapped_beside(margin: usize, text: &str) -> String {
    wrap(text, SENTENCE_WIDTH - margin).join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        Report {
            demo: "test",
            figures: Figures {
                cooks: 1,
                wall: Duration::from_secs(2),
                cpu: None,
                in_flight_max: 3,
                at_once_max: 1,
                busy: vec![Duration::from_secs(1)],
            },
            waiting_share: 0.5,
            verdict: "So it is.".to_owned(),
            own: Map::from_iter([("extra".to_owned(), json!(7))]),
            title: "test: a title".to_owned(),
            rows_of: "the first run".to_owned(),
            rows: vec![row("one", "1", "first"), row("twenty", "20", "")],
            details: vec!["detail".to_owned()],
            ..Report::default()
        }
    }

    #[test]
    fn the_object_has_the_keys_that_programs_rely_on() {
        let object = report().json();
        for key in [
            "demo",
            "wall_s",
            "in_flight_max",
            "at_once_max",
            "waiting_share",
            "verdict",
        ] {
            assert!(!object[key].is_null(), "{key}");
        }
        assert_eq!(object["busy"], json!([0.5]));
        assert_eq!(object["cooks"], 1);
        assert_eq!(object["extra"], 7);
        assert!(object["cpu_s"].is_null(), "unknown is null, not zero");
    }

    #[test]
    fn the_table_is_aligned_and_ends_with_the_sentence() {
        let text = report().text(true);
        let expected = "test: a title\n\n  of the first run\n  one     1  first\n  twenty  20\n\n  detail\n\nSo it is.\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn words_that_are_printed_are_explained_above_the_charts() {
        let charts = vec!["97 % busy".to_owned()];
        let report = Report { charts, ..report() };
        let text = report.text(true);
        assert!(text.starts_with("test: a title\n\n  % busy: "), "{text}");
        assert!(!text.contains("(?)"), "{text}");
        assert!(!report.text(false).contains("% busy: "));
        for line in WORDS.iter().flat_map(|word| word.lines()) {
            assert!(line.chars().count() <= 78, "{line}");
        }
    }

    #[test]
    fn a_verdict_mentions_other_programs_once() {
        let said = |verdict: &str| {
            let crowding = Some("Other programs ran.".to_owned());
            let verdict = verdict.to_owned();
            Report {
                crowding,
                verdict,
                ..report()
            }
            .said()
        };
        assert_eq!(said("So."), "So. Other programs ran.");
        assert_eq!(said("So, with other programs."), "So, with other programs.");
    }

    #[test]
    fn no_line_of_the_report_is_longer_than_80_columns() {
        let words = |count: usize| vec!["word"; count].join(" ");
        let figures = report().figures;
        let report = Report {
            title: words(30),
            rows: [
                common_rows(&figures),
                vec![row("memory", "11.43 MiB", words(30))],
            ]
            .concat(),
            verdict: words(50),
            ..report()
        };
        let text = report.text(true);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let continued = format!("\n{}word word", " ".repeat(24));
        assert!(text.contains(&continued), "{text}");
    }
}
