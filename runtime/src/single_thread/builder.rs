//! How a [`SingleThread`] is put together.
//!
//! **Job.** Keep the settings, and make of them the parts that one cook needs. **Owns** the settings.
//! **Never** starts a thread.
//!
//! Beside `work_stealing/builder.rs` it shows in a few lines what differs: a home that is *bound* to
//! this thread, and no workers.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;

use super::SingleThread;
use super::scheduler::Scheduler;
use crate::blocking::Pool;
use crate::driver::Driver;
use crate::metrics::Counters;
use crate::reactor;
use crate::settings::{Instruments, Settings};
use crate::shared::Shared;
use crate::sync::Arc;
use crate::task::home::HomeRef;
use crate::timer::Timers;

/// Settings of a [`SingleThread`]: see [`SingleThread::builder`].
///
/// ```
/// let executor = brigade::SingleThread::builder()
///     .name("cook")
///     .max_blocking_threads(4)
///     .build()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    settings: Settings,
    seed: Option<u64>,
    virtual_time: bool,
    closed_world: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Builder {
            settings: Settings::new(),
            seed: None,
            virtual_time: false,
            closed_world: false,
        }
    }

    /// The name in front of the blocking pool's thread names. Default: `brigade`.
    ///
    /// ```
    /// let executor = brigade::SingleThread::builder().name("kitchen").build()?;
    /// let name = executor.block_on(async {
    ///     let work = || std::thread::current().name().map(str::to_owned);
    ///     brigade::spawn_blocking(work).await.unwrap()
    /// });
    /// assert!(name.unwrap().starts_with("kitchen"));
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
    /// let one = brigade::SingleThread::builder().max_blocking_threads(1).build()?;
    /// let (first, second) = one.block_on(async {
    ///     let first = brigade::spawn_blocking(|| std::thread::current().id());
    ///     let second = brigade::spawn_blocking(|| std::thread::current().id());
    ///     (first.await.unwrap(), second.await.unwrap())
    /// });
    /// assert_eq!(first, second);
    ///
    /// assert!(brigade::SingleThread::builder().max_blocking_threads(0).build().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.settings.max_blocking_threads = threads;
        self
    }

    /// Draws the order of ready tasks from a generator with this seed, instead of first come, first
    /// served: the same seed gives the same order, another one another order.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// fn order(seed: u64) -> Vec<u32> {
    ///     let executor = brigade::SingleThread::builder().seed(seed).build().unwrap();
    ///     let order = Arc::new(Mutex::new(Vec::new()));
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     for i in 0..10 {
    ///         let order = order.clone();
    ///         dishes.spawn_on(async move { order.lock().unwrap().push(i) }, &executor.handle());
    ///     }
    ///     executor.block_on(dishes.join_all());
    ///     order.lock().unwrap().clone()
    /// }
    /// assert_eq!(order(7), order(7));
    /// assert_ne!(order(7), order(8));
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// With virtual time the clock of [`brigade::time`](crate::time) stands still while any task is
    /// ready, and jumps to the next timer when none is: an hour's sleep takes no time at all.
    ///
    /// A job of [`spawn_blocking`](crate::spawn_blocking) and a name lookup take no virtual time: the clock
    /// stands still until they are done, unless a job itself waits for the clock. It knows nothing else of the
    /// world outside: while a socket or another thread would have taken its time, the clock jumps on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use brigade::time::{now, sleep};
    ///
    /// let executor = brigade::SingleThread::builder().virtual_time(true).build()?;
    /// executor.block_on(async {
    ///     let before = now();
    ///     sleep(Duration::from_secs(3600)).await;
    ///     assert_eq!(now() - before, Duration::from_secs(3600)); // to the nanosecond
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn virtual_time(mut self, on: bool) -> Self {
        self.virtual_time = on;
        self
    }

    /// Fires timers to the microsecond instead of the millisecond, within what the OS takes to wake a
    /// thread: some tens of microseconds. Default: off.
    ///
    /// It costs a descriptor; a system call whenever the thread falls asleep with another next deadline
    /// than the last time; and more wakes where timers are due within the same millisecond, which
    /// otherwise go out together.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let executor = brigade::SingleThread::builder().precise_timers(true).build()?;
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
    /// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
    /// executor.block_on(brigade::yield_now());
    /// assert!(!executor.timeline().unwrap().events.is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn record_timeline(mut self, on: bool) -> Self {
        self.settings.record_timeline = on;
        self
    }

    /// For runs that can be repeated to the poll: virtual time, no source of events, and no thread but
    /// this one, so that what `spawn_blocking` is given runs here.
    pub(crate) fn closed_world(mut self) -> Self {
        self.closed_world = true;
        self.virtual_time = true;
        self
    }

    /// Builds the executor.
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// let builder = brigade::SingleThread::builder();
    /// let error = builder.clone().name("cook\0").build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// assert!(builder.name("cook").build().is_ok());
    /// ```
    ///
    /// # Errors
    /// Of the OS, when it has no descriptors left for the event loop; `InvalidInput` for a setting
    /// that makes no sense, or a name with a NUL byte.
    pub fn build(self) -> io::Result<SingleThread> {
        let settings = self.settings;
        settings.check()?;
        let (reactor, event_loop) = reactor::new()?;
        let mut blocking_threads = settings.max_blocking_threads;
        if self.closed_world {
            reactor.seal();
            blocking_threads = 0;
        }
        let scheduler = Arc::new(Scheduler::new(reactor.clone(), self.seed));
        let Instruments {
            clock,
            timerfd,
            recorder,
        } = settings.instruments(self.virtual_time, &reactor)?;
        let notified = reactor.clone();
        let timers = Timers::new(clock, move || notified.ring());
        let pool = Pool::new(settings.name, blocking_threads, recorder.clone());
        if self.virtual_time {
            pool.notify_when_idle(reactor.clone());
        }
        Ok(SingleThread {
            shared: Arc::new(Shared {
                home: HomeRef::bound_and_recorded(scheduler.clone(), recorder.clone()),
                reactor,
                timers: Arc::new(timers),
                pool,
                counters: Arc::new(Counters::new(1)),
            }),
            scheduler,
            driver: RefCell::new(Driver::new(event_loop, timerfd, recorder)),
            thread: PhantomData,
        })
    }
}
