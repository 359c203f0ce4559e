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
//! A worker's thread ends by a panic only if the OS refuses to wait for events; then the executor's place is
//! given up with the worker's, and the same steps follow.
//!
//! # Shutdown, step by step
//!
//! 1. `WorkStealing::drop` calls `Scheduler::let_go`: `closed` is set, and every worker is unparked.
//! 2. Each worker leaves its loop after the poll it is in, and gives up its place here.
//! 3. Whoever gives up the last place cancels the tasks ([`Scheduler::cancel_all`]): each future is dropped exactly
//!    once, by one thread, while nothing else runs.
//! 4. It closes the blocking pool and wakes whoever waits elsewhere for a socket or timer.
//! 5. The workers' threads end, and `drop` returns.

use super::current;
use super::scheduler::Scheduler;
use crate::context;
use crate::driver;
use crate::shared::Shared;
use crate::sync::thread::JoinHandle;
use crate::sync::{Arc, Condvar, Mutex, lock};

use std::sync::PoisonError;
use std::thread;
use std::time::Instant;

/// See the module.
pub(super) struct Crew {
    places: Mutex<Places>,
    /// Notified when `all_done` is set.
    done: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: Arc<Shared>,
    scheduler: Arc<Scheduler>,
}

struct Places {
    /// Those of the workers that are present, and the executor's own.
    taken: usize,
    /// The executor's own, which it has from the beginning so that the light is not turned off while
    /// workers are still being started.
    executors: bool,
    /// All tasks are cancelled.
    all_done: bool,
}

/// A worker's place in the crew, given up when it is dropped.
pub(super) struct Place(Arc<Crew>);

impl Crew {
    pub(super) fn new(shared: Arc<Shared>, scheduler: Arc<Scheduler>) -> Self {
        Crew {
            places: Mutex::new(Places {
                taken: 1,
                executors: true,
                all_done: false,
            }),
            done: Condvar::new(),
            threads: Mutex::new(Vec::new()),
            shared,
            scheduler,
        }
    }

    /// A worker begins.
    pub(super) fn join(crew: &Arc<Crew>) -> Place {
        lock(&crew.places).taken += 1;
        Place(crew.clone())
    }

    /// A worker's thread has started.
    pub(super) fn keep(&self, thread: JoinHandle<()>) {
        lock(&self.threads).push(thread);
    }

    /// Steps 1 and 5: the executor gives up its own place. Waits for the workers up to `deadline`, if there is
    /// one; not a second time.
    pub(super) fn dismiss(&self, deadline: Option<Instant>) {
        self.scheduler.let_go();
        self.give_up(Places::give_up_executors);
        let threads = std::mem::take(&mut *lock(&self.threads));
        if current::is_worker() || !self.all_gone_by(deadline) {
            return;
        }
        for thread in threads {
            // One that panicked has said so, and closed the executor.
            let _ = thread.join();
        }
    }

    /// Waits until the last place is given up and all tasks are cancelled, and returns whether that was before the deadline.
    fn all_gone_by(&self, deadline: Option<Instant>) -> bool {
        // Without a deadline, joining the threads is all the waiting that is needed.
        let Some(deadline) = deadline else {
            return true;
        };
        let mut places = lock(&self.places);
        while !places.all_done {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.done.wait_timeout(places, left);
            places = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Step 2. `whose` answers whether it gave up the last place.
    fn give_up(&self, whose: impl FnOnce(&mut Places) -> bool) {
        let last = whose(&mut lock(&self.places));
        if last {
            self.turn_off_the_light();
            lock(&self.places).all_done = true;
            self.done.notify_all();
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

impl Places {
    fn give_up_one(&mut self) -> bool {
        self.taken -= 1;
        self.taken == 0
    }

    fn give_up_executors(&mut self) -> bool {
        std::mem::take(&mut self.executors) && self.give_up_one()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if thread::panicking() {
            // Its tasks' panics are caught, so the OS has refused to wait for events (`Driver::turn`).
            // No other worker will be able to either: all go now, not only when the executor is
            // dropped, so that whoever awaits a task hears of it.
            self.0.scheduler.let_go();
            self.0.give_up(Places::give_up_executors);
        }
        self.0.give_up(Places::give_up_one);
    }
}
