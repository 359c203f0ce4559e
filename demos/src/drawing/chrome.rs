//! A run as Chrome's trace events, which <https://ui.perfetto.dev> opens.
//!
//! There are two processes in it: *cooks*, a track for each thread with the polls
//! it made, and *tasks*, a track for each task with its states. An arrow leads
//! from the poll that woke a task to the poll that answered.
//!
//! Each event is one JSON object on a line of its own and is written as soon as it
//! is known, so that a million of them need no memory. The format's letters: `M`
//! names a process or a track, `X` is a slice with a duration, `i` a moment, `s`
//! and `f` the two ends of an arrow. Times are microseconds, with a fraction.

use std::io::{self, Write};

use brigade::timeline::{Event, Timeline, What};
use serde_json::{Value, json};

use super::{
    axis::Nanos,
    gantt::{CookRow, End, Gantt, Span, State, TaskRow, Wake, Waker},
    names::visible,
};

/// The process whose tracks are threads.
const COOKS: u64 = 1;
/// The process whose tracks are tasks.
const TASKS: u64 = 2;

/// Writes the run.
pub(super) fn write(
    timeline: &Timeline,
    gantt: &Gantt,
    title: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    let about = json!({
        "title": visible(title),
        "in_flight_max": gantt.in_flight_max,
        "at_once_max": gantt.at_once_max,
        "dropped": gantt.dropped,
    });
    write!(
        out,
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":["
    )?;
    let names = timeline.tasks.iter().enumerate();
    let names = names.map(|(index, task)| visible(&task.label(index)));
    let mut trace = Trace {
        names: names.collect(),
        out,
        first: true,
    };
    trace.tracks(timeline, gantt)?;
    for cook in &gantt.cooks {
        trace.cook(cook)?;
    }
    for row in &gantt.tasks {
        trace.task(row)?;
    }
    for event in &timeline.events {
        trace.moment(event)?;
    }
    for (id, wake) in gantt.wakes.iter().enumerate() {
        trace.wake(id, wake)?;
    }
    trace.out.write_all(b"\n]}\n")
}

/// A process and a track in it.
type Place = (u64, u64);

/// Track zero is avoided: Perfetto takes it for an idle processor.
fn of_cook(lane: usize) -> Place {
    (COOKS, lane as u64 + 1)
}

fn of_task(task: usize) -> Place {
    (TASKS, task as u64 + 1)
}

fn micros(at: Nanos) -> f64 {
    at as f64 / 1000.0
}

struct Trace<'a, W> {
    /// Of the tasks, by index.
    names: Vec<String>,
    out: &'a mut W,
    first: bool,
}

