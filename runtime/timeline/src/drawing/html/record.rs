//! Writes runs as JSON. The JSON consists of columns of small numbers, because browsers read them fastest.
//!
//! Times are nanoseconds from the beginning of each run. Threads, tasks, polls and wakes are numbered across
//! all runs, and -1 means none. Names are safe to show. `run.js` reads this JSON.

use std::fmt::Write as _;
use std::time::Duration;

use brigade::timeline::{LaneKind, Outcome, Timeline};
use serde_json::{Value, json};

use super::super::names::{visible, visible_char};
use super::super::rows::{lane_name, task_name};
use super::Drawing;
use crate::figures::{self, Figures};
use crate::spans::{
    Ending, LaneSpans, Mark, Poll, Source, Spans, State, TaskKind, TaskSpans, Wake,
};
use crate::{advice, units};

/// Returns the JSON of the whole drawing, ready for a `<script>` element.
pub(super) fn json(drawing: &Drawing<'_>) -> String {
    let mut record = Record::default();
    for (number, (name, timeline)) in drawing.runs.iter().enumerate() {
        let name = if name.is_empty() {
            String::new()
        } else {
            visible(name)
        };
        record.add(number, &name, timeline, drawing);
    }
    let figures = drawing.figures.iter();
    let figures: Vec<_> = figures
        .map(|(name, value)| [visible(name), visible(value)])
        .collect();
    if !figures.is_empty() {
        record.runs[0]["figures"] = json!(figures);
    }
    let title = if drawing.title.is_empty() {
        "a run".to_owned()
    } else {
        drawing.visible_title()
    };
    let members = json!({
        "title": title,
        "worker": visible(&drawing.worker),
        "waits": record.waited > record.active,
        "runs": record.runs,
        "advice": record.advice,
        "lanes": record.lanes,
        "names": record.names,
    });
    // JSON uses `<` only inside strings. If each `<` is escaped, neither `</script>` nor `<!--` can occur.
    let mut json = members.to_string().replace('<', "\\u003c");
    json.pop();
    record.tables.write(&mut json);
    json.push('}');
    json
}

#[derive(Default)]
struct Record {
    runs: Vec<Value>,
    advice: Vec<Value>,
    lanes: Vec<Value>,
    names: Vec<String>,
    tables: Tables,
    polls: usize,
    wakes: usize,
    /// The total time in which tasks waited.
    waited: Duration,
    /// The total time in which tasks were ready or ran.
    active: Duration,
}

/// The beginning of a run, and the numbers that its first task, poll and wake have on the page.
struct Base {
    begin: Duration,
    task: usize,
    poll: usize,
    wake: usize,
    /// For each thread of the run, its number on the page.
    lanes: Vec<i64>,
}

impl Record {
    fn add(&mut self, number: usize, name: &str, timeline: &Timeline, drawing: &Drawing<'_>) {
        let spans = crate::spans(timeline);
        let figures = figures::of_spans(&spans);
        let order = lane_order(&spans);
        let base = Base {
            begin: spans.begin,
            task: self.names.len(),
            poll: self.polls,
            wake: self.wakes,
            lanes: places(&order, self.lanes.len()),
        };
        let curve = |steps: &[(Duration, usize)], most: usize| {
            let times = steps.iter().map(|step| base.time(step.0));
            let values = steps.iter().map(|step| step.1);
            let at: Vec<i64> = [0].into_iter().chain(times).collect();
            let value: Vec<usize> = [0].into_iter().chain(values).collect();
            json!({ "at": at, "value": value, "most": most })
        };
        let longest = figures.longest_poll.as_ref().and_then(|longest| {
            let is_it = |poll: &Poll| (poll.begin, poll.lane) == (longest.begun, longest.lane);
            spans
                .polls
                .iter()
                .position(|poll| is_it(poll) && poll.length() == longest.took)
        });
        self.runs.push(json!({
            "name": name,
            "length": base.time(spans.end),
            "dropped": spans.dropped,
            "events": timeline.events.len(),
            "figures": said(&figures),
            "longest": number_of(longest, base.poll),
            "flight": curve(&spans.in_flight, spans.in_flight_max()),
            "once": curve(&spans.at_once, spans.at_once_max()),
        }));
        self.advise(number, timeline, &base, drawing);
        for lane in order {
            let kind = match spans.lanes[lane].kind {
                LaneKind::Worker(_) => "worker",
                LaneKind::Blocking => "blocking",
                LaneKind::Outside => "outside",
            };
            let name = visible(&lane_name(timeline, lane, &drawing.worker));
            self.lanes
                .push(json!({ "name": name, "kind": kind, "run": number }));
        }
        for (index, task) in spans.tasks.iter().enumerate() {
            let label = task_name(timeline, &spans, index);
            // Each run has its own main future, so add the name of the run.
            let is_one_of_several = task.kind == TaskKind::Main && drawing.runs.len() > 1;
            self.names.push(if is_one_of_several {
                format!("{name}: {label}")
            } else {
                label
            });
            if task.is_task() {
                self.waited += task.time_in(State::Waiting);
                self.active += task.time_in(State::Queued) + task.time_in(State::Running);
            }
        }
        self.tables.add(number, &spans, &base);
        self.polls += spans.polls.len();
        self.wakes += spans.wakes.len();
    }

