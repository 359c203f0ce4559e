//! Timelines by hand, for the tests.
//!
//! **Job.** Write down what happened, one call an event. **Owns** the timeline that it makes.
//! **Never** checks it: the tests do.

use std::time::Duration;

use crate::timeline::{Event, Lane, LaneKind, Outcome, Task, Timeline, WakeEffect, What};

/// A run that is being written. Times are in milliseconds.
pub(in crate::timeline) struct Script {
    lanes: Vec<Lane>,
    tasks: Vec<Task>,
    events: Vec<Event>,
    now: Duration,
    lane: usize,
}

impl Script {
    /// With so many workers, which are the first lanes.
    pub(in crate::timeline) fn new(workers: usize) -> Self {
        let worker = |n| Lane::new(&format!("cook {n}"), LaneKind::Worker(n));
        Script {
            lanes: (0..workers).map(worker).collect(),
            tasks: Vec::new(),
            events: Vec::new(),
            now: Duration::ZERO,
            lane: 0,
        }
    }

    pub(in crate::timeline) fn lane(&mut self, kind: LaneKind) -> usize {
        self.lanes.push(Lane::new("another", kind));
        self.lanes.len() - 1
    }

    pub(in crate::timeline) fn task(&mut self, name: &str) -> usize {
        self.tasks
            .push(Task::new(self.tasks.len() as u64, Some(name)));
        self.tasks.len() - 1
    }

    /// The time of the events that follow.
    pub(in crate::timeline) fn at(&mut self, ms: u64) -> &mut Self {
        self.at_nanos(ms * 1_000_000)
    }

    pub(in crate::timeline) fn at_nanos(&mut self, nanos: u64) -> &mut Self {
        self.now = Duration::from_nanos(nanos);
        self
    }

    /// The thread of the events that follow.
    pub(in crate::timeline) fn on(&mut self, lane: usize) -> &mut Self {
        self.lane = lane;
        self
    }

    pub(in crate::timeline) fn event(&mut self, what: What) -> &mut Self {
        self.events.push(Event::new(self.now, self.lane, what));
        self
    }

    pub(in crate::timeline) fn spawn(&mut self, task: usize, by: Option<usize>) -> &mut Self {
        self.event(What::Spawn { task, by })
    }

    pub(in crate::timeline) fn begin(&mut self, task: usize) -> &mut Self {
        self.event(What::PollBegin { task })
    }

    pub(in crate::timeline) fn pend(&mut self, task: usize) -> &mut Self {
        self.end(task, Outcome::Pending)
    }

    pub(in crate::timeline) fn ready(&mut self, task: usize) -> &mut Self {
        self.end(task, Outcome::Ready)
    }

    pub(in crate::timeline) fn end(&mut self, task: usize, outcome: Outcome) -> &mut Self {
        self.event(What::PollEnd { task, outcome })
    }

    pub(in crate::timeline) fn wake(&mut self, task: usize, by: Option<usize>) -> &mut Self {
        let effect = WakeEffect::Queued;
        self.event(What::Wake { task, by, effect })
    }

    pub(in crate::timeline) fn wake_again(&mut self, task: usize, by: Option<usize>) -> &mut Self {
        let effect = WakeEffect::Again;
        self.event(What::Wake { task, by, effect })
    }

    pub(in crate::timeline) fn wake_nobody(&mut self, task: usize) -> &mut Self {
        self.event(What::Wake {
            task,
            by: None,
            effect: WakeEffect::Nothing,
        })
    }

    pub(in crate::timeline) fn join(&mut self, task: usize, by: usize) -> &mut Self {
        self.event(What::Join { task, by })
    }

    /// The run, whose record ends now.
    pub(in crate::timeline) fn done(&self) -> Timeline {
        let (lanes, tasks) = (self.lanes.clone(), self.tasks.clone());
        Timeline::from_parts(lanes, tasks, self.events.clone(), self.now)
    }
}
