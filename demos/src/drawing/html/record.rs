//! A run as JSON: columns of small numbers, since a browser reads those fastest.
//!
//! An event is a letter in `kinds`, a thread in `on`, the nanoseconds since the event before it in
//! `gaps`, and as many numbers in `with` as its letter takes. Tasks are numbered as in the timeline;
//! where there may be none, the number is one higher and 0 says none. `data.js` reads it.

use std::fmt::Write as _;
use std::time::Duration;

use brigade::timeline::{Event, LaneKind, Outcome, Timeline, WakeEffect, What};
use serde_json::{Value, json};

use super::Facts;

/// The whole object, fit to stand inside a `<script>` element.
pub(super) fn json(timeline: &Timeline, facts: &Facts) -> String {
    let figures: Vec<[&str; 2]> = facts
        .figures
        .iter()
        .map(|(name, value)| [name.as_str(), value.as_str()])
        .collect();
    let lanes: Vec<(&str, &str, usize)> = timeline
        .lanes
        .iter()
        .map(|lane| {
            let (letter, number) = lane_kind(lane.kind);
            (lane.name.as_str(), letter, number)
        })
        .collect();
    let names: Vec<Option<&str>> = timeline
        .tasks
        .iter()
        .map(|task| task.name.as_deref())
        .collect();
    let mains: Vec<usize> = (0..timeline.tasks.len())
        .filter(|&task| timeline.tasks[task].is_main)
        .collect();
    let columns = Columns::of(&timeline.events);

    let mut json = String::with_capacity(columns.bytes() + 64 * timeline.tasks.len() + 4096);
    json.push('{');
    member(&mut json, "title", &text(&json!(facts.title)));
    member(&mut json, "figures", &text(&json!(figures)));
    member(&mut json, "advice", &text(&json!(facts.advice)));
    member(&mut json, "length", &nanos(end(timeline)).to_string());
    member(&mut json, "dropped", &timeline.dropped.to_string());
    member(&mut json, "lanes", &text(&json!(lanes)));
    member(&mut json, "names", &text(&json!(names)));
    member(&mut json, "mains", &text(&json!(mains)));
    member(&mut json, "kinds", &text(&json!(columns.kinds)));
    member(&mut json, "on", &format!("[{}]", columns.on));
    member(&mut json, "gaps", &format!("[{}]", columns.gaps));
    member(&mut json, "with", &format!("[{}]", columns.with));
    json.push('}');
    json
}

/// When the record ends. Once events found no room, nobody knows what came after the last that did.
fn end(timeline: &Timeline) -> Duration {
    let last = timeline
        .events
        .last()
        .map_or(Duration::ZERO, |last| last.at);
    if timeline.dropped > 0 {
        last
    } else {
        last.max(timeline.length)
    }
}

fn member(json: &mut String, name: &str, value: &str) {
    if !json.ends_with('{') {
        json.push(',');
    }
    json.extend(["\"", name, "\":", value]);
}

/// JSON without a `<`: neither `</script>` nor `<!--` can occur in it. In the JSON of names and
/// sentences that character stands in strings only.
fn text(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

fn lane_kind(kind: LaneKind) -> (&'static str, usize) {
    match kind {
        LaneKind::Worker(number) => ("w", number),
        LaneKind::Blocking => ("b", 0),
        LaneKind::Outside => ("o", 0),
    }
}

/// Nanoseconds; a browser's numbers are exact up to 104 days of them.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The events, column by column, commas between the numbers.
#[derive(Default)]
struct Columns {
    kinds: String,
    on: String,
    gaps: String,
    with: String,
}

impl Columns {
    fn of(events: &[Event]) -> Self {
        let mut columns = Columns::default();
        let mut before = 0;
        for event in events {
            let Some((letter, first, second)) = letter(event.what) else {
                continue;
            };
            columns.kinds.push(letter);
            number(&mut columns.on, event.lane);
            let at = nanos(event.at).max(before);
            number(&mut columns.gaps, at - before);
            before = at;
            for value in [first, second].into_iter().flatten() {
                number(&mut columns.with, value);
            }
        }
        columns
    }

    fn bytes(&self) -> usize {
        self.kinds.len() + self.on.len() + self.gaps.len() + self.with.len()
    }
}

fn number(column: &mut String, value: impl std::fmt::Display) {
    if !column.is_empty() {
        column.push(',');
    }
    write!(column, "{value}").expect("a String takes everything");
}

/// The letter of an event and what goes with it; `None` for kinds that this page does not know.
fn letter(what: What) -> Option<(char, Option<usize>, Option<usize>)> {
    let maybe = |task: Option<usize>| Some(task.map_or(0, |task| task + 1));
    let (letter, first, second) = match what {
        What::Spawn { task, by } => ('s', Some(task), maybe(by)),
        What::PollBegin { task } => ('b', Some(task), None),
        What::PollEnd { task, outcome } => (outcome_letter(outcome), Some(task), None),
        What::Cancel { task } => ('c', Some(task), None),
        What::Wake { task, by, effect } => (effect_letter(effect), Some(task), maybe(by)),
        What::Join { task, by } => ('j', Some(task), maybe(Some(by))),
        What::Abort { task, by } => ('k', Some(task), maybe(by)),
        What::Stranded { task } => ('z', Some(task), None),
        What::Steal { from } => ('t', Some(from), None),
        What::Park => ('P', None, None),
        What::Unpark => ('U', None, None),
        What::IoReady { events } => ('i', Some(events), None),
        What::TimersFired { timers } => ('f', Some(timers), None),
        _ => return None,
    };
    Some((letter, first, second))
}

fn outcome_letter(outcome: Outcome) -> char {
    match outcome {
        Outcome::Pending => 'e',
        Outcome::Ready => 'r',
        Outcome::Panicked => 'x',
    }
}

fn effect_letter(effect: WakeEffect) -> char {
    match effect {
        WakeEffect::Queued => 'q',
        WakeEffect::Again => 'a',
        WakeEffect::Nothing => 'n',
    }
}
