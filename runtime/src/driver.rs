//! The driver: one turn of the event loop.
//!
//! **Job.** Look at the OS and the clock once, or sleep until one of them has something, and wake
//! whoever waited for it. This is the only place in the runtime where a thread waits for events.
//!
//! **Owns** the event loop, and a list for wakers between two turns.
//!
//! **Never** runs a task: waking puts it into a run queue. Whoever calls decides when to look and
//! when to sleep, and has to make sure before sleeping that nothing is ready (see
//! `queue::letter_box` for one cook).

use std::io;
use std::task::Waker;
use std::time::Duration;

use crate::reactor::{EventLoop, Reactor};
use crate::recorder::{Kind, Recorder};
use crate::task::waker::wake_quietly;
use crate::timer::Timers;

/// See the module.
pub(crate) struct Driver {
    event_loop: EventLoop,
    woken: Vec<Waker>,
    recorder: Option<std::sync::Arc<Recorder>>,
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
    pub(crate) fn new(event_loop: EventLoop, recorder: Option<std::sync::Arc<Recorder>>) -> Self {
        Driver {
            event_loop,
            woken: Vec::new(),
            recorder,
        }
    }

    /// One turn. Answers how long it slept.
    ///
    /// # Panics
    /// If the OS refuses to wait for events: then no task could ever be woken by one again.
    pub(crate) fn turn(&mut self, reactor: &Reactor, timers: &Timers, turn: Turn) -> Duration {
        let slept = self
            .wait(reactor, timers, turn)
            .unwrap_or_else(|error| panic!("brigade: waiting for events failed: {error}"));
        if !self.woken.is_empty() {
            self.report(Kind::IoReady, self.woken.len());
        }
        if !timers.is_empty() {
            let before = self.woken.len();
            timers.fire(timers.clock().now_nanos(), &mut self.woken);
            if self.woken.len() > before {
                self.report(Kind::TimersFired, self.woken.len() - before);
            }
        }
        for waker in self.woken.drain(..) {
            wake_quietly(waker);
        }
        self.woken.shrink_to(KEEP);
        slept
    }

    fn report(&self, kind: Kind, count: usize) {
        if let Some(recorder) = &self.recorder {
            recorder.report(kind, 0, 0, count as u64);
        }
    }

    fn wait(&mut self, reactor: &Reactor, timers: &Timers, turn: Turn) -> io::Result<Duration> {
        let Turn::Sleep { at_most } = turn else {
            // With no source there is nothing that the OS could tell. Letters come without it.
            if !reactor.is_empty() {
                self.look(reactor)?;
            }
            return Ok(Duration::ZERO);
        };
        let clock = timers.clock();
        let next = timers.fall_asleep();
        if let (true, Some(next)) = (clock.is_virtual(), next) {
            // Nothing is ready: this is the moment in which virtual time passes.
            timers.wake_up();
            self.look(reactor)?;
            if self.woken.is_empty() {
                self.report(Kind::Park, 0);
                clock.jump(next);
                self.report(Kind::Unpark, 0);
            }
            return Ok(Duration::ZERO);
        }
        let before = clock.now_nanos();
        // mio rounds a timeout up to what the OS can do, so a wait never ends before the timer is
        // due for lack of precision (mio #1614).
        let until_timer = next.map(|next| Duration::from_nanos(next.saturating_sub(before)));
        let timeout = match (until_timer, at_most) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        self.report(Kind::Park, 0);
        let waited = self.event_loop.turn(reactor, timeout, &mut self.woken);
        self.report(Kind::Unpark, 0);
        timers.wake_up();
        waited?;
        Ok(Duration::from_nanos(clock.now_nanos() - before))
    }

    fn look(&mut self, reactor: &Reactor) -> io::Result<()> {
        self.event_loop
            .turn(reactor, Some(Duration::ZERO), &mut self.woken)
    }
}

/// Wakes everybody who waits for an event or a timer: neither will come any more.
pub(crate) fn close(reactor: &Reactor, timers: &Timers) {
    let mut woken = Vec::new();
    reactor.close(&mut woken);
    timers.close(&mut woken);
    woken.into_iter().for_each(wake_quietly);
}
