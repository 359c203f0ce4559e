//! The builder methods that only [`WorkStealing`] has: `workers`, and `build`, which starts the workers. If
//! `build` fails, it leaves no thread behind.

use std::io;

use super::scheduler::Scheduler;
use super::shutdown::ShutdownLatch;
use super::{WorkStealing, worker::Worker};
use crate::blocking::Pool;
use crate::builder::{Builder, Instruments, Threads, invalid};
use crate::driver::Driver;
use crate::handle::Shared;
use crate::metrics::{Counters, Depths};
use crate::reactor;
use crate::sync::{Arc, Mutex, thread};
use crate::task::scheduler_ref::SchedulerRef;
use crate::timer::Timers;
use crate::trace::Probe;

/// The maximum number of workers. A larger number is surely a mistake. Arbitrary: not measured.
const MOST_WORKERS: usize = 1 << 12;

impl Builder<WorkStealing> {
    /// Sets the number of workers (threads that poll tasks). Default: one per core.
    /// [`build`](Self::build) fails for 0 and for more than 4096.
    ///
    /// ```
    /// use brigade::WorkStealing;
    ///
    /// assert_eq!(WorkStealing::builder().workers(3).build()?.workers(), 3);
    /// assert!(WorkStealing::builder().workers(0).build().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = Some(workers);
        self
    }

    /// Builds the executor and starts its workers.
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// let builder = brigade::WorkStealing::builder().workers(1);
    /// let error = builder.clone().max_blocking_threads(0).build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// assert!(builder.build().is_ok());
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS has no descriptors left for the event loop or refuses to start a thread.
    /// Returns `InvalidInput` for an invalid setting, such as a name with a NUL byte.
    pub fn build(self) -> io::Result<WorkStealing> {
        let settings = self.settings;
        settings.check()?;
        let workers = match settings.workers {
            Some(workers) => workers,
            None => thread::available_parallelism().map_or(1, usize::from),
        };
        if !(1..=MOST_WORKERS).contains(&workers) {
            return Err(invalid(&format!(
                "an executor has between 1 and {MOST_WORKERS} workers, not {workers}"
            )));
        }
        let (reactor, event_loop) = reactor::new()?;
        let counters = Arc::new(Counters::new(workers));
        let scheduler = Scheduler::new(workers, reactor.clone(), counters.clone());
        let scheduler = Arc::new(scheduler);
        let Instruments {
            clock,
            timerfd,
            recorder,
        } = settings.instruments(&reactor)?;
        let notified = reactor.clone();
        let timers = Arc::new(Timers::new(clock, workers, move || notified.notify()));
        reactor.serve(&timers);
        let shared = Arc::new(Shared {
            scheduler: SchedulerRef::shared(scheduler.clone(), Probe::new(recorder.clone())),
            reactor,
            os_timers: timers.clone(),
            timers,
            pool: Pool::new(
                settings.threads.clone(),
                settings.max_blocking_threads,
                recorder.clone(),
            ),
            counters,
            depths: scheduler.clone(),
        });
        let driver = Driver::new(event_loop, timerfd, None, recorder);
        let driver = Arc::new(Mutex::new(driver));
        let latch = Arc::new(ShutdownLatch::new(shared.clone(), scheduler.clone()));
        let executor = WorkStealing {
            shared,
            scheduler,
            latch,
        };
        for index in 0..workers {
            executor.start_worker(index, &settings.threads, driver.clone())?;
        }
        Ok(executor)
    }
}

impl WorkStealing {
    /// Starts one worker. If this fails, the caller drops the executor, which stops the other workers.
    fn start_worker(
        &self,
        index: usize,
        threads: &Threads,
        driver: Arc<Mutex<Driver>>,
    ) -> io::Result<()> {
        let (scheduler, shared) = (self.scheduler.clone(), self.shared.clone());
        let (guard, thread_guard) = ShutdownLatch::enter(&self.latch);
        let thread = threads.start(&format!("worker-{index}"), move || {
            // The guard outlives the worker. Dropping the last guard cancels the tasks.
            let _guard = guard;
            Worker::new(index, scheduler, shared, driver).run();
            // `Threads::start` drops this guard after the stop hook.
            thread_guard
        })?;
        self.latch.keep(thread);
        Ok(())
    }
}

impl Depths for Scheduler {
    fn global(&self) -> usize {
        self.injector.len()
    }

    fn local(&self, worker: usize) -> usize {
        let remote = &self.remotes[worker];
        remote.queued() + usize::from(!remote.slot.is_empty())
    }
}
