//! Spans for tasks and polls, for subscribers of `tracing` (feature `tracing`).
//!
//! Each task has a span, which is entered while the task is polled. Each poll has a span inside that span. So
//! each log line of a task has the task's span, on any thread. A subscriber can compute how long the task was
//! busy and how long it waited. The span is stored beside the task's future.
//!
//! | span | target, level | fields |
//! |---|---|---|
//! | `runtime.spawn` | `brigade::task`, debug | `kind` (`task`, `local`, `blocking`, `block_on`), `task.name`, `task.id` |
//! | `runtime.poll` | `brigade::poll`, trace | `nth`: 1 for the first poll of a task |
//!
//! A task's span has no parent, because the task may outlive every span that is open at its spawn. It
//! *follows from* the span that is current at the spawn.

use tracing::{Level, Span, field, span};

pub(crate) struct TaskSpan {
    span: Span,
    polls: u64,
}

impl TaskSpan {
    /// Opens the span of a task that is about to be made. `kind` is one of the kinds in the table.
    pub(crate) fn open(kind: &'static str, name: Option<&str>) -> Self {
        let span = span!(
            target: "brigade::task",
            parent: None,
            Level::DEBUG,
            "runtime.spawn",
            kind,
            task.name = name,
            task.id = field::Empty,
        );
        span.follows_from(Span::current());
        TaskSpan { span, polls: 0 }
    }

    pub(crate) fn none() -> Self {
        let span = Span::none();
        TaskSpan { span, polls: 0 }
    }

    pub(crate) fn number(&self, number: u64) {
        self.span.record("task.id", number);
    }

    /// Calls `poll` inside the task's span and inside a new span for this poll.
    pub(crate) fn in_poll<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        self.polls += 1;
        let nth = self.polls;
        self.span.in_scope(|| {
            let span = span!(target: "brigade::poll", Level::TRACE, "runtime.poll", nth);
            span.in_scope(poll)
        })
    }

    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        self.span.in_scope(f)
    }
}
