//! The crew, as it comes and goes: shutdown.
//!
//! **Job.** The last worker to leave turns off the light: it cancels all tasks, when none can be
//! running any more. Whoever drops the executor waits for that, unless it is a worker itself, which
//! would wait for its own end.
//!
//! # Shutdown, step by step
//!
//! 1. `WorkStealing::drop` calls `Scheduler::let_go`: `closed` is set, and every worker is unparked.
//! 2. Each worker leaves its loop after the poll it is in, and gives up its place here.
//! 3. The last one cancels the tasks ([`Scheduler::cancel_all`]): each future is dropped exactly
//!    once, by one thread, while nothing else runs.
//! 4. It closes the blocking pool and wakes whoever waits elsewhere for a socket or timer.
//! 5. It tells the one who dropped the executor.

use super::scheduler::Scheduler;
use super::worker;
use crate::context;
use crate::driver;
use crate::shared::Shared;
use crate::sync::{Arc, Condvar, Mutex, lock};

/// See the module.
pub(super) struct Crew {
    present: Mutex<Present>,
    gone: Condvar,
    shared: Arc<Shared>,
    scheduler: std::sync::Arc<Scheduler>,
}

struct Present {
    places: usize,
    done: bool,
}

/// A worker's place in the crew, given up when it is dropped.
pub(super) struct Place(std::sync::Arc<Crew>);

impl Crew {
    pub(super) fn new(shared: Arc<Shared>, scheduler: std::sync::Arc<Scheduler>) -> Self {
        Crew {
            present: Mutex::new(Present {
                places: 1,
                done: false,
            }),
            gone: Condvar::new(),
            shared,
            scheduler,
        }
    }

    /// A worker begins.
    pub(super) fn join(crew: &std::sync::Arc<Crew>) -> Place {
        lock(&crew.present).places += 1;
        Place(crew.clone())
    }

    /// Steps 1 and 5: the executor gives up its own place, which it had from the beginning so that
    /// the light is not turned off while workers are still being started.
    pub(super) fn dismiss(crew: &std::sync::Arc<Crew>) {
        crew.scheduler.let_go();
        drop(Place(crew.clone()));
        if worker::is_current(&crew.scheduler) {
            return;
        }
        let mut present = lock(&crew.present);
        while !present.done {
            present = crew
                .gone
                .wait(present)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// Steps 3 and 4.
    fn turn_off_the_light(&self) {
        let _entered = context::enter(&self.shared);
        self.scheduler.cancel_all();
        self.shared.pool.close();
        driver::close(&self.shared.reactor, &self.shared.timers);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let last = {
            let mut present = lock(&self.0.present);
            present.places -= 1;
            present.places == 0
        };
        if last {
            self.0.turn_off_the_light();
            lock(&self.0.present).done = true;
            self.0.gone.notify_all();
        }
    }
}
