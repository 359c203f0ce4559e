//! Replaces `spans` if the feature `tracing` is off. This module compiles to nothing.

/// Replaces a span.
pub(crate) struct TaskSpan;

impl TaskSpan {
    #[inline(always)]
    pub(crate) fn open(_kind: &'static str, _name: Option<&str>) -> Self {
        TaskSpan
    }

    #[inline(always)]
    pub(crate) fn none() -> Self {
        TaskSpan
    }

    #[inline(always)]
    pub(crate) fn number(&self, _number: u64) {}

    #[inline(always)]
    pub(crate) fn in_poll<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        poll()
    }

    #[inline(always)]
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}
