//! No alarm: the event loop goes by its timeout.
//!
//! **Job.** Stand in for `reactor/alarm/on.rs` where the feature `precise-timers` is off, and where it
//! is not needed: kqueue's timeouts are exact. **Owns** nothing. **Never** does anything.

use std::io;
use std::time::Duration;

use mio::Token;

/// See the module.
pub(crate) struct Alarm;

impl Alarm {
    pub(super) fn new(_reactor: &super::Reactor, _token: Token) -> io::Result<Self> {
        Ok(Alarm)
    }

    /// Answers whether the alarm ends the coming sleep: there is none, so it does not.
    pub(crate) fn set(&mut self, _due: u64, _left: Duration) -> io::Result<bool> {
        Ok(false)
    }
}
