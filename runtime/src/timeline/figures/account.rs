//! What the [`sweep`](super::sweep) keeps of each task and each thread.
//!
//! **Job.** Add up where a task's and a thread's time went. **Owns** the sums. **Never** looks at other
//! tasks.

use std::time::Duration;

use super::TaskFigures;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Unseen,
    Queued,
    Running,
    Waiting,
    Ended,
}

/// A task so far.
#[derive(Default)]
pub(super) struct Life {
    pub(super) state: State,
    pub(super) since: Duration,
    /// Neither the main future nor a job of the blocking pool.
    pub(super) is_task: bool,
    /// The poll that is under way, or comes next, will be followed by another.
    pub(super) again: bool,
    /// It has woken itself in the poll that is under way.
    pub(super) self_woken: bool,
    /// Where it is being polled.
    pub(super) lane: usize,
    /// Who awaits it, and how many others it awaits.
    pub(super) joiner: Option<usize>,
    pub(super) awaits: usize,
    /// Tasks that it awaited and that ended since its last poll began: each may wake it once.
    pub(super) farewells: usize,
    pub(super) figures: TaskFigures,
}

/// A thread so far.
#[derive(Default)]
pub(super) struct Seat {
    pub(super) poll: Option<(usize, Duration)>,
    /// Since when it is there, and until when it certainly is.
    pub(super) there: Option<(Duration, Duration)>,
    pub(super) asleep: bool,
    pub(super) present: Duration,
    pub(super) in_polls: Duration,
    pub(super) polls: u64,
    pub(super) parks: u64,
    pub(super) steals: u64,
}

/// How many tasks are in a state. The main future counts in the last two only.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) in_flight: usize,
    pub(super) running: usize,
    pub(super) queued: usize,
    pub(super) ready: usize,
    pub(super) held: usize,
}

impl Counts {
    pub(super) fn add(&mut self, life: &Life) {
        self.each(life, |count, one| *count += one);
    }

    pub(super) fn remove(&mut self, life: &Life) {
        self.each(life, |count, one| *count -= one);
    }

    fn each(&mut self, life: &Life, change: impl Fn(&mut usize, usize)) {
        let alive = !matches!(life.state, State::Unseen | State::Ended);
        let queued = life.state == State::Queued;
        let idle = life.state == State::Waiting && life.awaits == 0;
        let polled_by_workers = !life.figures.is_blocking;
        change(&mut self.in_flight, usize::from(life.is_task && alive));
        let running = life.is_task && life.state == State::Running;
        change(&mut self.running, usize::from(running));
        change(&mut self.queued, usize::from(life.is_task && queued));
        change(&mut self.ready, usize::from(polled_by_workers && queued));
        change(
            &mut self.held,
            usize::from(polled_by_workers && (queued || idle)),
        );
    }
}

impl Life {
    /// Books the time since the last change.
    pub(super) fn change(&mut self, to: State, now: Duration) {
        let passed = now - self.since;
        match self.state {
            State::Unseen => self.figures.begun = Some(now),
            State::Queued => self.figures.queued += passed,
            State::Running => self.figures.running += passed,
            // A task that goes on after its end: the record is not whole.
            State::Waiting | State::Ended => self.figures.waiting += passed,
        }
        self.since = now;
        self.state = to;
    }
}

impl Seat {
    /// An event that only a thread at work can cause.
    pub(super) fn be_there(&mut self, now: Duration) {
        let since = self.there.map_or(now, |(since, _)| since);
        self.there = Some((since, now));
    }

    pub(super) fn leave(&mut self) {
        if let Some((since, until)) = self.there.take() {
            self.present += until - since;
        }
    }
}
