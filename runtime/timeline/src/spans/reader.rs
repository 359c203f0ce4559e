//! The state machine: the one place that gives events a meaning.
//!
//! Whatever a record lacks, the cautious reading is taken. A task without a beginning begins with the
//! first event that happens to it. A poll of which one end is missing is counted, but its time is
//! waiting. A task that is polled without having been woken has waited until then.

use std::time::Duration;

use brigade::timeline::{LaneKind, Outcome, Timeline, WakeEffect, What};

use super::curves::{Curve, cover};
use super::off_core::{Meter, Reading};
use super::{
    Ending, Join, LaneSpans, Mark, Poll, Source, Span, Spans, State, TaskKind, TaskSpans, Wake,
};

pub(super) fn read(timeline: &Timeline) -> Spans {
    let mut reader = Reader::new(timeline);
    for event in &timeline.events {
        reader.now = reader.now.max(event.at);
        let what = of_known_tasks(event.what, timeline.tasks.len());
        if let Some(what) = what.filter(|_| event.lane < timeline.lanes.len()) {
            reader.take(event.lane, what);
        }
    }
    reader.finish()
}

/// The event, if it names a task that there is: a record that was put together by hand may name others.
fn of_known_tasks(what: What, known: usize) -> Option<What> {
    let by_known = |by: Option<usize>| by.filter(|&by| by < known);
    match what {
        What::PollBegin { task }
        | What::PollEnd { task, .. }
        | What::Cancel { task }
        | What::Stranded { task } => (task < known).then_some(what),
        What::Join { task, by } => (task < known && by < known).then_some(what),
        What::Abort { task, .. } => (task < known).then_some(what),
        What::Spawn { task, by } => {
            let by = by_known(by);
            (task < known).then_some(What::Spawn { task, by })
        }
        What::Wake { task, by, effect } => {
            let by = by_known(by);
            (task < known).then_some(What::Wake { task, by, effect })
        }
        _ => Some(what),
    }
}

struct Reader<'a> {
    timeline: &'a Timeline,
    now: Duration,
    lives: Vec<Life>,
    lanes: Vec<Lane>,
    polls: Vec<Poll>,
    wakes: Vec<Wake>,
    joins: Vec<Join>,
    in_flight: Curve,
    queued: usize,
    queued_max: usize,
}

/// A task, as far as it has been read.
#[derive(Default)]
struct Life {
    /// `None` before its first event and after its end.
    state: Option<State>,
    since: Duration,
    /// The poll that is under way.
    poll: Option<usize>,
    /// The poll that is under way, or comes next, will be followed by another.
    again: bool,
    /// The wake that the next poll answers.
    woken: Option<usize>,
    woke_itself: bool,
    /// The task that awaits it, and how many others it awaits.
    joiner: Option<usize>,
    awaits: usize,
    /// Whether it awaited any when it began to wait.
    joins: bool,
    /// Tasks that it awaited and that ended since its last poll began: each may wake it once.
    farewells: Vec<usize>,
    spans: TaskSpans,
}

/// A thread, as far as it has been read.
struct Lane {
    poll: Option<usize>,
    parked: Option<Duration>,
    /// Since when it is there, and until when it certainly is.
    there: Option<(Duration, Duration)>,
    causes: Causes,
    meter: Meter,
    spans: LaneSpans,
}

/// What a thread announced that it will wake tasks for, until it turns to something else: first for so
/// many events that the OS reported, then for so many timers.
#[derive(Default)]
struct Causes {
    io: usize,
    timers: usize,
    last: Option<Source>,
}

