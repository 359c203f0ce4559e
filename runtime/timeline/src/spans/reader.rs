//! The state machine that turns events into spans.
//!
//! If the record lacks an event, the reader makes a cautious assumption. A task whose beginning is missing
//! begins with its first event. A poll whose beginning or end is missing is counted, but its time counts as
//! waiting. A task that is polled without a wake counts as waiting until the poll.

use std::time::Duration;

use brigade::timeline::{LaneKind, Outcome, Timeline, WakeEffect, What};

use super::curves::{Curve, cover};
use super::off_core::Reading;
use super::parts::{Causes, Lane, Life};
use super::{Ending, Join, Mark, Poll, Source, Spans, State, TaskKind, Wake};

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

/// Returns the event, or `None` if it refers to a task that does not exist. Only a record that was made by
/// hand can have such an event.
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

pub(super) struct Reader<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) now: Duration,
    pub(super) lives: Vec<Life>,
    pub(super) lanes: Vec<Lane>,
    pub(super) polls: Vec<Poll>,
    pub(super) wakes: Vec<Wake>,
    pub(super) joins: Vec<Join>,
    pub(super) in_flight: Curve,
    pub(super) queued: usize,
    pub(super) queued_max: usize,
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

    /// Finds all jobs before reading the record, because a job looks like any other task until a thread of
    /// the pool polls it.
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

    /// Marks a thread as present. Called for an event that happens only on a thread that works for the
    /// executor.
    fn be_there(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        let since = lane.there.map_or(self.now, |(since, _)| since);
        lane.there = Some((since, self.now));
    }

    pub(super) fn mark(&mut self, lane: usize, mark: Mark) {
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

    pub(super) fn answer(&mut self, wake: usize, poll: usize) {
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
            // `block_on` returns here.
            self.lanes[lane].leave();
        }
    }

    /// Ends the poll in progress on the lane, if there is one, at an unknown time.
    fn lose_poll(&mut self, lane: usize) {
        if let Some(poll) = self.lanes[lane].poll.take() {
            let life = &mut self.lives[self.polls[poll].task];
            life.poll = None;
            if life.state == Some(State::Running) {
                // The time of the poll is unknown, so all of it counts as waiting.
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
            // Another thread has already recorded the first poll of this task.
            self.answer(wake, poll);
        } else if life.spans.begun.is_none() {
            self.change(task, Some(State::Queued));
            self.lives[task].woken = Some(wake);
        }
    }

    /// Moves the task from one state to another. `None` means that the task ends.
    pub(super) fn change(&mut self, task: usize, to: Option<State>) {
        let now = self.now;
        let life = &mut self.lives[task];
        let was = life.state;
        if life.spans.begun.is_none() {
            life.spans.begun = Some(now);
        } else if was.is_some() || to.is_some() {
            // If the record shows a task again after its end, events are missing. The time in between counts
            // as waiting.
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
            // A task cannot run after its end, so close its open poll.
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

    // ---- the end -------------------------------------------------------------------------------

    fn finish(mut self) -> Spans {
        let timeline = self.timeline;
        let last = self.now;
        // If the run was still going on, it lasts until the end of the record. Otherwise the run ends with
        // its last event, because the record may have been taken much later. If events were dropped, the run
        // also ends there, because it is unknown what happened afterwards.
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
            // Workers that recorded no event may be missing from the lanes.
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

    /// Closes the poll and the park that are still open on the lane at the end of the record. If events were
    /// dropped, a poll in progress ends at an unknown time.
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
