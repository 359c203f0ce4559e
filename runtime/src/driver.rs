//! The driver: the only place in the runtime where a thread waits for events.
//!
//! [`Driver::poll`] asks the OS and the clock what is ready; [`Driver::park`] sleeps until one of them has
//! something. Before a thread parks it must make sure that no task is ready: see `queue::inbox` for one
//! worker, `work_stealing::idle` for many.
//!
//! Both collect wakers and call none: the driver of `WorkStealing` is behind a lock, and a waker is code of the
//! user. The caller passes them to [`wake_all`] when it holds no lock.

use std::task::Waker;
use std::time::Duration;

use crate::reactor::timerfd::TimerFd;
use crate::reactor::{EventLoop, Reactor};
use crate::sync::Arc;
use crate::task::waker::wake_quietly;
use crate::timer::Timers;
use crate::trace::recorder::{Kind, Recorder};

/// The event loop of an executor, with what it takes to sleep on time.
pub(crate) struct Driver {
    event_loop: EventLoop,
    /// Where timers are to be precise.
    timerfd: Option<TimerFd>,
    recorder: Option<Arc<Recorder>>,
}

/// How long the list of wakers may stay, once a burst has made it long: 16 KiB. Arbitrary: not measured.
const KEEP: usize = 1024;

impl Driver {
    pub(crate) fn new(
        event_loop: EventLoop,
        timerfd: Option<TimerFd>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        Driver {
            event_loop,
            timerfd,
            recorder,
        }
    }

    /// Collects the wakers of what is ready now.
    ///
    /// # Panics
    /// Panics if the OS refuses to report events: then no task could ever be woken by one again.
    pub(crate) fn poll(&mut self, reactor: &Reactor, timers: &Timers, woken: &mut Vec<Waker>) {
        self.poll_os(reactor, woken);
        if !timers.is_empty() {
            self.fire(timers, timers.clock().now_nanos(), woken);
        }
    }

    /// Sleeps until an event, a notification or the next timer, or for `at_most`; then collects the wakers of
    /// what is ready. Takes and returns the time by the clock, which costs more to read than all the rest.
    ///
    /// # Panics
    /// As [`poll`](Self::poll) does.
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
            // Nothing is ready: this is the moment in which virtual time passes.
            self.poll_os(reactor, woken);
            if woken.is_empty() {
                self.report(Kind::Park, 0);
                clock.jump(next);
                self.report(Kind::Unpark, 0);
            }
        } else {
            let mut timeout = at_most;
            // A virtual clock that may not jump stands still: an event or a notification ends the sleep.
            if let Some(due) = next.filter(|_| !clock.is_virtual()) {
                let left = Duration::from_nanos(due.saturating_sub(before));
                let timerfd = self.timerfd.as_mut();
                if !timerfd.is_some_and(|it| !left.is_zero() && it.set(due, left)) {
                    // mio rounds a timeout up to what the OS can do, so a wait never ends before the
                    // timer is due for lack of precision (mio #1614).
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

    fn fire(&self, timers: &Timers, now: u64, woken: &mut Vec<Waker>) {
        let ready = woken.len();
        timers.fire(now, woken);
        if woken.len() > ready {
            self.report(Kind::TimersFired, woken.len() - ready);
        }
    }

    fn poll_os(&mut self, reactor: &Reactor, woken: &mut Vec<Waker>) {
        // With no source there is nothing that the OS could report. Messages of other threads do not come
        // through the OS.
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

/// Calls the wakers that the driver has collected. The caller holds no lock. The list stays for the next time.
pub(crate) fn wake_all(woken: &mut Vec<Waker>) {
    // R4 of `reactor::readiness`
    for waker in woken.drain(..) {
        wake_quietly(waker);
    }
    woken.shrink_to(KEEP);
}

/// Wakes all that wait for an event or a timer: neither will come any more.
pub(crate) fn close(reactor: &Reactor, timers: &Timers) {
    let mut woken = Vec::new();
    reactor.close(&mut woken);
    timers.close(&mut woken);
    woken.into_iter().for_each(wake_quietly);
}
