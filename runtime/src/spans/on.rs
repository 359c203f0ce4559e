//! Spans for tasks and polls, for whoever subscribes to `tracing` (feature `tracing`).
//!
//! **Job.** Tell the ecosystem's word for it: each task is a span that is entered while the task is
//! polled, each poll is a span inside it. So what a task logs is known to be its own, on whichever
//! thread it runs, and a subscriber can tell how long it was busy and how long it waited.
//!
//! **Owns** nothing: a span lives in the task's future. **Never** records for the
//! [`timeline`](crate::timeline), which needs no feature and no subscriber, and costs less.
//!
//! | span | target, level | fields |
//! |---|---|---|
//! | `runtime.spawn` | `brigade::task`, debug | `kind` (`task`, `local`, `blocking`, `block_on`), `task.name`, `task.id` |
//! | `runtime.poll` | `brigade::poll`, trace | `nth`: 1 for a task's first |
//!
//! A task has no parent among the spans, since it may outlive every one that is open where it is
//! spawned; it *follows from* that one. Where nobody listens, a spawn costs a look at a flag, and the
//! task is larger by its span. Without the feature `off.rs` stands here, and costs nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;

use tracing::{Instrument, Level, Span, field, span};

/// The span of one task.
pub(crate) struct TaskSpan(Span);

impl TaskSpan {
    /// Opens the span of a task that is about to be made. `kind` is one of the table's.
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
        TaskSpan(span)
    }

    /// The task is made, and has a number.
    pub(crate) fn number(&self, number: u64) {
        self.0.record("task.id", number);
    }

    /// The future, polled and dropped inside the span.
    pub(crate) fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        in_poll_spans(future).instrument(self.0.clone())
    }

    /// The closure, run inside the span.
    pub(crate) fn around_closure<T>(&self, work: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let span = self.0.clone();
        move || span.in_scope(work)
    }
}

async fn in_poll_spans<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut nth = 0_u64;
    poll_fn(|cx| {
        nth += 1;
        let poll = span!(target: "brigade::poll", Level::TRACE, "runtime.poll", nth);
        poll.in_scope(|| future.as_mut().poll(cx))
    })
    .await
}