impl<W: Write> Trace<'_, W> {
    fn tracks(&mut self, timeline: &Timeline, gantt: &Gantt) -> io::Result<()> {
        self.call("process_name", (COOKS, 0), json!({"name": "cooks"}))?;
        self.call("process_name", (TASKS, 0), json!({"name": "tasks"}))?;
        self.call("process_sort_index", (COOKS, 0), json!({"sort_index": 0}))?;
        self.call("process_sort_index", (TASKS, 0), json!({"sort_index": 1}))?;
        for (lane, thread) in timeline.lanes.iter().enumerate() {
            // Threads that polled nothing come after those that did.
            let row = gantt.cooks.iter().position(|cook| cook.lane == lane);
            let order = row.unwrap_or(timeline.lanes.len() + lane);
            self.track(of_cook(lane), &visible(&thread.name), order)?;
        }
        for row in &gantt.tasks {
            self.track(of_task(row.task), &row.name, row.task)?;
        }
        Ok(())
    }

    fn track(&mut self, place: Place, name: &str, order: usize) -> io::Result<()> {
        self.call("thread_name", place, json!({"name": name}))?;
        self.call("thread_sort_index", place, json!({"sort_index": order}))
    }

    fn cook(&mut self, cook: &CookRow) -> io::Result<()> {
        let place = of_cook(cook.lane);
        for &(from, to) in &cook.asleep {
            self.slice("asleep", place, (from, to), "thread_state_sleeping")?;
        }
        for poll in &cook.polls {
            let name = self.names[poll.task].clone();
            self.slice(&name, place, (poll.from, poll.to), "thread_state_running")?;
        }
        Ok(())
    }

    fn task(&mut self, row: &TaskRow) -> io::Result<()> {
        let place = of_task(row.task);
        for &Span { from, to, state } in &row.spans {
            // The colours are names that Chrome gives its own threads' states.
            let (name, colour) = match state {
                State::Running(_) => ("running", "thread_state_running"),
                State::Queued => ("ready, not running", "thread_state_runnable"),
                State::Waiting => ("waiting", "thread_state_sleeping"),
            };
            self.slice(name, place, (from, to), colour)?;
        }
        match (row.end, row.spans.last()) {
            (End::Panicked, Some(last)) => self.instant("panicked", place, last.to, json!({})),
            (End::Dropped, Some(last)) => self.instant("dropped", place, last.to, json!({})),
            _ => Ok(()),
        }
    }

    /// What happened on a thread and took no time.
    fn moment(&mut self, event: &Event) -> io::Result<()> {
        let at = event.at.as_nanos() as Nanos;
        let place = of_cook(event.lane);
        let of = |task: usize| json!({"task": self.names.get(task)});
        let (name, facts) = match event.what {
            What::Spawn { task, .. } => ("spawn", of(task)),
            What::Abort { task, .. } => ("abort", of(task)),
            What::Stranded { task } => ("stranded", of(task)),
            What::Join { task, .. } => ("join", of(task)),
            What::Steal { from } => ("steal", json!({"from worker": from})),
            What::IoReady { events } => ("I/O ready", json!({"events": events})),
            What::TimersFired { timers } => ("timers fired", json!({"timers": timers})),
            // These are slices and arrows.
            _ => return Ok(()),
        };
        self.instant(name, place, at, facts)
    }

    fn wake(&mut self, id: usize, wake: &Wake) -> io::Result<()> {
        let source = match wake.waker {
            // A task that yields: no arrow to itself.
            Waker::Task(by) if by == wake.task => return Ok(()),
            Waker::Task(by) => return self.arrow(id, by, wake),
            Waker::Timer => "woken by a timer",
            Waker::Io => "woken by I/O",
            Waker::Outside => "woken from outside",
        };
        self.instant(source, of_task(wake.task), wake.at, json!({}))
    }

    fn arrow(&mut self, id: usize, by: usize, wake: &Wake) -> io::Result<()> {
        let Some(polled) = wake.polled else {
            return Ok(());
        };
        for (phase, (pid, tid), at) in [
            ("s", of_task(by), wake.at),
            ("f", of_task(wake.task), polled),
        ] {
            // `bp: e` ends the arrow in the slice around its time, not the next.
            self.event(&json!({
                "ph": phase, "pid": pid, "tid": tid, "ts": micros(at),
                "name": "wake", "cat": "wake", "id": id, "bp": "e",
            }))?;
        }
        Ok(())
    }

    fn call(&mut self, what: &str, (pid, tid): Place, args: Value) -> io::Result<()> {
        self.event(&json!({
            "ph": "M", "pid": pid, "tid": tid, "ts": 0, "name": what, "args": args,
        }))
    }

    fn slice(
        &mut self,
        name: &str,
        (pid, tid): Place,
        (from, to): (Nanos, Nanos),
        colour: &str,
    ) -> io::Result<()> {
        self.event(&json!({
            "ph": "X", "pid": pid, "tid": tid, "ts": micros(from), "dur": micros(to - from),
            "name": name, "cat": "run", "cname": colour,
        }))
    }

    fn instant(&mut self, name: &str, (pid, tid): Place, at: Nanos, args: Value) -> io::Result<()> {
        self.event(&json!({
            "ph": "i", "pid": pid, "tid": tid, "ts": micros(at), "s": "t",
            "name": name, "cat": "moment", "args": args,
        }))
    }

    fn event(&mut self, event: &Value) -> io::Result<()> {
        let comma = if std::mem::take(&mut self.first) {
            "\n"
        } else {
            ",\n"
        };
        self.out.write_all(comma.as_bytes())?;
        serde_json::to_writer(&mut *self.out, event)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::{super::samples, *};

    fn text(timeline: &Timeline) -> String {
        let mut out = Vec::new();
        write(timeline, &Gantt::new(timeline), "kitchen", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn events(timeline: &Timeline) -> Vec<Value> {
        let trace: Value = serde_json::from_str(&text(timeline)).unwrap();
        trace["traceEvents"].as_array().unwrap().clone()
    }

    #[test]
    fn kitchen() {
        insta::assert_snapshot!(text(&samples::kitchen()));
    }

    /// The fields that the format requires, for each letter.
    #[test]
    fn every_event_has_the_fields_its_letter_requires() {
        let runs = [
            samples::kitchen_of_two(),
            samples::hostile(),
            samples::fetch(50),
        ];
        for timeline in runs.iter().chain(&samples::empty()) {
            for event in events(timeline) {
                let phase = event["ph"].as_str().unwrap();
                for number in ["pid", "tid", "ts"] {
                    assert!(event[number].as_f64().is_some_and(|n| n >= 0.0), "{event}");
                }
                assert!(event["name"].is_string(), "{event}");
                match phase {
                    "X" => assert!(event["dur"].as_f64().is_some_and(|n| n >= 0.0), "{event}"),
                    "i" => assert_eq!(event["s"], "t", "{event}"),
                    "M" => assert!(event["args"].is_object(), "{event}"),
                    "s" | "f" => {
                        assert!(event["id"].is_u64() && event["cat"].is_string(), "{event}")
                    }
                    _ => panic!("no such letter: {event}"),
                }
            }
        }
    }

    #[test]
    fn every_track_is_named_and_slices_on_it_do_not_overlap() {
        for timeline in [
            samples::kitchen_of_two(),
            samples::hostile(),
            samples::fetch(50),
        ] {
            let mut named = HashSet::new();
            let mut ends: HashMap<(u64, u64), f64> = HashMap::new();
            let mut slices = Vec::new();
            for event in events(&timeline) {
                let place = (
                    event["pid"].as_u64().unwrap(),
                    event["tid"].as_u64().unwrap(),
                );
                match event["ph"].as_str().unwrap() {
                    "M" if event["name"] == "thread_name" => assert!(named.insert(place)),
                    "M" => {}
                    phase => {
                        assert!(named.contains(&place), "{event}");
                        if phase == "X" {
                            slices.push((
                                event["ts"].as_f64().unwrap(),
                                event["dur"].as_f64().unwrap(),
                                place,
                            ));
                        }
                    }
                }
            }
            slices.sort_by(|a, b| a.partial_cmp(b).unwrap());
            for (from, length, place) in slices {
                let end = ends.insert(place, from + length).unwrap_or(0.0);
                assert!(from >= end - 1e-6, "{place:?}: {from} before {end}");
            }
        }
    }

    #[test]
    fn arrows_have_two_ends_and_both_lie_in_running_slices() {
        let events = events(&samples::kitchen());
        let running: Vec<(&Value, f64, f64)> = events
            .iter()
            .filter(|event| event["name"] == "running")
            .map(|event| {
                let from = event["ts"].as_f64().unwrap();
                (&event["tid"], from, from + event["dur"].as_f64().unwrap())
            })
            .collect();
        let ends = |phase| events.iter().filter(move |event| event["ph"] == phase);
        assert_eq!(ends("s").count(), 2, "chop wakes sauce, water wakes main");
        for (start, finish) in ends("s").zip(ends("f")) {
            assert_eq!(start["id"], finish["id"]);
            for end in [start, finish] {
                let at = end["ts"].as_f64().unwrap();
                let inside = |slice: &&(&Value, f64, f64)| {
                    *slice.0 == end["tid"] && slice.1 <= at && at <= slice.2
                };
                assert!(running.iter().any(|slice| inside(&slice)), "{end}");
            }
        }
    }

    #[test]
    fn names_arrive_whole() {
        let events = events(&samples::hostile());
        let tracks = events.iter().filter(|event| event["name"] == "thread_name");
        let names: Vec<&str> = tracks
            .filter_map(|event| event["args"]["name"].as_str())
            .collect();
        for name in samples::HOSTILE.iter().filter(|name| **name != "300") {
            assert!(names.contains(&&*visible(name)), "{name:?}");
        }
    }
}
