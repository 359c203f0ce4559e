//! A timer of the OS that ends the event loop's wait more precisely than a timeout.
//!
//! The timeout of epoll is in whole milliseconds, and mio rounds up. So a wait may end a millisecond too
//! late. Linux also has timers that are descriptors (`timerfd`). They are as precise as the machine's clock.
//! epoll waits for a timerfd as for any other descriptor. If a builder asks for precise timers, a timerfd
//! replaces the timeout.
//!
//! The timer is never read: it is edge-triggered, so each expiry after a new setting is a new event. The event
//! belongs to no source, and its only effect is the end of the wait.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// The timer's token: an index that no slab reaches.
const TIMER: Token = Token(usize::MAX - 1);

/// The descriptor, and the deadline to which it is set.
pub(crate) struct TimerFd {
    timer: OwnedFd,
    /// The last deadline that was set, in nanoseconds of the clock.
    due: u64,
}

impl TimerFd {
    /// Registers a timer with `reactor`. The timer is not set yet.
    pub(crate) fn new(reactor: &super::Reactor) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let descriptor = timer.as_raw_fd();
        let mut source = SourceFd(&descriptor);
        reactor
            .registry
            .register(&mut source, TIMER, Interest::READABLE)?;
        Ok(TimerFd { timer, due: 0 })
    }

    /// Sets the timer to the deadline `due`. `left` is the time until then, and must not be zero, because
    /// zero turns the timer off. Returns true: the timer will end the next wait.
    pub(crate) fn set(&mut self, due: u64, left: Duration) -> bool {
        if self.due == due {
            // The timer is already set to `due`. It has not expired, because `left` is not zero.
            return true;
        }
        let setting = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(left).expect("584 years, a `u64` of nanoseconds, fit"),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)
            .expect("brigade: a timer of the OS could not be set");
        self.due = due;
        true
    }
}
