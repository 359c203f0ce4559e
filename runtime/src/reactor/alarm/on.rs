//! The alarm: a timer of the OS that ends the sleep of the event loop more exactly than a timeout does.
//!
//! **Job.** epoll counts its timeouts in milliseconds, and mio rounds them up, so that a sleep ends up
//! to a millisecond after its timer is due. Linux has a timer that is a descriptor (`timerfd`): epoll
//! waits for it as for any other, and it is as exact as the machine's clock. Here it stands in for the
//! timeout, where a builder asks for precise timers.
//!
//! **Owns** the descriptor, and knows what it is set to.
//!
//! **Never** is read: it is registered edge-triggered, and each setting makes a new edge. Its event
//! speaks of no source; that it ended the sleep is all there is to it.
//!
//! What it costs: one more descriptor, and a system call whenever the thread falls asleep with another
//! next deadline than the last time. kqueue needs nothing of the kind: its timeouts are exact.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// See the module.
pub(crate) struct Alarm {
    timer: OwnedFd,
    /// The deadline that it was set to last, in the clock's nanoseconds.
    due: u64,
}

impl Alarm {
    /// An alarm that is not set, among the sources of `reactor`.
    pub(super) fn new(reactor: &super::Reactor, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let descriptor = timer.as_raw_fd();
        let mut source = SourceFd(&descriptor);
        reactor
            .registry
            .register(&mut source, token, Interest::READABLE)?;
        Ok(Alarm { timer, due: 0 })
    }

    /// Sets the alarm to `due`, which is `left` from now. `left` is not zero, which would turn it off.
    /// Answers whether the alarm ends the coming sleep: this one does.
    pub(crate) fn set(&mut self, due: u64, left: Duration) -> io::Result<bool> {
        if self.due == due {
            // It is set to this already, and as `due` lies ahead it has not gone off.
            return Ok(true);
        }
        let setting = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(left).expect("584 years, a `u64` of nanoseconds, fit"),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        self.due = due;
        Ok(true)
    }
}
