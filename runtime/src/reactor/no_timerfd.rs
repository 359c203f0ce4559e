//! Stands in for `timerfd.rs` where the feature `precise-timers` is off, and where it is not needed: kqueue's
//! timeouts are exact. The event loop uses its timeout.

use std::io;
use std::time::Duration;

use mio::Token;

/// No timer.
pub(crate) struct TimerFd;

impl TimerFd {
    pub(super) fn new(_reactor: &super::Reactor, _token: Token) -> io::Result<Self> {
        Ok(TimerFd)
    }

    /// Returns whether the timer ends the coming sleep: there is none, so it does not.
    pub(crate) fn set(&mut self, _due: u64, _left: Duration) -> io::Result<bool> {
        Ok(false)
    }
}
