//! Writes runs as JSON: columns of small numbers, which browsers read fastest.
//!
//! Times are nanoseconds from the beginning of each run. Threads, tasks, polls and wakes are numbered across
//! all runs, and -1 means none. `run.js` reads this JSON.

use std::fmt::Write as _;
use std::time::Duration;

use brigade::timeline::{LaneKind, Outcome, Timeline};
use serde_json::{Value, json};

use super::super::rows::lane_name;
use super::Drawing;
use crate::figures::{self, Figures};
use crate::spans::{Ending, Mark, Poll, Source, Span, Spans, State, TaskKind, TaskSpans, Wake};
use crate::{advice, units};

/// Returns the JSON of the whole drawing, ready for a `<script>` element.
pub(super) fn json(drawing: &Drawing<'_>) -> String {
    let mut record = Record::default();
    for (number, (name, timeline)) in drawing.runs.iter().enumerate() {
        record.add(number, name, timeline, &drawing.worker);
    }
    if !drawing.figures.is_empty() {
        record.runs[0]["figures"] = json!(drawing.figures);
    }
    let mut json = String::with_capacity(record.columns.bytes() + 64 * record.names.len() + 4096);
    json.push('{');
    let members = [
        ("title", json!(drawing.title)),
        ("worker", json!(drawing.worker)),
        ("runs", json!(record.runs)),
        ("advice", json!(record.advice)),
        ("lanes", json!(record.lanes)),
        ("names", json!(record.names)),
    ];
    for (name, value) in members {
        member(&mut json, name, &text(&value));
    }
    member(&mut json, "tasks", &format!("[{}]", record.tasks));
    record.columns.write(&mut json);
    json.push('}');
    json
}

fn member(json: &mut String, name: &str, value: &str) {
    if !json.ends_with('{') {
        json.push(',');
    }
    json.extend(["\"", name, "\":", value]);
}

