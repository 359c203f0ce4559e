//! A delay between two tries of an operation for which the OS reports no event.
//!
//! A delay belongs to a socket. Its timer belongs to the socket's executor, even if another executor polls
//! the waiting task. A delay takes real time even if the executor's clock is virtual, because the OS has no
//! virtual time.

use std::io;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::Reactor;
use super::source::gone;
use crate::sync::Arc;
use crate::timer::{Armed, Polled, Timers};

/// A delay that has begun.
pub(crate) struct Delay {
    /// `None` if the executor is gone.
    timers: Option<Arc<Timers>>,
    until: Instant,
    armed: Option<Armed>,
}

impl Delay {
    pub(crate) fn begin(reactor: &Reactor, length: Duration) -> Self {
        Delay {
            timers: reactor.os_timers(),
            until: Instant::now() + length,
            armed: None,
        }
    }

    /// Waits for the end of the delay.
    ///
    /// # Errors
    /// Returns an error if the executor is gone, because without its timers, the tries would follow each
    /// other immediately.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(timers) = &self.timers else {
            return Poll::Ready(Err(gone()));
        };
        match (self.armed.as_mut()).map(|armed| armed.poll(timers, cx.waker())) {
            Some(Polled::Pending) => return Poll::Pending,
            Some(Polled::Fired) => return Poll::Ready(Ok(())),
            Some(Polled::Stale) | None => {}
        }
        if self.until <= Instant::now() {
            return Poll::Ready(Ok(()));
        }
        self.armed = timers.arm(Some(self.until), cx.waker());
        match self.armed {
            Some(_) => Poll::Pending,
            None => Poll::Ready(Err(gone())),
        }
    }
}
