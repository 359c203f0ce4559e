//! Builds timelines by hand for the tests, with one call for each event.

use std::time::Duration;

use brigade::timeline::{Event, Lane, LaneKind, Outcome, Task, Timeline, WakeEffect, What};

/// A run under construction. Times are in milliseconds.
pub(crate) struct Script {
    lanes: Vec<Lane>,
    tasks: Vec<Task>,
    events: Vec<Event>,
    now: Duration,
    lane: usize,
}

impl Script {
    /// Makes a script with this number of workers. The workers are the first lanes.
    pub(crate) fn new(workers: usize) -> Self {
        let worker = |n| Lane::new(&format!("worker {n}"), LaneKind::Worker(n));
        Script {
            lanes: (0..workers).map(worker).collect(),
            tasks: Vec::new(),
            events: Vec::new(),
            now: Duration::ZERO,
            lane: 0,
        }
    }

    pub(crate) fn lane(&mut self, kind: LaneKind) -> usize {
        self.lanes.push(Lane::new("another", kind));
        self.lanes.len() - 1
    }

    pub(crate) fn task(&mut self, name: &str) -> usize {
        self.tasks
            .push(Task::new(self.tasks.len() as u64, Some(name)));
        self.tasks.len() - 1
    }

    /// Sets the time of the events that follow.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Self {
        self.at_nanos(ms * 1_000_000)
    }

    pub(crate) fn at_nanos(&mut self, nanos: u64) -> &mut Self {
        self.now = Duration::from_nanos(nanos);
        self
    }

    /// Sets the thread of the events that follow.
    pub(crate) fn on(&mut self, lane: usize) -> &mut Self {
        self.lane = lane;
        self
    }

    pub(crate) fn event(&mut self, what: What) -> &mut Self {
        self.events.push(Event::new(self.now, self.lane, what));
        self
    }

    pub(crate) fn spawn(&mut self, task: usize, by: Option<usize>) -> &mut Self {
        self.event(What::Spawn { task, by })
    }

    pub(crate) fn begin(&mut self, task: usize) -> &mut Self {
        self.event(What::PollBegin { task })
    }

    pub(crate) fn pend(&mut self, task: usize) -> &mut Self {
        self.end(task, Outcome::Pending)
    }

    pub(crate) fn ready(&mut self, task: usize) -> &mut Self {
        self.end(task, Outcome::Ready)
    }

    pub(crate) fn end(&mut self, task: usize, outcome: Outcome) -> &mut Self {
        self.event(What::PollEnd { task, outcome })
    }

    pub(crate) fn wake(&mut self, task: usize, by: Option<usize>) -> &mut Self {
        let effect = WakeEffect::Queued;
        self.event(What::Wake { task, by, effect })
    }

    pub(crate) fn wake_again(&mut self, task: usize, by: Option<usize>) -> &mut Self {
        let effect = WakeEffect::Again;
        self.event(What::Wake { task, by, effect })
    }

    pub(crate) fn wake_nobody(&mut self, task: usize) -> &mut Self {
        self.event(What::Wake {
            task,
            by: None,
            effect: WakeEffect::Nothing,
        })
    }

    pub(crate) fn join(&mut self, task: usize, by: usize) -> &mut Self {
        self.event(What::Join { task, by })
    }

    /// Returns the run. Its record ends at the current time.
    pub(crate) fn done(&self) -> Timeline {
        let (lanes, tasks) = (self.lanes.clone(), self.tasks.clone());
        Timeline::from_parts(lanes, tasks, self.events.clone(), self.now)
    }
}
