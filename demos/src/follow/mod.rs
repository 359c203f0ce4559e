//! `brigade follow`: one fetch, from spawn to the operating system and back.
//!
//! This demo shows what happens when a task waits for a socket. It prints each event in the life of the task,
//! called a hop, with the function of brigade that performs it. The hops are real: they come from the events
//! that the runtime recorded, and from notes that the task took when it called connect, write and read.
//!
//! See also ARCHITECTURE.md, "The life of a task".

mod places;

use std::{future::Future, io, net::SocketAddr, pin::pin, task::Poll};

use brigade::{
    net::TcpStream,
    timeline::{Event, Outcome, Timeline, WakeEffect, What},
};
use brigade_timeline::TaskFigures;
use parking_lot::Mutex;
use unicode_width::UnicodeWidthStr as _;

use crate::fetch::origin::{Origin, Request};
use crate::prelude::*;

pub(crate) use places::Place;

/// The name of the task that is followed.
const FETCH: &str = "fetch";

/// The explanation of the words in the hops.
const WORDS: &str = "A task waits for a server. Its future is its code and the state of that code. The main \
    program awaits the task's handle to get the task's output. A run queue holds the tasks that are ready \
    for a poll. A poll ends Ready (the task is complete) or Pending (it must wait). Interest: which events \
    of a socket the operating system (OS) is to report. A cook without a ready task parks: it sleeps in the \
    OS until an event comes, or not at all if one is there already. Any cook may receive the event. A waker \
    puts the task into a run queue again.";
const HEADING: &str = "A line is a hop. It has the time since spawn, the time since the previous hop, what \
    happened, and the file (below runtime/src) and function of brigade that did it. With --timeline -, the \
    row `fetch` draws the same task: - is a wait, and every other sign stands for one or more polls.";

/// The width of the two time columns and of the space after them, in characters.
const TIMES: usize = 21;

/// The size of the buffer for an answer, in bytes.
const ROOM: usize = 512;

/// One fetch from spawn to the system and back, with the function for each step
///
/// Shows what happens to one task: spawn, first poll, Pending, interest registered, thread parked in the
/// system, event, wake, queue, next poll, Ready, join. For each of these events, called hops, the demo
/// prints the time that was recorded in this run, and the function of brigade that does it.
///
/// # Notes
///
/// --cooks here: the number of threads that may run the task. With --cooks 1,2, the demo runs twice: with
/// one thread and with two.
///
/// --json adds these keys:
///
/// - `hops`: for each hop, `at_s` (since the spawn), `what`, `file` (below runtime/src) and `function`
///
/// - `polls`: the number of the task's polls
///
/// - `running_s`, `queued_s`, `waited_s`: how long the task ran, was ready to run, and waited
///
/// - `bytes`: the size of the answer
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Follow {
    /// Delay of the server's answer in milliseconds
    #[arg(long, value_name = "MS", default_value = "50", value_parser = whole::<u64>(1..=60_000))]
    pub(crate) delay: u64,
}

/// One event in the life of the task.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    /// The time since the task was spawned.
    pub(crate) at: Duration,
    pub(crate) what: String,
    pub(crate) place: Place,
}

/// All hops of the task, and its totals.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) hops: Vec<Hop>,
    pub(crate) its: TaskFigures,
    /// The size of the answer, in bytes.
    pub(crate) bytes: usize,
}

impl Follow {
    pub(crate) fn measure(&self, executor: &Crew) -> anyhow::Result<Run<Trace>> {
        let origin = Origin::start()?;
        let (server, request) = (origin.address(0), Request::After(self.delay));
        let notes = Notes::default();
        let run = measure(executor, async {
            begin(FETCH, fetch(server, request, notes.clone())).await
        })?;
        let run = run.transpose().context("the server is out of order")?;
        let noted = std::mem::take(&mut *notes.0.lock());
        let trace = trace(&run, noted)?;
        Ok(run.map(|_| trace))
    }
}

/// Fetches the answer. Apart from its notes, this is ordinary code.
async fn fetch(server: SocketAddr, request: Request, notes: Notes) -> io::Result<usize> {
    notes.take(None, false);
    let connecting = TcpStream::connect(server);
    let stream = notes.step(CONNECT, connecting).await?;
    let message = request.message();
    let writing = stream.write_all(message.as_bytes());
    notes.step(WRITE, writing).await?;
    let (mut answer, mut filled) = ([0; ROOM], 0);
    while !request.is_answered_by(&answer[..filled]) {
        let reading = stream.read(&mut answer[filled..]);
        match notes.step(READ, reading).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => filled += bytes,
        }
    }
    Ok(filled)
}

// ---- notes -------------------------------------------------------------------------------

