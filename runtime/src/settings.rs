//! What may be set of either executor.
//!
//! **Job.** Keep the settings that both builders have, refuse those that make no sense, and make of them
//! what is the same for one cook and for many: the clock, its alarm, the recorder. **Owns** the settings.
//! **Never** builds an executor: the builders do.

use std::io;

use crate::blocking::DEFAULT_THREADS;
use crate::reactor::Reactor;
use crate::reactor::alarm::Alarm;
use crate::recorder::Recorder;
use crate::sync::Arc;
use crate::timer::clock::Clock;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) max_blocking_threads: usize,
    pub(crate) precise_timers: bool,
    pub(crate) record_timeline: bool,
}

/// What tells the time, and what writes down when something happened.
pub(crate) struct Instruments {
    pub(crate) clock: Arc<Clock>,
    pub(crate) alarm: Option<Alarm>,
    pub(crate) recorder: Option<Arc<Recorder>>,
}

impl Settings {
    /// Those of an executor of which nothing was said.
    pub(crate) fn new() -> Self {
        Settings {
            name: "brigade".into(),
            max_blocking_threads: DEFAULT_THREADS,
            precise_timers: false,
            record_timeline: false,
        }
    }

    /// An error if no executor can be built of them.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.max_blocking_threads == 0 {
            return Err(invalid("max_blocking_threads must be at least 1"));
        }
        // A thread could not be called so.
        if self.name.contains('\0') {
            return Err(invalid(
                "the name of an executor must not contain a NUL byte",
            ));
        }
        Ok(())
    }

    /// The clock on the wall, or one of virtual time; with an alarm of the OS for timers that are precise;
    /// and, if what happens is recorded, a recorder by that clock.
    pub(crate) fn instruments(
        &self,
        virtual_time: bool,
        reactor: &Reactor,
    ) -> io::Result<Instruments> {
        let mut clock = Clock::new(virtual_time);
        let mut alarm = None;
        if self.precise_timers {
            clock = clock.precise();
            alarm = Some(reactor.alarm()?);
        }
        let clock = Arc::new(clock);
        let recorder = self.record_timeline.then(|| {
            let (clock, is_virtual) = (clock.clone(), clock.is_virtual());
            Recorder::new(move || clock.now_nanos(), is_virtual)
        });
        Ok(Instruments {
            clock,
            alarm,
            recorder,
        })
    }
}

/// The error of a setting that makes no sense.
pub(crate) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
