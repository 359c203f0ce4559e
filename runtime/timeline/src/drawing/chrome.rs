//! Writes a run as Chrome's trace events, which <https://ui.perfetto.dev> opens.
//!
//! The file has two groups of tracks, which the format calls processes. *Workers* has a track for each
//! thread, with its polls. *Tasks* has a track for each task, with its states. An arrow leads from the poll
//! that woke a task to the poll that followed. Two counters show how many tasks were in flight and how many
//! were polled at once.
//!
//! Each event is one JSON object on a separate line. Its kind is a letter: `M` names a process or a track,
//! `X` is a slice with a duration, `i` an instant, and `C` a counter. The letters `s` and `f` mark the two
//! ends of an arrow. Times are microseconds with a fraction, see [`micros`].

use std::io::{self, Write};

use brigade::timeline::{Event, Timeline, What};
use serde_json::{Value, json};

use super::{
    axis::Nanos,
    gantt::{CookRow, End, Gantt, Span, State, TaskRow, Wake, Waker},
    names::visible,
    rows::{lane_name, nanos},
};
use crate::spans::Spans;

/// The id of the process whose tracks are threads.
const COOKS: u64 = 1;
/// The id of the process whose tracks are tasks.
const TASKS: u64 = 2;

/// Writes the run.
pub(super) fn write(
    timeline: &Timeline,
    spans: &Spans,
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
    let lanes =
        (0..timeline.lanes.len()).map(|lane| visible(&lane_name(timeline, lane, &gantt.worker)));
    let mut trace = Trace {
        names: names.collect(),
        lanes: lanes.collect(),
        out,
        first: true,
    };
    trace.tracks(title, gantt)?;
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
    trace.counter("in flight", &spans.in_flight)?;
    trace.counter("at once", &spans.at_once)?;
    trace.out.write_all(b"\n]}\n")
}

/// A process, and a track in that process.
type Place = (u64, u64);

/// Returns the track of a thread. It is never track zero, which Perfetto treats as an idle processor.
fn of_cook(lane: usize) -> Place {
    (COOKS, lane as u64 + 1)
}

fn of_task(task: usize) -> Place {
    (TASKS, task as u64 + 1)
}

/// Returns nanoseconds as microseconds. Perfetto multiplies them by a thousand and cuts the fraction off. But
/// in floating point, 1.001 times a thousand is 1000.9999…, from which one nanosecond would be lost. So this
/// function adds a fifth of a nanosecond, which makes Perfetto's result exact. Then adjacent slices do not
/// overlap.
fn micros(at: Nanos) -> f64 {
    // Parse from text, because the output must have exactly these digits.
    let text = format!("{}.{:03}2", at / 1000, at % 1000);
    text.parse().unwrap_or_default()
}

struct Trace<'a, W> {
    /// The names of the tasks, by index.
    names: Vec<String>,
    /// The names of the threads.
    lanes: Vec<String>,
    out: &'a mut W,
    first: bool,
}