impl<'a> Reader<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        let lanes = timeline.lanes.iter().map(|lane| Lane::new(lane.kind));
        let lives = timeline.tasks.iter().map(|task| {
            let mut life = Life::default();
            if task.is_main {
                life.spans.kind = TaskKind::Main;
            }
            life
        });
        let mut reader = Reader {
            timeline,
            now: Duration::ZERO,
            lives: lives.collect(),
            lanes: lanes.collect(),
            polls: Vec::new(),
            wakes: Vec::new(),
            joins: Vec::new(),
            in_flight: Curve::default(),
            queued: 0,
            queued_max: 0,
        };
        reader.find_jobs();
        reader
    }

    /// A job is spawned long before a thread of the pool takes it, so this takes a look ahead.
    fn find_jobs(&mut self) {
        for event in &self.timeline.events {
            if let What::PollBegin { task } = event.what
                && let Some(lane) = self.lanes.get(event.lane)
                && lane.spans.kind == LaneKind::Blocking
                && let Some(life) = self.lives.get_mut(task)
            {
                life.spans.kind = TaskKind::Job;
            }
        }
    }

    fn take(&mut self, lane: usize, what: What) {
        match what {
            What::Spawn { task, by } => self.spawn(lane, task, by),
            What::PollBegin { task } => self.begin_poll(lane, task),
            What::PollEnd { task, outcome } => self.end_poll(lane, task, outcome),
            What::Stranded { task } => {
                self.lives[task].spans.stranded = Some(self.now);
                self.mark(lane, Mark::Stranded(task));
            }
            What::Cancel { task } => self.end(task, Ending::Cancelled),
            What::Wake { task, by, effect } => self.wake(lane, task, by, effect),
            What::Join { task, by } => self.join(task, by),
            What::Abort { task, .. } => self.lives[task].spans.aborted = Some(self.now),
            What::Steal { from } => self.mark(lane, Mark::Steal(from)),
            What::Park => self.park(lane),
            What::Unpark => self.unpark(lane),
            What::IoReady { events } => {
                self.mark(lane, Mark::Io(events));
                self.lanes[lane].causes.io = events;
            }
            What::TimersFired { timers } => {
                self.mark(lane, Mark::Timers(timers));
                self.lanes[lane].causes.timers = timers;
            }
            What::CpuTime {
                used,
                delayed,
                blocked,
            } => {
                let Lane { meter, spans, .. } = &mut self.lanes[lane];
                let reading = Reading {
                    at: self.now,
                    cpu: used,
                    delayed,
                    blocked,
                };
                meter.read(reading, &spans.polls, &mut self.polls);
            }
            _ => {}
        }
    }

    // ---- threads -------------------------------------------------------------------------------

    /// An event that only a thread at work can cause.
    fn be_there(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        let since = lane.there.map_or(self.now, |(since, _)| since);
        lane.there = Some((since, self.now));
    }

    fn mark(&mut self, lane: usize, mark: Mark) {
        if !matches!(mark, Mark::Woke(_)) {
            self.be_there(lane);
        }
        self.lanes[lane].spans.marks.push((self.now, mark));
    }

    fn park(&mut self, lane: usize) {
        self.be_there(lane);
        self.lose_poll(lane);
        self.lanes[lane].parked.get_or_insert(self.now);
        self.lanes[lane].causes = Causes::default();
    }

    fn unpark(&mut self, lane: usize) {
        self.be_there(lane);
        let now = self.now;
        let lane = &mut self.lanes[lane];
        if let Some(since) = lane.parked.take() {
            lane.spans.parks.push((since, now));
            lane.meter.parked(now - since);
        }
        lane.causes = Causes::default();
    }

    // ---- polls ---------------------------------------------------------------------------------

    fn begin_poll(&mut self, lane: usize, task: usize) {
        self.lose_poll(lane);
        if let Some(poll) = self.lives[task].poll {
            self.lose_poll(self.polls[poll].lane);
        }
        self.unpark(lane);
        self.change(task, Some(State::Running));
        let poll = self.add_poll(lane, task);
        self.lanes[lane].poll = Some(poll);
        let life = &mut self.lives[task];
        life.poll = Some(poll);
        life.woke_itself = false;
        life.farewells.clear();
        life.spans.ended = None;
        life.spans.ending = None;
        life.spans.stranded = None;
        if let Some(wake) = life.woken.take() {
            self.answer(wake, poll);
        }
    }

    fn add_poll(&mut self, lane: usize, task: usize) -> usize {
        let poll = self.polls.len();
        self.polls.push(Poll {
            task,
            lane,
            begin: self.now,
            end: self.now,
            outcome: None,
            cause: None,
            off_core: None,
        });
        self.lanes[lane].spans.polls.push(poll);
        self.lives[task].spans.polls.push(poll);
        poll
    }

    fn answer(&mut self, wake: usize, poll: usize) {
        self.polls[poll].cause = Some(wake);
        self.wakes[wake].to = Some(poll);
    }

    fn end_poll(&mut self, lane: usize, task: usize, outcome: Outcome) {
        let open = self.lanes[lane].poll;
        let poll = match open.filter(|&poll| self.polls[poll].task == task) {
            Some(poll) => {
                self.lanes[lane].poll = None;
                poll
            }
            None => {
                self.lose_poll(lane);
                if let Some(poll) = self.lives[task].poll {
                    self.lose_poll(self.polls[poll].lane);
                }
                self.add_poll(lane, task)
            }
        };
        self.polls[poll].end = self.now;
        self.polls[poll].outcome = Some(outcome);
        self.be_there(lane);
        let again = std::mem::take(&mut self.lives[task].again);
        match outcome {
            Outcome::Pending if self.has_ended(task) => {}
            Outcome::Pending if again => self.change(task, Some(State::Queued)),
            Outcome::Pending => self.change(task, Some(State::Waiting)),
            Outcome::Ready => self.end(task, Ending::Finished),
            Outcome::Panicked => self.end(task, Ending::Panicked),
        }
        self.lives[task].poll = None;
        if outcome != Outcome::Pending && self.lives[task].spans.kind == TaskKind::Main {
            // `block_on` returns.
            self.lanes[lane].leave();
        }
    }

    /// The poll on the lane, if one is under way, has ended at a time that is not on record.
    fn lose_poll(&mut self, lane: usize) {
        if let Some(poll) = self.lanes[lane].poll.take() {
            let life = &mut self.lives[self.polls[poll].task];
            life.poll = None;
            if life.state == Some(State::Running) {
                // Nothing is known of it: all of this has been waiting.
                life.state = Some(State::Waiting);
            }
        }
    }

    // ---- tasks ---------------------------------------------------------------------------------

    fn has_ended(&self, task: usize) -> bool {
        self.lives[task].spans.ended.is_some()
    }

    fn spawn(&mut self, lane: usize, task: usize, by: Option<usize>) {
        self.lives[task].spans.spawned_by = by;
        let wake = self.add_wake(lane, task, Source::Spawn(by), WakeEffect::Queued);
        let life = &self.lives[task];
        if let Some(poll) = life.poll {
            // Another thread wrote its first poll down before.
            self.answer(wake, poll);
        } else if life.spans.begun.is_none() {
            self.change(task, Some(State::Queued));
            self.lives[task].woken = Some(wake);
        }
    }

    /// The task goes from one state to another; `None` is its end.
    fn change(&mut self, task: usize, to: Option<State>) {
        let now = self.now;
        let life = &mut self.lives[task];
        let was = life.state;
        if life.spans.begun.is_none() {
            life.spans.begun = Some(now);
        } else if was.is_some() || to.is_some() {
            // A task that goes on after its end: the record is not whole.
            life.leave(was.unwrap_or(State::Waiting), now);
        }
        life.since = now;
        life.state = to;
        life.joins = to == Some(State::Waiting) && life.awaits > 0;
        if life.spans.kind == TaskKind::Task {
            match (was, to) {
                (None, Some(_)) => self.in_flight.up(now),
                (Some(_), None) => self.in_flight.down(now),
                _ => {}
            }
            self.queued += usize::from(to == Some(State::Queued));
            self.queued -= usize::from(was == Some(State::Queued));
            self.queued_max = self.queued_max.max(self.queued);
        }
    }

    fn end(&mut self, task: usize, ending: Ending) {
        if self.has_ended(task) {
            return;
        }
        if let Some(poll) = self.lives[task].poll
            && self.lanes[self.polls[poll].lane].poll == Some(poll)
        {
            // Close it where it is open: a task does not run after its end.
            self.lose_poll(self.polls[poll].lane);
        }
        if self.lives[task].spans.begun.is_none() {
            self.change(task, Some(State::Waiting));
        }
        self.change(task, None);
        let now = self.now;
        let life = &mut self.lives[task];
        life.spans.ended = Some(now);
        life.spans.ending = Some(ending);
        if let Some(joiner) = life.joiner.take() {
            self.lives[joiner].awaits -= 1;
            self.lives[joiner].farewells.push(task);
        }
    }

    fn join(&mut self, task: usize, by: usize) {
        let at = self.now;
        self.joins.push(Join { at, task, by });
        if self.has_ended(task) || self.lives[task].joiner == Some(by) {
            return;
        }
        if let Some(former) = self.lives[task].joiner.replace(by) {
            self.lives[former].awaits -= 1;
        }
        self.lives[by].awaits += 1;
    }

    // ---- wakes ---------------------------------------------------------------------------------

    fn add_wake(&mut self, lane: usize, task: usize, source: Source, effect: WakeEffect) -> usize {
        let by = match source {
            Source::Spawn(by) => by,
            Source::Task(by) | Source::Join(by) => Some(by),
            Source::Io | Source::Timer | Source::Thread => None,
        };
        let open = self.lanes[lane].poll;
        let from = by.and_then(|by| {
            let open = open.filter(|&poll| self.polls[poll].task == by);
            open.or(self.lives[by].spans.polls.last().copied())
        });
        self.wakes.push(Wake {
            at: self.now,
            task,
            lane,
            source,
            effect,
            from,
            to: None,
        });
        self.wakes.len() - 1
    }

    fn source(&mut self, lane: usize, task: usize, by: Option<usize>) -> Source {
        let farewells = &mut self.lives[task].farewells;
        match by {
            Some(by) => match farewells.iter().position(|&ended| ended == by) {
                Some(at) => Source::Join(farewells.remove(at)),
                None => Source::Task(by),
            },
            None => match farewells.pop() {
                Some(ended) => Source::Join(ended),
                None => self.lanes[lane].causes.next(),
            },
        }
    }

    fn wake(&mut self, lane: usize, task: usize, by: Option<usize>, effect: WakeEffect) {
        let source = self.source(lane, task, by);
        let wake = self.add_wake(lane, task, source, effect);
        if by.is_none() && self.lanes[lane].spans.kind == LaneKind::Outside {
            self.mark(lane, Mark::Woke(task));
        }
        let life = &mut self.lives[task];
        life.spans.wakes += 1;
        if by == Some(task) && life.state == Some(State::Running) && !life.woke_itself {
            life.woke_itself = true;
            life.spans.self_woken += 1;
        }
        if effect == WakeEffect::Nothing {
            match source {
                Source::Join(_) => life.spans.joins_nowhere += 1,
                _ => life.spans.wakes_nowhere += 1,
            }
            return;
        }
        match life.state {
            None if life.spans.begun.is_some() => return,
            None | Some(State::Waiting) => {
                self.change(task, Some(State::Queued));
                let life = &mut self.lives[task];
                if let Some(span) = life.spans.spans.last_mut()
                    && span.state == State::Waiting
                {
                    span.wake = Some(wake);
                }
            }
            Some(State::Running) => {
                let poll = life.poll.filter(|&poll| self.polls[poll].cause.is_none());
                // The thread that woke it wrote that down when the poll had begun already.
                if let (Some(poll), WakeEffect::Queued) = (poll, effect) {
                    return self.answer(wake, poll);
                }
                life.again = true;
            }
            // The thread that woke it looked at the clock before the poll began, which it then met.
            Some(State::Queued) => life.again |= effect == WakeEffect::Again,
        }
        self.lives[task].woken.get_or_insert(wake);
    }

    // ---- the end -------------------------------------------------------------------------------

    fn finish(mut self) -> Spans {
        let timeline = self.timeline;
        let last = self.now;
        // Once events had to be thrown away, nothing is known of the time after the last of them. And
        // when the main future is done, what follows is only the time until the record was taken.
        if timeline.dropped == 0 && self.goes_on() {
            self.now = last.max(timeline.length);
        }
        for lane in 0..self.lanes.len() {
            self.close_lane(lane);
        }
        for life in &mut self.lives {
            if let Some(state) = life.state {
                life.leave(state, self.now);
            }
        }
        let tasks: Vec<_> = self.lives.into_iter().map(|life| life.spans).collect();
        let polls = self.polls.iter().filter(|poll| tasks[poll.task].is_task());
        let workers = self.lanes.iter().map(|lane| match lane.spans.kind {
            // A worker that reported nothing may be missing among the lanes.
            LaneKind::Worker(number) => number + 1,
            LaneKind::Blocking | LaneKind::Outside => 0,
        });
        let first = timeline.events.first();
        Spans {
            begin: first.map_or(Duration::ZERO, |event| event.at),
            end: self.now,
            at_once: cover(polls.map(|poll| (poll.begin, poll.end))),
            in_flight: self.in_flight.steps(),
            queued_max: self.queued_max,
            workers: workers.max().unwrap_or(0),
            tasks,
            lanes: self.lanes.into_iter().map(|lane| lane.spans).collect(),
            polls: self.polls,
            wakes: self.wakes,
            joins: self.joins,
            dropped: timeline.dropped,
        }
    }

    fn goes_on(&self) -> bool {
        let alive = |life: &&Life| life.state.is_some();
        let is_main = |life: &&Life| life.spans.kind == TaskKind::Main;
        let seen = |life: &&Life| life.spans.begun.is_some();
        let mains = self.lives.iter().filter(is_main).filter(seen);
        match mains.clone().count() {
            0 => self.lives.iter().any(|life| alive(&life)),
            _ => mains.filter(alive).count() > 0,
        }
    }

    /// What goes on when the record ends goes on until then, unless its end was thrown away.
    fn close_lane(&mut self, lane: usize) {
        if self.timeline.dropped > 0 {
            self.lose_poll(lane);
        }
        let now = self.now;
        let Lane { poll, parked, .. } = self.lanes[lane];
        if poll.is_some() || parked.is_some() {
            self.be_there(lane);
        }
        if let Some(poll) = poll {
            self.polls[poll].end = now;
        }
        let lane = &mut self.lanes[lane];
        if let Some(since) = parked {
            lane.spans.parks.push((since, now));
        }
        lane.leave();
        (lane.spans.cpu, lane.spans.preempted) = lane.meter.sums();
    }
}

