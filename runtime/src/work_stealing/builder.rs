//! How a [`WorkStealing`] is put together.
//!
//! **Job.** Keep the settings, make of them the parts that many cooks share, and start the workers.
//! **Owns** the settings. **Never** leaves a thread behind when it fails.

use std::io;

use super::crew::Crew;
use super::scheduler::Scheduler;
use super::{WorkStealing, worker::Worker};
use crate::blocking::Pool;
use crate::driver::Driver;
use crate::metrics::Counters;
use crate::reactor;
use crate::settings::{Instruments, Settings, invalid};
use crate::shared::Shared;
use crate::sync::{Arc, Guarded, Mutex, thread};
use crate::task::home::HomeRef;
use crate::timer::Timers;

/// Settings of a [`WorkStealing`]: see [`WorkStealing::builder`].
///
/// ```
/// let executor = brigade::WorkStealing::builder()
///     .workers(2)
///     .name("cook")
///     .build()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    settings: Settings,
    workers: Option<usize>,
}

/// More workers than this are surely a slip of the keyboard. Thin air.
const MOST_WORKERS: usize = 1 << 12;

impl Builder {
    pub(super) fn new() -> Self {
        Builder {
            settings: Settings::new(),
            workers: None,
        }
    }

    /// How many workers: threads that poll tasks. Default: one a core. 0 is an error of
    /// [`build`](Self::build), and so are more than 4096.
    ///
    /// ```
    /// use brigade::WorkStealing;
    ///
    /// assert_eq!(WorkStealing::builder().workers(3).build()?.workers(), 3);
    /// assert!(WorkStealing::builder().workers(0).build().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The name in front of the threads' names. Default: `brigade`.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::builder().workers(1).name("kitchen").build()?;
    /// let name = executor.block_on(async {
    ///     let dish = brigade::spawn(async { std::thread::current().name().map(str::to_owned) });
    ///     dish.await.unwrap()
    /// });
    /// assert_eq!(name.unwrap(), "kitchen-worker-0");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// How many threads [`spawn_blocking`](crate::spawn_blocking) may use at most. Default: 512.
    /// 0 is an error of [`build`](Self::build).
    ///
    /// ```
    /// use brigade::WorkStealing;
    ///
    /// let two = WorkStealing::builder().workers(1).max_blocking_threads(2).build()?;
    /// let sum = two.block_on(async {
    ///     let mut jobs = brigade::task::JoinSet::new();
    ///     for i in 0..10 {
    ///         jobs.spawn_blocking(move || i); // at most two at once, the others wait
    ///     }
    ///     jobs.join_all().await.iter().sum::<i32>()
    /// });
    /// assert_eq!(sum, 45);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.settings.max_blocking_threads = threads;
        self
    }

    /// Fires timers to the microsecond instead of the millisecond, within what the OS takes to wake a
    /// thread: some tens of microseconds. Default: off.
    ///
    /// It costs a descriptor; a system call whenever the last worker falls asleep with another next deadline
    /// than the last time; and more wakes where timers are due within the same millisecond, which
    /// otherwise go out together.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let executor = brigade::WorkStealing::builder().precise_timers(true).build()?;
    /// executor.block_on(async {
    ///     let deadline = Instant::now() + Duration::from_micros(300);
    ///     brigade::time::sleep_until(deadline).await;
    ///     assert!(Instant::now() >= deadline);
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    #[cfg(feature = "precise-timers")]
    #[cfg_attr(docsrs, doc(cfg(feature = "precise-timers")))]
    pub fn precise_timers(mut self, on: bool) -> Self {
        self.settings.precise_timers = on;
        self
    }

    /// Records what happens, for [`Executor::timeline`](crate::Executor::timeline). Default: off,
    /// and then it costs nothing.
    ///
    /// ```
    /// use brigade::WorkStealing;
    ///
    /// let executor = WorkStealing::builder().workers(2).record_timeline(true).build()?;
    /// executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
    /// assert!(!executor.timeline().unwrap().events.is_empty());
    ///
    /// let silent = WorkStealing::builder().workers(2).build()?;
    /// assert!(silent.timeline().is_none());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn record_timeline(mut self, on: bool) -> Self {
        self.settings.record_timeline = on;
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
    /// Of the OS, when it has no descriptors left for the event loop or starts no more threads;
    /// `InvalidInput` for a setting that makes no sense, or a name with a NUL byte.
    pub fn build(self) -> io::Result<WorkStealing> {
        let workers = match self.workers {
            Some(workers) => workers,
            None => thread::available_parallelism().map_or(1, usize::from),
        };
        if !(1..=MOST_WORKERS).contains(&workers) {
            return Err(invalid(&format!(
                "an executor has between 1 and {MOST_WORKERS} workers, not {workers}"
            )));
        }
        let settings = self.settings;
        settings.check()?;
        let (reactor, event_loop) = reactor::new()?;
        let counters = Arc::new(Counters::new(workers));
        let scheduler = Scheduler::new(workers, reactor.clone(), counters.clone());
        let scheduler = Arc::new(scheduler);
        let Instruments {
            clock,
            alarm,
            recorder,
        } = settings.instruments(false, &reactor)?;
        let timers = Timers::new(clock, |plan| Guarded::Locked(Mutex::new(plan)));
        let shared = Arc::new(Shared {
            home: HomeRef::shared_and_recorded(scheduler.clone(), recorder.clone()),
            reactor,
            timers: Arc::new(timers),
            pool: Pool::new(
                settings.name.clone(),
                settings.max_blocking_threads,
                recorder.clone(),
            ),
            counters,
        });
        let driver = Driver::new(event_loop, alarm, recorder);
        let driver = Arc::new(Mutex::new(driver));
        let crew = Arc::new(Crew::new(shared.clone(), scheduler.clone()));
        let executor = WorkStealing {
            shared,
            scheduler,
            crew,
        };
        for index in 0..workers {
            executor.start_worker(index, &settings.name, driver.clone())?;
        }
        Ok(executor)
    }
}

impl WorkStealing {
    /// On an error the executor is dropped, which lets the workers go that have started.
    fn start_worker(&self, index: usize, name: &str, driver: Arc<Mutex<Driver>>) -> io::Result<()> {
        let (scheduler, shared) = (self.scheduler.clone(), self.shared.clone());
        let place = Crew::join(&self.crew);
        let thread = thread::Builder::new()
            .name(format!("{name}-worker-{index}"))
            .spawn(move || {
                // Outlives the worker: the last place to be given up ends it all.
                let _place = place;
                Worker::new(index, scheduler, shared, driver).run();
            })?;
        self.crew.keep(thread);
        Ok(())
    }
}