/// The three notes of a step: that it begins, that it is pending, and that it is ready. `None` means that the
/// note does not become a hop.
type Step = [Option<(&'static str, Place)>; 3];

const CONNECT: Step = [
    Some(("connect is called", places::CONNECT)),
    Some(("not yet: the interest is registered", places::REGISTER)),
    Some(("connected", places::CONNECT)),
];
const WRITE: Step = [None, None, Some(("the request is written", places::WRITE))];
const READ: Step = [
    None,
    Some(("no answer yet: its waker is stored", places::KEEP_WAKER)),
    Some(("the answer is read", places::READ)),
];

/// The time of a note, the hop that it becomes (if any), and whether it is the last note of its poll because
/// the task is now pending.
type Note = (Instant, Option<(&'static str, Place)>, bool);

/// What the task has recorded about itself.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Note>>>);

impl Notes {
    fn take(&self, said: Option<(&'static str, Place)>, ends_poll: bool) {
        let note = (Instant::now(), said, ends_poll);
        self.0.lock().push(note);
    }

    /// Wraps `future` so that a note is taken when it is begun and after each poll.
    async fn step<F: Future>(&self, [begins, pending, ready]: Step, future: F) -> F::Output {
        let mut future = pin!(future);
        self.take(begins, false);
        std::future::poll_fn(|cx| {
            let polled: Poll<F::Output> = future.as_mut().poll(cx);
            let ends_poll = polled.is_pending();
            self.take(if ends_poll { pending } else { ready }, ends_poll);
            polled
        })
        .await
    }
}

// ---- from the record to the hops -----------------------------------------------------------

/// Makes the hops of the task from the recorded events and the task's notes.
#[derive(Default)]
struct Tracker {
    fetch: usize,
    spawned: Duration,
    many_cooks: usize,
    hops: Vec<Hop>,
    /// The notes that have not become hops yet.
    notes: std::vec::IntoIter<Note>,
    /// The time of the first note by the clock of the notes, and the recorded time at which the first poll
    /// began.
    first: Option<(Instant, Duration)>,
    /// The number of polls so far.
    polls: usize,
    /// The time at which the last poll began.
    begun: Duration,
    ended: bool,
    /// True if the main future has fetched the task's output.
    joined: bool,
    /// For each thread, the times at which it last parked, unparked, and received an event.
    heard: Vec<[Option<Duration>; 3]>,
}

fn trace(run: &Run<usize>, notes: Vec<Note>) -> anyhow::Result<Trace> {
    let (fetch, its) = run.task(FETCH)?;
    let mut tracker = Tracker {
        fetch,
        spawned: its.begun.unwrap_or_default(),
        many_cooks: usize::from(run.figures.cooks > 1),
        notes: notes.into_iter(),
        heard: vec![[None; 3]; run.timeline.lanes.len()],
        ..Tracker::default()
    };
    for event in &run.timeline.events {
        tracker.take(event, &run.timeline);
    }
    let mut hops = tracker.hops;
    // A stable sort keeps simultaneous events in order.
    hops.sort_by_key(|hop| hop.at);
    Ok(Trace {
        hops,
        its,
        bytes: run.output,
    })
}

impl Tracker {
    fn hop(&mut self, at: Duration, what: impl Into<String>, place: Place) {
        self.hops.push(Hop {
            at: at.saturating_sub(self.spawned),
            what: what.into(),
            place,
        });
    }

    fn take(&mut self, event: &Event, timeline: &Timeline) {
        let (at, fetch) = (event.at, self.fetch);
        let thread = || cook_of(&timeline.lanes[event.lane]);
        match event.what {
            What::Spawn { task, .. } if task == fetch => {
                self.hop(
                    at,
                    "spawn: memory for the task and its future",
                    places::SPAWN,
                );
                self.hop(at, "into a run queue", places::ADMIT[self.many_cooks]);
            }
            What::Join { task, .. } if task == fetch && !self.ended => {
                self.hop(at, "main awaits the task's handle", places::POLL_JOIN);
            }
            What::PollBegin { task } if task == fetch => {
                (self.polls, self.begun) = (self.polls + 1, at);
                let what = format!("poll {} begins on {}", self.polls, thread());
                self.hop(at, what, places::POLL);
            }
            What::PollEnd { task, outcome } if task == fetch => {
                self.noted_until(at);
                self.ended = outcome != Outcome::Pending;
                let (how, place) = match self.ended {
                    true => ("Ready: output is stored", places::FINISH),
                    false => ("Pending: the task is put aside", places::PEND),
                };
                self.hop(at, format!("poll {} ends {how}", self.polls), place);
            }
            What::Park => self.heard[event.lane] = [Some(at), None, None],
            What::Unpark => self.heard[event.lane][1] = Some(at),
            What::IoReady { .. } => self.heard[event.lane][2] = Some(at),
            What::Wake { task, effect, .. } if task == fetch && effect != WakeEffect::Nothing => {
                self.woken(event, &thread());
            }
            What::Wake { task, by, .. } if self.ended && by == Some(fetch) => {
                let who = timeline.tasks[task].label(task);
                let what = format!("{who}, which awaits it, is woken");
                self.hop(at, what, places::WAKE);
            }
            // The main future awaited the task, and now fetches its output.
            What::PollBegin { task }
                if self.ended && !self.joined && timeline.tasks[task].is_main =>
            {
                self.joined = true;
                self.hop(at, "join: main takes the output", places::TAKE_OUTPUT);
            }
            _ => {}
        }
    }

    /// Adds the notes of the poll that ends now. The notes and the record use different clocks. The first
    /// note is therefore placed at the beginning of the first poll, and the other notes keep their distance
    /// from the first. A note that would lie outside its poll is moved to the poll's nearer end.
    fn noted_until(&mut self, end: Duration) {
        while let Some((moment, said, ends_poll)) = self.notes.next() {
            let (first, zero) = *self.first.get_or_insert((moment, self.begun));
            if let Some((what, place)) = said {
                let at = (zero + (moment - first)).clamp(self.begun, end);
                self.hop(at, what, place);
            }
            if ends_poll {
                break;
            }
        }
    }

    /// Adds the hops of a wake: the waking thread parks, unparks and receives an event (if it did so), and
    /// then wakes the task.
    fn woken(&mut self, event: &Event, thread: &str) {
        let [parked, up, heard] = std::mem::take(&mut self.heard[event.lane]);
        if let (Some(parked), Some(up)) = (parked, up) {
            self.hop(
                parked,
                format!("{thread} parks: it sleeps in the OS"),
                places::PARK,
            );
            self.hop(up, "the OS has an event: the thread goes on", places::EVENT);
        }
        if let Some(heard) = heard {
            self.hop(heard, "the event is passed to its socket", places::RECEIVE);
        }
        self.hop(
            event.at,
            "wake: its waker asks for the next poll",
            places::WAKE,
        );
        let place = places::SCHEDULE[self.many_cooks];
        self.hop(event.at, "into a run queue", place);
    }
}

// ---- the output ----------------------------------------------------------------------------

impl Dish for Follow {
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let run = self.measure(executor)?;
        let trace = &run.output;
        let title = format!(
            "follow: one fetch from spawn to the system and back, {}",
            counted(executor.workers(), "cook")
        );
        let mut report = Report::of("follow", title, &run);
        report.intro = [WORDS, HEADING].map(report::wrapped).join("\n\n");
        report.charts = vec![trace.lines(paint::width())];
        report.rows = report::concurrency_rows(&run.figures);
        report.verdict = trace.verdict();
        let life = measure::life_of(&trace.its).with([count("bytes", "", trace.bytes)]);
        report.own.extend(life.json());
        let hops = trace.hops.iter().map(|hop| hop.facts().json());
        report.own_keys(json!({ "hops": hops.collect::<Value>() }));
        Ok(report)
    }
}

impl Trace {
    /// Formats each hop: its time, the time since the previous hop, what happened, and the function of
    /// brigade. If the terminal is too narrow for one line, the function is printed on a second line.
    fn lines(&self, width: usize) -> String {
        let what = self.hops.iter().map(|hop| hop.what.width());
        let places = self.hops.iter().map(|hop| hop.place.to_string().width());
        let column = what.max().unwrap_or(0);
        let fits = TIMES + column + 2 + places.max().unwrap_or(0) <= width;
        let line = |times: &str, what: &str, place: &str| match fits {
            true => format!("{times}{what:column$}  {place}\n"),
            false => format!("{times}{what}\n{:TIMES$}  {place}\n", ""),
        };
        let mut text = String::new();
        let mut before = Duration::ZERO;
        for Hop { at, what, place } in &self.hops {
            let after = format!("+{}", duration(at.saturating_sub(before)));
            let at_ms = at.as_secs_f64() * 1e3;
            let times = format!("{at_ms:7.3} ms {after:>8}  ");
            text.push_str(&line(&times, what, &place.to_string()));
            before = *at;
        }
        text
    }

    fn verdict(&self) -> String {
        let [life, running, queued, waiting] = [
            self.its.life(),
            self.its.running,
            self.its.queued,
            self.its.waiting,
        ]
        .map(duration);
        let polls = counted(self.its.polls as usize, "poll");
        format!(
            "The task lived for {life} and took {polls}. It spent {running} in polls and {queued} in \
             queues. For the remaining {waiting} it only took up memory, while the operating system \
             watched its socket."
        )
    }
}

impl Hop {
    fn facts(&self) -> Facts {
        let Place(file, owner, function) = self.place;
        Facts(vec![
            time("at_s", "", self.at),
            text("what", "", &self.what),
            text("file", "", file),
            text("function", "", format!("{owner}::{function}")),
        ])
    }
}

/// Returns the thread's name. A worker is called a cook, as in all demos.
fn cook_of(lane: &brigade::timeline::Lane) -> String {
    match lane.kind {
        brigade::timeline::LaneKind::Worker(number) => format!("cook {number}"),
        _ => lane.name.clone(),
    }
}
