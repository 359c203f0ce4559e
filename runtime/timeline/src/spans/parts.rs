//! The reader's state of each task and each thread, as far as the record has been read.

use std::time::Duration;

use brigade::timeline::LaneKind;

use super::off_core::Meter;
use super::{LaneSpans, Source, Span, State, TaskSpans};

/// A task, as far as it has been read.
#[derive(Default)]
pub(super) struct Life {
    /// `None` before its first event and after its end.
    pub(super) state: Option<State>,
    pub(super) since: Duration,
    /// The poll in progress.
    pub(super) poll: Option<usize>,
    /// The poll in progress, or the next one, will be followed by another.
    pub(super) again: bool,
    /// The wake that the next poll answers.
    pub(super) woken: Option<usize>,
    pub(super) woke_itself: bool,
    /// The task that awaits it, and how many others it awaits.
    pub(super) joiner: Option<usize>,
    pub(super) awaits: usize,
    /// True if it awaited any when it began to wait.
    pub(super) joins: bool,
    /// Tasks that it awaited and that have ended since its last poll began: each may wake it once.
    pub(super) farewells: Vec<usize>,
    pub(super) spans: TaskSpans,
}

/// A thread, as far as it has been read.
pub(super) struct Lane {
    pub(super) poll: Option<usize>,
    pub(super) parked: Option<Duration>,
    /// Since when it is present, and until when it certainly is.
    pub(super) there: Option<(Duration, Duration)>,
    pub(super) causes: Causes,
    pub(super) meter: Meter,
    pub(super) spans: LaneSpans,
}

/// The causes for which a thread will wake tasks: a number of events that the OS reported, then a number
/// of timers. They last until the thread does something else.
#[derive(Default)]
pub(super) struct Causes {
    pub(super) io: usize,
    pub(super) timers: usize,
    pub(super) last: Option<Source>,
}

impl Life {
    /// Writes down the state that it leaves. A state that took no time is left out, unless it is a poll,
    /// which has happened.
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
            // One event may wake a reader and a writer.
            self.last
        };
        self.last = next;
        next.unwrap_or(Source::Thread)
    }
}
