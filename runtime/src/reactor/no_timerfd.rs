//! Replaces `timerfd.rs` on systems other than Linux, or if the feature `precise-timers` is off. The BSDs and
//! macOS need no timerfd, because kqueue's timeouts are exact.

pub(crate) struct TimerFd;

impl TimerFd {
    pub(crate) fn new(_: &super::Reactor) -> std::io::Result<Self> {
        Ok(TimerFd)
    }

    pub(crate) fn set(&mut self, _due: u64, _left: std::time::Duration) -> bool {
        false
    }
}
