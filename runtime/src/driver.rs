//! The driver: the only place in the runtime where a thread waits for events.
//!
//! [`Driver::poll`] asks the OS and the clock what is ready; [`Driver::park`] sleeps until something is
//! ready. Before a thread parks, it must make sure that no task is ready: see `queue::inbox` for one worker,
//! `work_stealing::idle` for many.
//!
//! Both functions collect wakers but do not call them: wakers are user code, and the driver of `WorkStealing`
//! is behind a lock. The caller passes the wakers to [`wake_all`] after it releases the lock.

use std::task::Waker;
use std::time::Duration;

use crate::reactor::timerfd::TimerFd;
use crate::reactor::{EventLoop, Reactor};
use crate::sync::Arc;
use crate::task::waker::{is_own, wake_quietly};
use crate::timer::Timers;
use crate::trace::recorder::{Kind, Recorder};

/// The event loop of an executor, and its timerfd for precise timers.
pub(crate) struct Driver {
    event_loop: EventLoop,
    /// `Some` if timers are precise.
    timerfd: Option<TimerFd>,
    /// Timers in real time. `Some` if the executor's clock is virtual: see [`delay`](crate::reactor::delay).
    os_timers: Option<Arc<Timers>>,
    recorder: Option<Arc<Recorder>>,
}

/// The largest capacity that a list of wakers keeps after a burst: 16 KiB. Arbitrary: not measured.
const KEEP: usize = 1024;

impl Driver {
    pub(crate) fn new(
        event_loop: EventLoop,
        timerfd: Option<TimerFd>,
        os_timers: Option<Arc<Timers>>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        Driver {
            event_loop,
            timerfd,
            os_timers,
            recorder,
        }
    }

    /// Collects the wakers of ready sources and due timers.
    ///
    /// # Panics
    /// Panics if the OS refuses to report events, because no task could then be woken.
    pub(crate) fn poll(&mut self, reactor: &Reactor, timers: &Timers, woken: &mut Vec<Waker>) {
        self.poll_os(reactor, woken);
        if !timers.is_empty() || self.has_os_timers() {
            self.fire(timers, timers.clock().now_nanos(), woken);
        }
    }

    /// Sleeps until an event, a notification, the next timer or the end of the time `at_most`. Then collects
    /// the wakers, as `poll` does. `before` is the clock's time now. Returns the time after the sleep: reading
    /// the clock is expensive, so the caller should not read it again.
    ///
    /// # Panics
    /// Panics as [`poll`](Self::poll) does.
    pub(crate) fn park(
        &mut self,
        reactor: &Reactor,
        timers: &Timers,
        before: u64,
        at_most: Option<Duration>,
        woken: &mut Vec<Waker>,
    ) -> u64 {
        let clock = timers.clock();
        let next = timers.park();
        if let Some(next) = next.filter(|next| clock.may_jump(*next)) {
            // No task is ready, so virtual time may jump, unless the OS reports an event.
            self.poll_os(reactor, woken);
            if woken.is_empty() {
                self.report(Kind::Park, 0);
                clock.jump_unless_held(next);
                self.report(Kind::Unpark, 0);
            }
        } else {
            let mut timeout = at_most;
            // If the clock is virtual, it stands still in this branch. Then only an event, a notification or
            // a real-time timer ends the sleep.
            if let Some((due, os)) = self
                .os_timers
                .as_ref()
                .and_then(|os| Some((os.park()?, os)))
            {
                timeout = Some(Duration::from_nanos(
                    due.saturating_sub(os.clock().now_nanos()),
                ));
            }
            if let Some(due) = next.filter(|_| !clock.is_virtual()) {
                let left = Duration::from_nanos(due.saturating_sub(before));
                let timerfd = self.timerfd.as_mut();
                if !timerfd.is_some_and(|it| !left.is_zero() && it.set(due, left)) {
                    // mio rounds a timeout up to the precision of the OS (mio #1614). So the wait never ends
                    // before the timer is due.
                    timeout = Some(at_most.map_or(left, |at_most| at_most.min(left)));
                }
            }
            self.report(Kind::Park, 0);
            self.event_loop.turn(reactor, timeout, woken);
            self.report(Kind::Unpark, 0);
            if !woken.is_empty() {
                self.report(Kind::IoReady, woken.len());
            }
        }
        let now = clock.now_nanos();
        self.fire(timers, now, woken);
        now
    }

    /// Returns whether the executor's clock is virtual and a real-time timer is armed.
    pub(crate) fn has_os_timers(&self) -> bool {
        self.os_timers.as_ref().is_some_and(|os| !os.is_empty())
    }

    fn fire(&self, timers: &Timers, now: u64, woken: &mut Vec<Waker>) {
        let ready = woken.len();
        timers.fire(now, woken);
        if let Some(os) = &self.os_timers {
            os.fire(os.clock().now_nanos(), woken);
        }
        if woken.len() > ready {
            self.report(Kind::TimersFired, woken.len() - ready);
        }
    }

    fn poll_os(&mut self, reactor: &Reactor, woken: &mut Vec<Waker>) {
        // Without a source, the OS has nothing to report. Messages from other threads do not come through
        // the OS.
        if reactor.is_empty() {
            return;
        }
        self.event_loop.turn(reactor, Some(Duration::ZERO), woken);
        if !woken.is_empty() {
            self.report(Kind::IoReady, woken.len());
        }
    }

    fn report(&self, kind: Kind, count: usize) {
        if let Some(recorder) = &self.recorder {
            recorder.report(kind, 0, 0, count as u64);
        }
    }
}

/// Calls the wakers that the driver has collected. The caller must hold no lock.
pub(crate) fn wake_all(woken: &mut Vec<Waker>) {
    wake_own_first(woken, || ());
}

/// Calls brigade's own wakers first. Foreign wakers may block, so if there are any, calls `before_foreign`
/// before them.
pub(crate) fn wake_own_first(woken: &mut Vec<Waker>, before_foreign: impl FnOnce()) {
    let mut foreign = Vec::new();
    // Step R4 of `reactor::readiness`.
    for waker in woken.drain(..) {
        if is_own(&waker) {
            wake_quietly(waker);
        } else {
            foreign.push(waker);
        }
    }
    woken.shrink_to(KEEP);
    if !foreign.is_empty() {
        before_foreign();
        foreign.into_iter().for_each(wake_quietly);
    }
}

/// Wakes every task that waits for an event or a timer, because neither will come.
pub(crate) fn close(reactor: &Reactor, timers: [&Timers; 2]) {
    let mut woken = Vec::new();
    reactor.close(&mut woken);
    for timers in timers {
        timers.close(&mut woken);
    }
    woken.into_iter().for_each(wake_quietly);
}