impl Life {
    /// Writes down the state that it leaves. A state that was passed through in no time is none, but a
    /// poll too short for the clock has happened.
    fn leave(&mut self, state: State, now: Duration) {
        if now == self.since && state != State::Running {
            return;
        }
        self.spans.spans.push(Span {
            from: self.since,
            to: now,
            state,
            poll: self.poll.filter(|_| state == State::Running),
            wake: None,
            joins: state == State::Waiting && self.joins,
        });
    }
}

impl Lane {
    fn new(kind: LaneKind) -> Self {
        Lane {
            poll: None,
            parked: None,
            there: None,
            causes: Causes::default(),
            meter: Meter::default(),
            spans: LaneSpans {
                kind,
                polls: Vec::new(),
                parks: Vec::new(),
                present: Vec::new(),
                marks: Vec::new(),
                cpu: None,
                preempted: None,
            },
        }
    }

    fn leave(&mut self) {
        self.spans.present.extend(self.there.take());
    }
}

impl Causes {
    fn next(&mut self) -> Source {
        let next = if self.io > 0 {
            self.io -= 1;
            Some(Source::Io)
        } else if self.timers > 0 {
            self.timers -= 1;
            Some(Source::Timer)
        } else {
            // One event may wake a reader and a writer.
            self.last
        };
        self.last = next;
        next.unwrap_or(Source::Thread)
    }
}
