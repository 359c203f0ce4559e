//! The state that the `Reader` keeps for each task and each thread.

use std::time::Duration;

use brigade::timeline::LaneKind;

use super::off_core::Meter;
use super::{LaneSpans, Source, Span, State, TaskSpans};

/// The state that the `Reader` keeps for a task.
#[derive(Default)]
pub(super) struct Life {
    /// The current state of the task, or `None` before its first event and after its end.
    pub(super) state: Option<State>,
    pub(super) since: Duration,
    /// The poll in progress.
    pub(super) poll: Option<usize>,
    /// True if the task must be queued again after its current or next poll, because a wake takes effect
    /// during that poll.
    pub(super) again: bool,
    /// The wake that caused the next poll.
    pub(super) woken: Option<usize>,
    pub(super) woke_itself: bool,
    /// The task that awaits this task.
    pub(super) joiner: Option<usize>,
    /// The number of tasks that this task awaits.
    pub(super) awaits: usize,
    /// True if the task awaited another task when it began to wait.
    pub(super) joins: bool,
    /// The awaited tasks that have ended since the last poll of this task began. Each of these ends can wake
    /// this task once.
    pub(super) farewells: Vec<usize>,
    pub(super) spans: TaskSpans,
}

/// The state that the `Reader` keeps for a thread.
pub(super) struct Lane {
    pub(super) poll: Option<usize>,
    pub(super) parked: Option<Duration>,
    /// When the thread began to work for the executor, and when it was last known to work for the executor.
    pub(super) there: Option<(Duration, Duration)>,
    pub(super) causes: Causes,
    pub(super) meter: Meter,
    pub(super) spans: LaneSpans,
}

/// The causes of the wakes that a thread is about to make: first the events that the OS reported, then the
/// timers that fired. These causes apply until the thread does something other than waking tasks.
#[derive(Default)]
pub(super) struct Causes {
    pub(super) io: usize,
    pub(super) timers: usize,
    pub(super) last: Option<Source>,
}

impl Life {
    /// Adds a span for the state that the task is leaving. A state that took no time is left out. A poll that
    /// took no time is kept, because it did happen.
    pub(super) fn leave(&mut self, state: State, now: Duration) {
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
    pub(super) fn new(kind: LaneKind) -> Self {
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

    pub(super) fn leave(&mut self) {
        self.spans.present.extend(self.there.take());
    }
}

impl Causes {
    pub(super) fn next(&mut self) -> Source {
        let next = if self.io > 0 {
            self.io -= 1;
            Some(Source::Io)
        } else if self.timers > 0 {
            self.timers -= 1;
            Some(Source::Timer)
        } else {
            // One event can wake two tasks (a reader and a writer), so return the last cause again.
            self.last
        };
        self.last = next;
        next.unwrap_or(Source::Thread)
    }
}
