//! The parts of the builder that only a [`SingleThread`] has: seed, virtual time, and `build`.
//!
//! Unlike in `work_stealing/builder.rs`, the scheduler is *bound* to this thread, and there are no workers.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;

use super::SingleThread;
use super::scheduler::Scheduler;
use crate::blocking::Pool;
use crate::builder::{Builder, Instruments};
use crate::driver::Driver;
use crate::handle::Shared;
use crate::metrics::{Counters, Depths};
use crate::reactor;
use crate::sync::Arc;
use crate::task::scheduler_ref::SchedulerRef;
use crate::timer::{Clock, Timers};
use crate::trace::Probe;

impl Builder<SingleThread> {
    /// Polls ready tasks in a pseudorandom order that depends on this seed, instead of first come, first
    /// served. The same seed always gives the same order.
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
        self.settings.seed = Some(seed);
        self
    }

    /// Uses virtual time. While any task is ready, the clock of [`brigade::time`](crate::time) stands
    /// still. When no task is ready, the clock jumps to the next timer. So an hour's sleep takes no real
    /// time.
    ///
    /// A job of [`spawn_blocking`](crate::spawn_blocking) and a name lookup take no virtual time. The
    /// clock stands still until they are done, with two exceptions. A job that waits in
    /// [`Handle::block_on`] does not stop the clock. If a job waits for a timer in another way, the clock
    /// moves only up to that timer. The clock does not wait for anything else outside the executor, such
    /// as a socket or another thread.
    ///
    /// [`Handle::block_on`]: crate::Handle::block_on
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
        self.settings.virtual_time = on;
        self
    }

    /// Makes runs repeatable, poll by poll. The executor has virtual time, but no event sources and no other
    /// threads. So closures of `spawn_blocking` run on this thread.
    pub(crate) fn closed_world(mut self) -> Self {
        self.settings.closed_world = true;
        self.settings.virtual_time = true;
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
    /// Returns an error if the OS has no descriptors left for the event loop. Returns `InvalidInput`
    /// for an invalid setting, such as a name with a NUL byte.
    pub fn build(self) -> io::Result<SingleThread> {
        let settings = self.settings;
        settings.check()?;
        let (reactor, event_loop) = reactor::new()?;
        let mut blocking_threads = settings.max_blocking_threads;
        if settings.closed_world {
            reactor.seal();
            blocking_threads = 0;
        }
        let counters = Arc::new(Counters::new(1));
        let scheduler = Scheduler::new(reactor.clone(), counters.clone(), settings.seed);
        let scheduler = Arc::new(scheduler);
        let Instruments {
            clock,
            timerfd,
            recorder,
        } = settings.instruments(&reactor)?;
        let depths = Arc::new(Queues(scheduler.clone(), counters.clone()));
        let notified = reactor.clone();
        let notify = move || notified.notify();
        let timers = Arc::new(Timers::new(clock.clone(), 1, notify.clone()));
        let mut os_timers = timers.clone();
        if settings.virtual_time {
            os_timers = Arc::new(Timers::new(Arc::new(Clock::new(false)), 1, notify));
        }
        reactor.serve(&os_timers);
        let pool = Pool::new(settings.threads, blocking_threads, recorder.clone());
        if settings.virtual_time {
            pool.use_virtual_time(&clock, &reactor);
        }
        Ok(SingleThread {
            shared: Arc::new(Shared {
                scheduler: SchedulerRef::bound(scheduler.clone(), Probe::new(recorder.clone())),
                reactor,
                timers,
                os_timers: os_timers.clone(),
                pool,
                counters,
                depths,
            }),
            scheduler,
            driver: RefCell::new(Driver::new(
                event_loop,
                timerfd,
                settings.virtual_time.then_some(os_timers),
                recorder,
            )),
            thread: PhantomData,
        })
    }
}

/// The lengths of the queues. Only the executor's thread can read the length of the run queue; other
/// threads see the length that was published last.
struct Queues(Arc<Scheduler>, Arc<Counters>);

impl Depths for Queues {
    fn global(&self) -> usize {
        self.0.inbox().len()
    }

    fn local(&self, worker: usize) -> usize {
        let published = || self.1.workers[worker].queued.get() as usize;
        self.0.queued().unwrap_or_else(published)
    }
}
