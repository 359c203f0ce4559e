//! The crew, as it comes and goes: shutdown.
//!
//! **Job.** Whoever leaves last turns off the light: it cancels all tasks, when none can be running any
//! more. The workers have a *place* each, and the executor has one; the last to be given up may be that
//! of a worker or of the executor. Whoever drops the executor waits for the workers' threads to end, unless it is a
//! worker, of this executor or another: it might wait for its own end, as would two executors that are
//! dropped in one another's tasks.
//!
//! **Owns** the workers' threads, and the count of who is present. **Never** cancels a task while one may
//! be running.
//!
//! # Shutdown, step by step
//!
//! 1. `WorkStealing::drop` calls `Scheduler::let_go`: `closed` is set, and every worker is unparked.
//! 2. Each worker leaves its loop after the poll it is in, and gives up its place here.
//! 3. Whoever gives up the last place cancels the tasks ([`Scheduler::cancel_all`]): each future is dropped exactly
//!    once, by one thread, while nothing else runs.
//! 4. It closes the blocking pool and wakes whoever waits elsewhere for a socket or timer.
//! 5. The workers' threads end, and `drop` returns.
//!
//! ---
//!
//! *Stop 37 of 44.*
//! *Previous: [`work_stealing::main_seat`](crate::work_stealing::main_seat); next: [`executor`](crate::executor).*

use super::current;
use super::scheduler::Scheduler;
use crate::context;
use crate::driver;
use crate::shared::Shared;
use crate::sync::thread::JoinHandle;
use crate::sync::{Arc, Mutex, lock};

/// See the module.
pub(super) struct Crew {
    /// How many are taken: those of the workers that are present, and the executor's own.
    places: Mutex<usize>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: Arc<Shared>,
    scheduler: Arc<Scheduler>,
}

/// A worker's place in the crew, given up when it is dropped.
pub(super) struct Place(Arc<Crew>);

impl Crew {
    pub(super) fn new(shared: Arc<Shared>, scheduler: Arc<Scheduler>) -> Self {
        Crew {
            places: Mutex::new(1),
            threads: Mutex::new(Vec::new()),
            shared,
            scheduler,
        }
    }

    /// A worker begins.
    pub(super) fn join(crew: &Arc<Crew>) -> Place {
        *lock(&crew.places) += 1;
        Place(crew.clone())
    }

    /// A worker's thread has started.
    pub(super) fn keep(&self, thread: JoinHandle<()>) {
        lock(&self.threads).push(thread);
    }

    /// Steps 1 and 5: the executor gives up its own place, which it had from the beginning so that
    /// the light is not turned off while workers are still being started.
    pub(super) fn dismiss(crew: &Arc<Crew>) {
        crew.scheduler.let_go();
        drop(Place(crew.clone()));
        let threads = std::mem::take(&mut *lock(&crew.threads));
        if !current::is_worker() {
            for thread in threads {
                // A worker does not panic: its tasks' panics are caught.
                let _ = thread.join();
            }
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
            let mut places = lock(&self.0.places);
            *places -= 1;
            *places == 0
        };
        if last {
            self.0.turn_off_the_light();
        }
    }
}