impl<W: Write> Trace<'_, W> {
    fn tracks(&mut self, title: &str, gantt: &Gantt) -> io::Result<()> {
        let of_run = |what: &str| match title {
            "" => what.to_owned(),
            title => format!("{what} of {}", visible(title)),
        };
        let workers = of_run(&format!("{}s", gantt.worker));
        self.call("process_name", (COOKS, 0), json!({ "name": workers }))?;
        self.call("process_name", (TASKS, 0), json!({"name": of_run("tasks")}))?;
        self.call("process_sort_index", (COOKS, 0), json!({"sort_index": 0}))?;
        self.call("process_sort_index", (TASKS, 0), json!({"sort_index": 1}))?;
        for lane in 0..self.lanes.len() {
            // Threads that polled no task come last.
            let row = gantt.cooks.iter().position(|cook| cook.lane == lane);
            let order = row.unwrap_or(self.lanes.len() + lane);
            let name = self.lanes[lane].clone();
            self.track(of_cook(lane), &name, order)?;
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
            self.slice(
                "parked",
                place,
                (from, to),
                "thread_state_sleeping",
                json!({}),
            )?;
        }
        for poll in &cook.polls {
            let name = self.names[poll.task].clone();
            let mut args = json!({});
            for (what, time) in [
                ("blocked, ms", poll.blocked),
                ("without a core, ms", poll.preempted),
            ] {
                if time > 0 {
                    args[what] = json!(time as f64 / 1e6);
                }
            }
            self.slice(
                &name,
                place,
                (poll.from, poll.to),
                "thread_state_running",
                args,
            )?;
        }
        Ok(())
    }

    fn task(&mut self, row: &TaskRow) -> io::Result<()> {
        let place = of_task(row.task);
        for &Span { from, to, state } in &row.spans {
            // Chrome names its colours after the states of its own threads.
            let (name, colour) = match state {
                State::Running(_) => ("running", "thread_state_running"),
                State::Queued => ("ready, not running", "thread_state_runnable"),
                State::Waiting => ("waiting", "thread_state_sleeping"),
            };
            let args = match state {
                State::Running(lane) => json!({"worker": self.lanes.get(lane)}),
                State::Queued | State::Waiting => json!({}),
            };
            self.slice(name, place, (from, to), colour, args)?;
        }
        match (row.end, row.spans.last()) {
            (End::Panicked, Some(last)) => self.instant("panicked", place, last.to, json!({})),
            (End::Dropped, Some(last)) => self.instant("dropped", place, last.to, json!({})),
            _ => Ok(()),
        }
    }

    /// Writes an event that took no time, on the track of its thread.
    fn moment(&mut self, event: &Event) -> io::Result<()> {
        let at = nanos(event.at);
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
            // The other events are drawn as slices and arrows.
            _ => return Ok(()),
        };
        self.instant(name, place, at, facts)
    }

    fn wake(&mut self, id: usize, wake: &Wake) -> io::Result<()> {
        let source = match wake.waker {
            // If a task wakes itself to yield, draw no arrow.
            Waker::Task(by) if by == wake.task => return Ok(()),
            Waker::Task(by) => return self.arrow(id, by, wake),
            Waker::Timer => "woken by a timer",
            Waker::Io => "woken by I/O",
            Waker::Outside => "woken from outside",
        };
        self.instant(source, of_task(wake.task), wake.at, json!({}))
    }

    /// Draws an arrow. Perfetto shows it only if both ends are within a slice. A task that ends wakes the
    /// awaiting task just after its own last poll, so the beginning of the arrow is moved into that poll.
    fn arrow(&mut self, id: usize, by: usize, wake: &Wake) -> io::Result<()> {
        let (Some((polled, until)), Some((from, to))) = (wake.polled, wake.from) else {
            return Ok(());
        };
        // A slice that takes no time contains no instant, so an arrow cannot begin or end in it.
        if to == from || until == polled {
            return Ok(());
        }
        let start = wake.at.clamp(from, to - 1);
        for (phase, (pid, tid), at) in [
            ("s", of_task(by), start),
            // An arrow must not lead into the past, even if the clock readings of the two threads are out of
            // order.
            ("f", of_task(wake.task), polled.max(start).min(until - 1)),
        ] {
            // With `bp: e`, the arrow ends in the slice that contains its time, not in the next slice.
            self.event(&json!({
                "ph": phase, "pid": pid, "tid": tid, "ts": micros(at),
                "name": "wake", "cat": "wake", "id": id, "bp": "e",
            }))?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, steps: &[(std::time::Duration, usize)]) -> io::Result<()> {
        for (at, step) in steps.iter().enumerate() {
            // If a value changes several times at the same instant, write only the last value.
            if steps.get(at + 1).is_none_or(|next| next.0 != step.0) {
                self.event(&json!({
                    "ph": "C", "pid": COOKS, "tid": 0, "ts": micros(nanos(step.0)),
                    "name": name, "args": {"tasks": step.1},
                }))?;
            }
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
        args: Value,
    ) -> io::Result<()> {
        let mut slice = json!({
            "ph": "X", "pid": pid, "tid": tid, "ts": micros(from), "dur": micros(to - from),
            "name": name, "cat": "run", "cname": colour,
        });
        if args.as_object().is_some_and(|args| !args.is_empty()) {
            slice["args"] = args;
        }
        self.event(&slice)
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
#[path = "chrome_tests.rs"]
mod tests;
