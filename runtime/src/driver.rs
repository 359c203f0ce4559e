//! The driver: one turn of the event loop.
//!
//! **Job.** Look at the OS and the clock once, or sleep until one of them has something, and collect
//! whom to wake. This is the only place in the runtime where a thread waits for events.
//!
//! **Owns** the event loop.
//!
//! **Never** wakes anybody in a turn: the driver of many cooks is behind a lock, and a waker is code of
//! the user. A turn collects wakers, and the caller calls them with [`wake_all`] when it has let go of
//! the lock. [`wake_all`] and [`close`] are free functions here, which need no driver and no lock.
//!
//! Whoever calls decides when to look and when to sleep, and has to make sure before sleeping that
//! nothing is ready: see `queue::letter_box` for one cook, `work_stealing::idle` for many.

use std::io;
use std::task::Waker;
use std::time::Duration;

use crate::reactor::alarm::Alarm;
use crate::reactor::{EventLoop, Reactor};
use crate::recorder::{Kind, Recorder};
use crate::sync::Arc;
use crate::task::waker::wake_quietly;
use crate::timer::Timers;

/// See the module.
pub(crate) struct Driver {
    event_loop: EventLoop,
    /// Where timers are to be precise.
    alarm: Option<Alarm>,
    recorder: Option<Arc<Recorder>>,
}

/// Whether a turn may take time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Only look.
    Look,
    /// Sleep until an event, the bell or the next timer, or for so long.
    Sleep { at_most: Option<Duration> },
}

/// How long the list of wakers may stay, once a burst has made it long: 16 KiB. Thin air.
const KEEP: usize = 1024;

impl Driver {
    pub(crate) fn new(
        event_loop: EventLoop,
        alarm: Option<Alarm>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        Driver {
            event_loop,
            alarm,
            recorder,
        }
    }

    /// One turn. Collects whom to wake, and answers how long it slept.
    ///
    /// # Panics
    /// If the OS refuses to wait for events: then no task could ever be woken by one again.
    pub(crate) fn turn(
        &mut self,
        reactor: &Reactor,
        timers: &Timers,
        turn: Turn,
        woken: &mut Vec<Waker>,
    ) -> Duration {
        let slept = self
            .wait(reactor, timers, turn, woken)
            .unwrap_or_else(|error| panic!("brigade: waiting for events failed: {error}"));
        let ready = woken.len();
        if ready > 0 {
            self.report(Kind::IoReady, ready);
        }
        if !timers.is_empty() {
            timers.fire(timers.clock().now_nanos(), woken);
            if woken.len() > ready {
                self.report(Kind::TimersFired, woken.len() - ready);
            }
        }
        slept
    }

    fn report(&self, kind: Kind, count: usize) {
        if let Some(recorder) = &self.recorder {
            recorder.report(kind, 0, 0, count as u64);
        }
    }

    fn wait(
        &mut self,
        reactor: &Reactor,
        timers: &Timers,
        turn: Turn,
        woken: &mut Vec<Waker>,
    ) -> io::Result<Duration> {
        let Turn::Sleep { at_most } = turn else {
            self.look(reactor, woken)?;
            return Ok(Duration::ZERO);
        };
        let clock = timers.clock();
        let next = timers.fall_asleep();
        if let (true, Some(next)) = (clock.is_virtual(), next) {
            // Nothing is ready: this is the moment in which virtual time passes.
            timers.wake_up();
            self.look(reactor, woken)?;
            if woken.is_empty() {
                self.report(Kind::Park, 0);
                clock.jump(next);
                self.report(Kind::Unpark, 0);
            }
            return Ok(Duration::ZERO);
        }
        let before = clock.now_nanos();
        // mio rounds a timeout up to what the OS can do, so a wait never ends before the timer is
        // due for lack of precision (mio #1614).
        let mut until_timer = next.map(|next| Duration::from_nanos(next.saturating_sub(before)));
        if let (Some(alarm), Some(due), Some(left)) = (&mut self.alarm, next, until_timer) {
            if !left.is_zero() && alarm.set(due, left)? {
                until_timer = None;
            }
        }
        let timeout = match (until_timer, at_most) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        self.report(Kind::Park, 0);
        let waited = self.event_loop.turn(reactor, timeout, woken);
        self.report(Kind::Unpark, 0);
        timers.wake_up();
        waited?;
        Ok(Duration::from_nanos(clock.now_nanos() - before))
    }

    fn look(&mut self, reactor: &Reactor, woken: &mut Vec<Waker>) -> io::Result<()> {
        // With no source there is nothing that the OS could tell. Letters come without it.
        if reactor.is_empty() {
            return Ok(());
        }
        self.event_loop.turn(reactor, Some(Duration::ZERO), woken)
    }
}

/// Wakes those whom a turn has collected. The caller holds no lock. The list stays for the next turn.
pub(crate) fn wake_all(woken: &mut Vec<Waker>) {
    // R3 of `reactor::readiness`
    for waker in woken.drain(..) {
        wake_quietly(waker);
    }
    woken.shrink_to(KEEP);
}

/// Wakes everybody who waits for an event or a timer: neither will come any more.
pub(crate) fn close(reactor: &Reactor, timers: &Timers) {
    let mut woken = Vec::new();
    reactor.close(&mut woken);
    timers.close(&mut woken);
    woken.into_iter().for_each(wake_quietly);
}
