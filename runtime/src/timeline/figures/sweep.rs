//! One pass over the events that keeps account of every task and every thread.
//!
//! **Job.** All figures but the critical path.
//!
//! **Owns** the [`Counts`] and the accounts, during the pass. **Never** goes over the events twice.
//!
//! How many tasks are in flight, queued or running is never counted up and down by hand: a task that
//! changes its state is taken out of the [`Counts`] before and put back after. So the counts cannot
//! drift from the states, whatever the record lacks.

use std::time::Duration;

use super::super::{Event, LaneKind, Outcome, Timeline, WakeEffect, What};
use super::account::{Counts, Life, Seat, State};
use super::{Ending, Figures, LaneFigures, LongestPoll, Stall, TaskFigures, share};

/// The figures, without the critical path.
pub(super) fn sweep(timeline: &Timeline) -> Figures {
    let mut sweep = Sweep::new(timeline);
    for event in &timeline.events {
        sweep.advance(event.at);
        sweep.take(event);
    }
    sweep.advance(timeline.end());
    sweep.finish()
}

struct Sweep<'a> {
    timeline: &'a Timeline,
    now: Duration,
    lives: Vec<Life>,
    seats: Vec<Seat>,
    workers: usize,
    counts: Counts,
    in_flight_max: usize,
    at_once_max: usize,
    queued_max: usize,
    /// Workers in polls, and since when all of them are.
    working: usize,
    full_since: Duration,
    longest_poll: Option<LongestPoll>,
    longest_stall: Option<Stall>,
    wakes: u64,
    wakes_nowhere: u64,
    joins_nowhere: u64,
}

