//! Do tasks stand in line, where they could wait together?
//!
//! **Job.** Tell apart what tasks waited for: an event (a timer, a socket, a thread outside), another
//! task, or the end of a task whose handle they awaited. Tasks that wait for events wait together, or
//! need not have been many. If no two of them ever do, and each had to wait for another task first,
//! something lets them through one at a time: most often a lock that is held across an await.
//!
//! **Owns** nothing. **Never** counts waiting for a handle: that is a dependency, and the program's will.

use std::time::Duration;

use super::{Advice, Adviser, QUEUEING};
use crate::timeline::figures::{Figures, share};
use crate::timeline::{Outcome, Timeline, WakeEffect, What};

/// Two who take turns are a conversation.
const FEWEST_IN_LINE: usize = 3;

/// A run that consists of waiting for events.
const MOSTLY_EVENTS: f64 = 0.8;

/// Waiting together for so little of the run is no more than a hand-over that takes its time.
const HARDLY_TOGETHER: f64 = 0.05;

impl Adviser<'_> {
    pub(super) fn in_line(&self) -> Option<Advice> {
        if !self.shares_count() {
            return None;
        }
        let waits = Waits::of(self.timeline, self.figures);
        let span = self.figures.span;
        let (events, any) = waits.events();
        let tasks = waits.tasks.iter().filter(|task| task.in_line).count();
        let for_tasks = waits.tasks.iter().map(|task| task.for_tasks).sum();
        let waiting_share = share(for_tasks, waits.lives);
        let fires = tasks >= FEWEST_IN_LINE
            && events >= span.mul_f64(MOSTLY_EVENTS)
            && events - any <= span.mul_f64(HARDLY_TOGETHER)
            && waiting_share >= QUEUEING;
        fires.then_some(Advice::InLine {
            tasks,
            events,
            span,
            waiting_share,
        })
    }
}

/// What all tasks waited for.
struct Waits {
    tasks: Vec<Waiter>,
    /// Times in which a task waited for an event.
    for_events: Vec<(Duration, Duration)>,
    /// The lives of all tasks, added up.
    lives: Duration,
}

/// A task and its waiting.
#[derive(Clone, Default)]
struct Waiter {
    /// Neither the main future nor a job of the blocking pool.
    counts: bool,
    since: Option<Duration>,
    /// It was woken in the poll that is under way, so it will not wait after it.
    again: bool,
    /// It asked for another task's end in its last poll.
    joins: bool,
    for_tasks: Duration,
    /// Another task let it go on, and then it waited for an event.
    let_through: bool,
    in_line: bool,
}

impl Waits {
    fn of(timeline: &Timeline, figures: &Figures) -> Self {
        let mut waits = Waits {
            tasks: vec![Waiter::default(); timeline.tasks.len()],
            for_events: Vec::new(),
            lives: Duration::ZERO,
        };
        for (index, task) in figures.tasks.iter().enumerate() {
            if !timeline.tasks[index].is_main && !task.is_blocking {
                waits.tasks[index].counts = true;
                waits.lives += task.life();
            }
        }
        for event in &timeline.events {
            waits.take(event.at, event.what);
        }
        waits
    }

    fn take(&mut self, now: Duration, what: What) {
        match what {
            What::PollBegin { task } => {
                let waiter = &mut self.tasks[task];
                (waiter.since, waiter.again, waiter.joins) = (None, false, false);
            }
            What::Join { by, .. } => self.tasks[by].joins = true,
            What::PollEnd {
                task,
                outcome: Outcome::Pending,
            } if !self.tasks[task].again => self.tasks[task].since = Some(now),
            What::Wake { task, by, effect } => match effect {
                WakeEffect::Queued => self.woken(now, task, by),
                WakeEffect::Again => self.tasks[task].again = true,
                WakeEffect::Nothing => {}
            },
            _ => {}
        }
    }

    fn woken(&mut self, now: Duration, task: usize, by: Option<usize>) {
        let waiter = &mut self.tasks[task];
        let Some(since) = waiter.since.take().filter(|_| waiter.counts) else {
            return;
        };
        match by {
            Some(_) if waiter.joins => {}
            Some(_) => {
                waiter.for_tasks += now.saturating_sub(since);
                waiter.let_through = true;
            }
            None => {
                waiter.in_line |= waiter.let_through;
                self.for_events.push((since, now));
            }
        }
    }

    /// For how long tasks waited for events, added up, and for how long any did.
    fn events(&self) -> (Duration, Duration) {
        let mut spans = self.for_events.clone();
        spans.sort_unstable();
        let (mut all, mut any, mut until) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for (since, end) in spans {
            all += end.saturating_sub(since);
            any += end.saturating_sub(since.max(until));
            until = until.max(end);
        }
        (all, any)
    }
}