    fn advise(&mut self, run: usize, timeline: &Timeline, base: &Base, drawing: &Drawing<'_>) {
        let safe = |words: &str| words.chars().map(visible_char).collect::<String>();
        let say = |words: &str, place: Option<[i64; 2]>, task: i64| json!({ "words": safe(words), "run": run, "place": place, "task": task });
        match &drawing.advice {
            Some(advice) if run == 0 => {
                self.advice
                    .extend(advice.iter().map(|words| say(words, None, -1)));
            }
            Some(_) => {}
            None => self.advice.extend(advice(timeline).iter().map(|advice| {
                let place = advice
                    .place()
                    .map(|(from, to)| [base.time(from), base.time(to)]);
                let task = number_of(advice.tasks().first().copied(), base.task);
                say(&advice.in_words_of(&drawing.worker), place, task)
            })),
        }
    }
}

/// Returns the threads of a run in the order of their rows.
fn lane_order(spans: &Spans) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spans.lanes.len()).collect();
    order.sort_by_key(|&lane| match spans.lanes[lane].kind {
        LaneKind::Worker(number) => (0, number),
        LaneKind::Blocking => (1, 0),
        LaneKind::Outside => (2, 0),
    });
    order
}

/// Returns the number of each thread. The first thread in `order` gets the number `first`.
fn places(order: &[usize], first: usize) -> Vec<i64> {
    let mut places = vec![0; order.len()];
    for (place, &lane) in order.iter().enumerate() {
        places[lane] = (first + place) as i64;
    }
    places
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

impl Base {
    /// Returns nanoseconds since the run began. A browser's numbers represent them exactly up to 104 days.
    fn time(&self, at: Duration) -> i64 {
        nanos(at.saturating_sub(self.begin))
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

fn number_of(index: Option<usize>, base: usize) -> i64 {
    index.map_or(-1, |index| (base + index) as i64)
}

/// The name of each table, and the names of its columns. A column whose name ends in `-gaps` holds
/// differences to the previous row.
const TABLES: [(&str, &[&str]); 8] = [
    (
        "tasks",
        &[
            "kind", "run", "from", "to", "ending", "nowhere", "aborted", "stranded", "spans",
        ],
    ),
    (
        "polls",
        &["task", "lane", "from-gaps", "took", "outcome", "stir"],
    ),
    (
        "stirs",
        &["task", "lane", "at-gaps", "by", "origin", "from", "to"],
    ),
    ("spans", &["state", "took"]),
    ("parks", &["lane", "from", "to"]),
    ("marks", &["lane", "from", "kind", "count"]),
    ("joins", &["by", "at", "task"]),
    ("off", &["task", "lane", "from", "to", "taken"]),
];
const TASKS: usize = 0;
const POLLS: usize = 1;
const STIRS: usize = 2;
const SPANS: usize = 3;
const PARKS: usize = 4;
const MARKS: usize = 5;
const JOINS: usize = 6;
const OFF: usize = 7;

/// The columns of all tables, as numbers with commas between them, and the last value of each column.
#[derive(Default)]
struct Tables([[(String, i64); 9]; 8]);

impl Tables {
    fn add(&mut self, run: usize, spans: &Spans, base: &Base) {
        for task in &spans.tasks {
            self.task(run, task, spans.end, base);
        }
        for poll in &spans.polls {
            self.poll(poll, base);
        }
        for wake in &spans.wakes {
            self.wake(wake, base);
        }
        for (lane, its) in base.lanes.iter().zip(&spans.lanes) {
            self.lane(*lane, its, base);
        }
        for join in &spans.joins {
            let (by, task) = ((base.task + join.by) as i64, (base.task + join.task) as i64);
            self.row(JOINS, &[by, base.time(join.at), task]);
        }
    }

    fn row(&mut self, table: usize, values: &[i64]) {
        let names = TABLES[table].1;
        for (((text, last), name), &value) in self.0[table].iter_mut().zip(names).zip(values) {
            if !text.is_empty() {
                text.push(',');
            }
            let gap = if name.ends_with("-gaps") { *last } else { 0 };
            *last = value;
            write!(text, "{}", value - gap).expect("a String takes everything");
        }
    }

    fn task(&mut self, run: usize, task: &TaskSpans, end: Duration, base: &Base) {
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
        let time = |at: Option<Duration>| at.map_or(-1, |at| base.time(at));
        self.row(
            TASKS,
            &[
                kind,
                run as i64,
                time(task.begun),
                time(task.begun.and(task.ended.or(Some(end)))),
                ending,
                task.wakes_nowhere as i64,
                time(task.aborted),
                time(task.stranded),
                task.spans.len() as i64,
            ],
        );
        for span in &task.spans {
            let state = match span.state {
                State::Queued => 1,
                State::Running => 2,
                State::Waiting => 3,
            };
            self.row(SPANS, &[state, nanos(span.length())]);
        }
    }

    fn poll(&mut self, poll: &Poll, base: &Base) {
        let outcome = match poll.outcome {
            None => 0,
            Some(Outcome::Pending) => 1,
            Some(Outcome::Ready) => 2,
            Some(Outcome::Panicked) => 3,
        };
        let (task, lane) = ((base.task + poll.task) as i64, base.lanes[poll.lane]);
        let (begin, took) = (base.time(poll.begin), nanos(poll.length()));
        let stir = number_of(poll.cause, base.wake);
        self.row(POLLS, &[task, lane, begin, took, outcome, stir]);
        // The record shows how long the thread was off the core during the poll, but not when. Draw this time
        // at the end of the poll.
        let end = begin + took;
        let taken = end - nanos(poll.preempted()).min(took);
        let blocked = (taken - nanos(poll.blocked())).max(begin);
        for (from, to, is_taken) in [(blocked, taken, 0), (taken, end, 1)] {
            if from < to {
                self.row(OFF, &[task, lane, from, to, is_taken]);
            }
        }
    }

    fn wake(&mut self, wake: &Wake, base: &Base) {
        let (origin, by) = match wake.source {
            Source::Task(by) => (0, Some(by)),
            Source::Io => (1, None),
            Source::Timer => (2, None),
            Source::Thread => (3, None),
            Source::Spawn(by) => (4, by),
            Source::Join(by) => (5, Some(by)),
        };
        self.row(
            STIRS,
            &[
                (base.task + wake.task) as i64,
                base.lanes[wake.lane],
                base.time(wake.at),
                number_of(by, base.task),
                origin,
                number_of(wake.from, base.poll),
                number_of(wake.to, base.poll),
            ],
        );
    }

    fn lane(&mut self, lane: i64, its: &LaneSpans, base: &Base) {
        for &(from, to) in &its.parks {
            self.row(PARKS, &[lane, base.time(from), base.time(to)]);
        }
        for &(at, mark) in &its.marks {
            let (kind, count) = match mark {
                Mark::Io(events) => (0, events),
                Mark::Timers(timers) => (1, timers),
                Mark::Steal(from) => (2, from),
                Mark::Woke(task) => (3, base.task + task),
                Mark::Stranded(task) => (4, base.task + task),
            };
            self.row(MARKS, &[lane, base.time(at), kind, count as i64]);
        }
    }

    fn write(&self, json: &mut String) {
        for ((table, names), columns) in TABLES.iter().zip(&self.0) {
            let columns = names.iter().zip(columns);
            let columns = columns.map(|(name, (text, _))| format!("\"{name}\":[{text}]"));
            let columns: Vec<_> = columns.collect();
            json.extend([",\"", table, "\":{", &columns.join(","), "}"]);
        }
    }
}