impl<'a> Sweep<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        let mut lives: Vec<Life> = Vec::new();
        lives.resize_with(timeline.tasks.len(), Life::default);
        for event in &timeline.events {
            if let What::PollBegin { task } = event.what {
                lives[task].figures.is_blocking |=
                    timeline.lanes[event.lane].kind == LaneKind::Blocking;
            }
        }
        for (life, task) in lives.iter_mut().zip(&timeline.tasks) {
            life.is_task = !task.is_main && !life.figures.is_blocking;
        }
        let workers = timeline.lanes.iter().map(|lane| match lane.kind {
            // One that never reported anything may be missing among the lanes.
            LaneKind::Worker(number) => number + 1,
            LaneKind::Blocking | LaneKind::Outside => 0,
        });
        Sweep {
            timeline,
            now: Duration::ZERO,
            lives,
            seats: timeline.lanes.iter().map(|_| Seat::default()).collect(),
            workers: workers.max().unwrap_or(0),
            counts: Counts::default(),
            in_flight_max: 0,
            at_once_max: 0,
            queued_max: 0,
            working: 0,
            full_since: Duration::ZERO,
            longest_poll: None,
            longest_stall: None,
            wakes: 0,
            wakes_nowhere: 0,
            joins_nowhere: 0,
        }
    }

    /// Time passes, and what runs now runs at once. Never backwards, whatever the record says.
    fn advance(&mut self, to: Duration) {
        if to > self.now {
            self.at_once_max = self.at_once_max.max(self.counts.running);
            self.now = to;
        }
    }

    fn take(&mut self, event: &Event) {
        let seat = &mut self.seats[event.lane];
        match event.what {
            What::Spawn { task, .. } => {
                // Its first poll may have been written down before, by another thread.
                if self.lives[task].state == State::Unseen {
                    self.change(task, State::Queued);
                }
            }
            What::PollBegin { task } => self.begin_poll(task, event.lane),
            What::PollEnd { task, outcome } => self.end_poll(task, event.lane, outcome),
            What::Stranded { task } => self.lives[task].figures.stranded = Some(self.now),
            What::Cancel { task } => self.end(task, Ending::Cancelled),
            What::Wake { task, by, effect } => self.wake(task, by, effect),
            What::Join { task, by } => self.join(task, by),
            What::Abort { .. } => {}
            What::Steal { .. } => {
                seat.be_there(self.now);
                seat.steals += 1;
            }
            What::Park => {
                seat.be_there(self.now);
                seat.asleep = true;
                seat.parks += 1;
            }
            What::Unpark => {
                seat.be_there(self.now);
                seat.asleep = false;
            }
            What::IoReady { .. } | What::TimersFired { .. } => seat.be_there(self.now),
        }
    }

    fn change(&mut self, task: usize, to: State) {
        let life = &mut self.lives[task];
        self.counts.remove(life);
        life.change(to, self.now);
        self.counts.add(life);
        self.in_flight_max = self.in_flight_max.max(self.counts.in_flight);
        self.queued_max = self.queued_max.max(self.counts.queued);
    }

    fn begin_poll(&mut self, task: usize, lane: usize) {
        self.lose_poll(lane);
        if self.lives[task].state == State::Running {
            self.lose_poll(self.lives[task].lane);
        }
        self.change(task, State::Running);
        let life = &mut self.lives[task];
        life.lane = lane;
        life.self_woken = false;
        life.farewells = 0;
        life.figures.polls += 1;
        life.figures.ended = None;
        life.figures.ending = None;
        life.figures.stranded = None;
        if life.is_task {
            // Also a poll that takes no time, as all do on a virtual clock.
            self.at_once_max = self.at_once_max.max(1);
        }
        let seat = &mut self.seats[lane];
        seat.be_there(self.now);
        seat.asleep = false;
        seat.polls += 1;
        seat.poll = Some((task, self.now));
        if self.is_worker(lane) {
            self.working += 1;
            self.full_since = self.now;
        }
    }

    fn end_poll(&mut self, task: usize, lane: usize, outcome: Outcome) {
        if self.seats[lane].poll.is_some_and(|(open, _)| open == task) {
            self.close_poll(lane);
        } else {
            self.lose_poll(lane);
            if self.lives[task].state == State::Running {
                self.lose_poll(self.lives[task].lane);
            }
            self.lives[task].figures.polls += 1;
            self.seats[lane].polls += 1;
        }
        self.seats[lane].be_there(self.now);
        let again = std::mem::take(&mut self.lives[task].again);
        match outcome {
            Outcome::Pending if self.lives[task].state == State::Ended => {}
            Outcome::Pending if again => self.change(task, State::Queued),
            Outcome::Pending => self.change(task, State::Waiting),
            Outcome::Ready => self.end(task, Ending::Finished),
            Outcome::Panicked => self.end(task, Ending::Panicked),
        }
        if outcome != Outcome::Pending && self.timeline.tasks[task].is_main {
            // `block_on` returns.
            self.seats[lane].leave();
        }
    }

    /// The poll that is under way on the lane is over.
    fn close_poll(&mut self, lane: usize) {
        if self.is_worker(lane) {
            self.note_stall();
        }
        let Some((task, begun)) = self.seats[lane].poll.take() else {
            return;
        };
        let took = self.now - begun;
        self.seats[lane].in_polls += took;
        if self.is_worker(lane) {
            self.working -= 1;
            if self.longest_poll.is_none_or(|longest| took > longest.took) {
                self.longest_poll = Some(LongestPoll {
                    task,
                    lane,
                    begun,
                    took,
                });
            }
        }
    }

    /// The poll on the lane, if one is under way, has ended at a time that is not on record.
    fn lose_poll(&mut self, lane: usize) {
        if let Some((task, _)) = self.seats[lane].poll.take() {
            self.working -= usize::from(self.is_worker(lane));
            let life = &mut self.lives[task];
            self.counts.remove(life);
            life.state = State::Waiting;
            self.counts.add(life);
            self.change(task, State::Waiting);
        }
    }

    /// A poll is about to end, or the record.
    fn note_stall(&mut self) {
        let lasted = self.now - self.full_since;
        let longest = self
            .longest_stall
            .map_or(Duration::ZERO, |longest| longest.lasted);
        if self.working < self.workers || self.counts.held == 0 || lasted <= longest {
            return;
        }
        let polls = self.seats.iter().enumerate().filter_map(|(lane, seat)| {
            let (task, begun) = seat.poll?;
            self.is_worker(lane).then_some((begun, lane, task))
        });
        if let Some((_, lane, task)) = polls.min() {
            self.longest_stall = Some(Stall {
                task,
                lane,
                begun: self.full_since,
                lasted,
                held: self.counts.held,
                ready: self.counts.ready,
            });
        }
    }

    fn end(&mut self, task: usize, ending: Ending) {
        if self.lives[task].state == State::Ended {
            return;
        }
        if self.lives[task].state == State::Running {
            // Close it where it is open: a task does not run after its end.
            let lane = self.lives[task].lane;
            if self.seats[lane].poll.is_some_and(|(open, _)| open == task) {
                self.lose_poll(lane);
            }
        }
        self.change(task, State::Ended);
        let life = &mut self.lives[task];
        life.figures.ended = Some(self.now);
        life.figures.ending = Some(ending);
        if let Some(joiner) = life.joiner.take() {
            self.awaits(joiner, |awaits| *awaits -= 1);
            self.lives[joiner].farewells += 1;
        }
    }

    fn wake(&mut self, task: usize, by: Option<usize>, effect: WakeEffect) {
        let life = &mut self.lives[task];
        self.wakes += 1;
        life.figures.wakes += 1;
        let is_farewell = life.farewells > 0;
        life.farewells -= usize::from(is_farewell);
        if by == Some(task) && life.state == State::Running && !life.self_woken {
            life.self_woken = true;
            life.figures.self_woken += 1;
        }
        if effect == WakeEffect::Nothing {
            self.wakes_nowhere += 1;
            self.joins_nowhere += u64::from(is_farewell);
            life.figures.wakes_nowhere += u64::from(!is_farewell);
            return;
        }
        match life.state {
            State::Unseen | State::Waiting => self.change(task, State::Queued),
            State::Running => life.again = true,
            // The waker looked at the clock before the poll began, which it then met.
            State::Queued => life.again |= effect == WakeEffect::Again,
            State::Ended => {}
        }
    }

    fn join(&mut self, task: usize, by: usize) {
        if self.lives[task].state == State::Ended || self.lives[task].joiner == Some(by) {
            return;
        }
        if let Some(former) = self.lives[task].joiner.replace(by) {
            self.awaits(former, |awaits| *awaits -= 1);
        }
        self.awaits(by, |awaits| *awaits += 1);
    }

    fn awaits(&mut self, task: usize, change: impl FnOnce(&mut usize)) {
        let life = &mut self.lives[task];
        self.counts.remove(life);
        change(&mut life.awaits);
        self.counts.add(life);
    }

    fn is_worker(&self, lane: usize) -> bool {
        matches!(self.timeline.lanes[lane].kind, LaneKind::Worker(_))
    }

    // ---- the sum of it all ---------------------------------------------------------------------

    fn finish(mut self) -> Figures {
        for lane in 0..self.seats.len() {
            // What goes on when the record ends goes on until then, unless the end was lost.
            if self.timeline.dropped > 0 {
                self.lose_poll(lane);
            }
            if self.seats[lane].poll.is_some() || self.seats[lane].asleep {
                self.seats[lane].be_there(self.now);
            }
        }
        for lane in 0..self.seats.len() {
            self.close_poll(lane);
            self.seats[lane].leave();
        }
        for life in &mut self.lives {
            if !matches!(life.state, State::Unseen | State::Ended) {
                life.change(life.state, self.now);
            }
        }
        self.figures()
    }

    fn figures(self) -> Figures {
        let tasks = || {
            self.lives
                .iter()
                .filter(|life| life.is_task)
                .map(|life| &life.figures)
        };
        let ended = |how| tasks().filter(|task| task.ending == Some(how)).count();
        let life = tasks().map(TaskFigures::life).sum();
        let began = self
            .lives
            .iter()
            .filter_map(|life| life.figures.begun)
            .min();
        let over = self.lives.iter().filter_map(|life| {
            let figures = &life.figures;
            Some(figures.begun? + figures.life())
        });
        let span = over.max().unwrap_or_default() - began.unwrap_or_default();
        let lanes: Vec<LaneFigures> = self.lanes().collect();
        let is_worker = |lane: &&LaneFigures| matches!(lane.kind, LaneKind::Worker(_));
        let workers = || lanes.iter().filter(is_worker);
        let work = workers().map(|lane| lane.in_polls).sum();
        Figures {
            spawned: tasks().filter(|task| task.begun.is_some()).count(),
            finished: ended(Ending::Finished),
            cancelled: ended(Ending::Cancelled),
            panicked: ended(Ending::Panicked),
            blocking_jobs: self
                .lives
                .iter()
                .filter(|life| life.figures.is_blocking)
                .count(),
            in_flight_max: self.in_flight_max,
            at_once_max: self.at_once_max,
            queued_max: self.queued_max,
            running_share: share(tasks().map(|task| task.running).sum(), life),
            queued_share: share(tasks().map(|task| task.queued).sum(), life),
            waiting_share: share(tasks().map(|task| task.waiting).sum(), life),
            longest_poll: self.longest_poll,
            longest_stall: self.longest_stall,
            wakes: self.wakes,
            wakes_nowhere: self.wakes_nowhere,
            joins_nowhere: self.joins_nowhere,
            work,
            span,
            critical_path: Duration::ZERO,
            workers: self.workers,
            busy: share(work, workers().map(|lane| lane.present).sum()),
            lanes,
            tasks: self.lives.into_iter().map(|life| life.figures).collect(),
        }
    }

    fn lanes(&self) -> impl Iterator<Item = LaneFigures> {
        let lanes = self.timeline.lanes.iter().zip(&self.seats);
        lanes.map(|(lane, seat)| LaneFigures {
            kind: lane.kind,
            polls: seat.polls,
            in_polls: seat.in_polls,
            present: seat.present,
            busy: share(seat.in_polls, seat.present),
            parks: seat.parks,
            steals: seat.steals,
        })
    }
}