/// Returns JSON that contains no `<`, so neither `</script>` nor `<!--` can occur in it. JSON uses this
/// character only inside strings, so it can be escaped.
fn text(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

#[derive(Default)]
struct Record {
    runs: Vec<Value>,
    advice: Vec<Value>,
    lanes: Vec<Value>,
    names: Vec<Option<String>>,
    tasks: String,
    columns: Columns,
    polls: usize,
    wakes: usize,
}

/// The numbers of the first thread, task, poll and wake of a run.
#[derive(Clone, Copy)]
struct Base {
    begin: Duration,
    lane: usize,
    task: usize,
    poll: usize,
    wake: usize,
}

impl Record {
    fn add(&mut self, number: usize, name: &str, timeline: &Timeline, worker: &str) {
        let spans = crate::spans(timeline);
        let base = Base {
            begin: spans.begin,
            lane: self.lanes.len(),
            task: self.names.len(),
            poll: self.polls,
            wake: self.wakes,
        };
        let curve = |steps: &[(Duration, usize)]| {
            let mut at: Vec<u64> = vec![0];
            let mut value: Vec<usize> = vec![0];
            for &(time, count) in steps {
                at.push(base.time(time));
                value.push(count);
            }
            json!({ "at": at, "value": value })
        };
        self.runs.push(json!({
            "name": name,
            "length": base.time(spans.end),
            "dropped": spans.dropped,
            "events": timeline.events.len(),
            "workers": spans.workers,
            "figures": said(&figures::of_spans(&spans)),
            "flight": curve(&spans.in_flight),
            "once": curve(&spans.at_once),
            "most": [spans.in_flight_max(), spans.at_once_max()],
        }));
        for advice in advice(timeline) {
            let place = advice.place();
            let place = place.map(|(from, to)| [base.time(from), base.time(to)]);
            let task = advice.tasks().first().map(|task| base.task + task);
            self.advice
                .push(json!([advice.in_words_of(worker), number, place, task]));
        }
        for (lane, its) in spans.lanes.iter().enumerate() {
            let (letter, order) = lane_kind(its.kind);
            self.lanes.push(json!([
                lane_name(timeline, lane, worker),
                letter,
                order,
                number
            ]));
        }
        self.names
            .extend(timeline.tasks.iter().map(|task| task.name.clone()));
        for task in &spans.tasks {
            self.task(number, task, base);
        }
        self.columns.add(&spans, base);
        self.polls += spans.polls.len();
        self.wakes += spans.wakes.len();
    }

    fn task(&mut self, run: usize, task: &TaskSpans, base: Base) {
        let kind = match task.kind {
            TaskKind::Task => 0,
            TaskKind::Main => 1,
            TaskKind::Job => 2,
        };
        let ending = match task.ending {
            None => 0,
            Some(Ending::Finished) => 2,
            Some(Ending::Panicked) => 3,
            Some(Ending::Cancelled) => 4,
        };
        let time = |at: Option<Duration>| at.map_or(-1, |at| base.time(at) as i64);
        let comma = if self.tasks.is_empty() { "" } else { "," };
        let _ = write!(
            self.tasks,
            "{comma}[{kind},{run},{},{},{ending},{},{},{},{}]",
            time(task.begun),
            time(task.ended),
            maybe(task.spawned_by, base.task),
            task.wakes_nowhere,
            time(task.aborted),
            time(task.stranded),
        );
    }
}

/// Returns the figures that are shown above the picture, unless the program sets its own.
fn said(figures: &Figures) -> Vec<[String; 2]> {
    let mut all = vec![
        ("in flight at most", units::count(figures.in_flight_max)),
        ("at once at most", units::count(figures.at_once_max)),
        ("time", units::duration(figures.span)),
        ("critical path", units::duration(figures.critical_path)),
        ("tasks waited", units::percent(figures.waiting_share)),
        ("tasks were ready", units::percent(figures.queued_share)),
        ("tasks ran", units::percent(figures.running_share)),
    ];
    if let Some(longest) = &figures.longest_poll {
        all.push(("longest poll", units::duration(longest.took)));
    }
    if !figures.blocked.is_zero() {
        all.push(("blocked in polls", units::duration(figures.blocked)));
    }
    if !figures.preempted.is_zero() {
        all.push(("without a core", units::duration(figures.preempted)));
    }
    all.into_iter()
        .map(|(name, value)| [name.to_owned(), value])
        .collect()
}

fn lane_kind(kind: LaneKind) -> (&'static str, usize) {
    match kind {
        LaneKind::Worker(number) => ("w", number),
        LaneKind::Blocking => ("b", 0),
        LaneKind::Outside => ("o", 0),
    }
}

impl Base {
    /// Returns nanoseconds since the run began. A browser's numbers represent them exactly up to 104 days.
    fn time(self, at: Duration) -> u64 {
        nanos(at.saturating_sub(self.begin))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn maybe(index: Option<usize>, base: usize) -> i64 {
    index.map_or(-1, |index| (base + index) as i64)
}

/// A column of numbers, separated by commas.
#[derive(Default)]
struct Column(String);

impl Column {
    fn push(&mut self, value: impl std::fmt::Display) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        write!(self.0, "{value}").expect("a String takes everything");
    }
}

/// A table: its name, and the names of its columns. A column whose name ends in `-gaps` holds differences to
/// the previous row.
const TABLES: [(&str, &[&str]); 5] = [
    (
        "polls",
        &["task", "lane", "begin-gaps", "took", "outcome", "stir"],
    ),
    (
        "stirs",
        &["task", "lane", "at-gaps", "by", "origin", "from", "to"],
    ),
    ("parks", &["lane", "from", "to"]),
    ("marks", &["lane", "at", "letter", "count"]),
    ("joins", &["by", "at", "task"]),
];

#[derive(Default)]
struct Columns {
    tables: [[Column; 7]; 5],
    /// The values of the previous row, for the columns that hold differences.
    begin: u64,
    at: u64,
    /// The spans: how many each task has, their states, and their lengths.
    counts: Column,
    states: String,
    lengths: Column,
    /// The polls whose thread was off the core: the poll, its blocked time, and its time without a core.
    off: Column,
}

impl Columns {
    fn add(&mut self, spans: &Spans, base: Base) {
        for (index, poll) in spans.polls.iter().enumerate() {
            self.poll(index, poll, base);
        }
        for wake in &spans.wakes {
            self.wake(wake, base);
        }
        for task in &spans.tasks {
            self.counts.push(task.spans.len());
            task.spans.iter().for_each(|span| self.span(span));
        }
        for (lane, its) in spans.lanes.iter().enumerate() {
            let lane = (base.lane + lane) as i64;
            for &(from, to) in &its.parks {
                self.row(2, &[lane, base.time(from) as i64, base.time(to) as i64]);
            }
            for &(at, mark) in &its.marks {
                let (letter, count) = match mark {
                    Mark::Io(events) => ('i', events),
                    Mark::Timers(timers) => ('f', timers),
                    Mark::Steal(from) => ('t', from),
                    Mark::Woke(task) => ('w', base.task + task),
                    Mark::Stranded(task) => ('z', base.task + task),
                };
                self.row(
                    3,
                    &[lane, base.time(at) as i64, letter as i64, count as i64],
                );
            }
        }
        for join in &spans.joins {
            let (by, task) = ((base.task + join.by) as i64, (base.task + join.task) as i64);
            self.row(4, &[by, base.time(join.at) as i64, task]);
        }
    }

    fn row(&mut self, table: usize, values: &[i64]) {
        for (column, value) in self.tables[table].iter_mut().zip(values) {
            column.push(value);
        }
    }

    fn poll(&mut self, index: usize, poll: &Poll, base: Base) {
        let begin = base.time(poll.begin);
        let outcome = match poll.outcome {
            None => 0,
            Some(Outcome::Pending) => 1,
            Some(Outcome::Ready) => 2,
            Some(Outcome::Panicked) => 3,
        };
        self.row(
            0,
            &[
                (base.task + poll.task) as i64,
                (base.lane + poll.lane) as i64,
                begin as i64 - self.begin as i64,
                nanos(poll.length()) as i64,
                outcome,
                maybe(poll.cause, base.wake),
            ],
        );
        self.begin = begin;
        if poll
            .off_core
            .is_some_and(|off| !(off.blocked + off.preempted).is_zero())
        {
            let (blocked, preempted) = (nanos(poll.blocked()), nanos(poll.preempted()));
            self.off.push(format_args!(
                "[{},{blocked},{preempted}]",
                base.poll + index
            ));
        }
    }

    fn wake(&mut self, wake: &Wake, base: Base) {
        let (origin, by) = match wake.source {
            Source::Task(by) => (0, Some(by)),
            Source::Io => (1, None),
            Source::Timer => (2, None),
            Source::Thread => (3, None),
            Source::Spawn(by) => (4, by),
            Source::Join(by) => (5, Some(by)),
        };
        let at = base.time(wake.at);
        self.row(
            1,
            &[
                (base.task + wake.task) as i64,
                (base.lane + wake.lane) as i64,
                at as i64 - self.at as i64,
                maybe(by, base.task),
                origin,
                maybe(wake.from, base.poll),
                maybe(wake.to, base.poll),
            ],
        );
        self.at = at;
    }

    fn span(&mut self, span: &Span) {
        self.states.push(match span.state {
            State::Queued => '1',
            State::Running => '2',
            State::Waiting => '3',
        });
        self.lengths.push(nanos(span.length()));
    }

    fn bytes(&self) -> usize {
        let columns = self.tables.iter().flatten();
        columns.map(|column| column.0.len()).sum::<usize>()
            + self.lengths.0.len()
            + self.states.len()
    }

    fn write(&self, json: &mut String) {
        for ((name, columns), values) in TABLES.iter().zip(&self.tables) {
            let columns = columns.iter().zip(values);
            let columns = columns.map(|(name, values)| format!("\"{name}\":[{}]", values.0));
            let columns: Vec<_> = columns.collect();
            member(json, name, &format!("{{{}}}", columns.join(",")));
        }
        let spans = format!(
            "{{\"counts\":[{}],\"states\":\"{}\",\"lengths\":[{}]}}",
            self.counts.0, self.states, self.lengths.0
        );
        member(json, "spans", &spans);
        member(json, "off", &format!("[{}]", self.off.0));
    }
}
