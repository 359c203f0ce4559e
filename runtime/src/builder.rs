//! The settings of both executors.
//!
//! Both builders are one generic type, whose type parameter is the executor. This file has the parts that
//! both builders share. Settings that only one of the executors has are in `single_thread/builder.rs` or
//! `work_stealing/builder.rs`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::reactor::Reactor;
use crate::reactor::timerfd::TimerFd;
use crate::sync::{Arc, thread};
use crate::task::waker::drop_quietly;
use crate::timer::Clock;
use crate::trace::recorder::Recorder;

/// Settings of an executor: see [`SingleThread::builder`](crate::SingleThread::builder) and
/// [`WorkStealing::builder`](crate::WorkStealing::builder).
///
/// ```
/// let one = brigade::SingleThread::builder().name("cook").max_blocking_threads(4).build()?;
/// let many = brigade::WorkStealing::builder().name("cooks").workers(2).build()?;
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<E> {
    pub(crate) settings: Settings,
    /// Uses the parameter `E` without a value of type `E`.
    executor: PhantomData<fn() -> E>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) threads: Threads,
    pub(crate) max_blocking_threads: usize,
    pub(crate) precise_timers: bool,
    pub(crate) record_timeline: bool,
    // Only a `SingleThread` has these settings.
    pub(crate) seed: Option<u64>,
    pub(crate) virtual_time: bool,
    pub(crate) closed_world: bool,
    // Only a `WorkStealing` has this setting.
    pub(crate) workers: Option<usize>,
}

/// The settings for starting workers and threads of the blocking pool.
#[derive(Clone)]
pub(crate) struct Threads {
    name: String,
    stack_size: Option<usize>,
    /// How long an idle thread of the pool waits for a job before it ends.
    pub(crate) keep_alive: Duration,
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

/// The clock with its timerfd, and the recorder, which reads this clock at each event.
pub(crate) struct Instruments {
    pub(crate) clock: Arc<Clock>,
    pub(crate) timerfd: Option<TimerFd>,
    pub(crate) recorder: Option<Arc<Recorder>>,
}

impl<E> Builder<E> {
    pub(crate) fn new() -> Self {
        Builder {
            settings: Settings::new(),
            executor: PhantomData,
        }
    }

    /// Sets the first part of the names of the executor's threads. Default: `brigade`.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::builder().workers(1).name("kitchen").build()?;
    /// let name = || std::thread::current().name().map(str::to_owned);
    /// executor.block_on(async {
    ///     let worker = brigade::spawn(async move { name() }).await.unwrap();
    ///     assert_eq!(worker.unwrap(), "kitchen-worker-0");
    ///     let thread = brigade::spawn_blocking(name).await.unwrap();
    ///     assert_eq!(thread.unwrap(), "kitchen-blocking");
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.threads.name = name.into();
        self
    }

    /// Sets the maximum number of threads for closures of [`spawn_blocking`](crate::spawn_blocking).
    /// Name lookups have threads of their own. Default: 512. `build` fails for 0.
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

    /// Sets how long a thread of the blocking pool waits for another closure before it ends. Default: 10
    /// seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let executor = brigade::SingleThread::builder().thread_keep_alive(Duration::ZERO).build()?;
    /// executor.block_on(async { brigade::spawn_blocking(|| ()).await.unwrap() });
    /// while executor.metrics().num_blocking_threads > 0 {
    ///     std::thread::yield_now();
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn thread_keep_alive(mut self, duration: Duration) -> Self {
        self.settings.threads.keep_alive = duration;
        self
    }

    /// Sets the stack size, in bytes, of the threads that the executor starts: workers and threads of the
    /// blocking pool. The OS may round the size up. Default: 2 MiB, as in `std::thread`. `build` fails for 0.
    ///
    /// ```
    /// fn fill(bytes: usize) -> usize {
    ///     let page = std::hint::black_box([1_u8; 4096]);
    ///     if bytes == 0 { 0 } else { fill(bytes.saturating_sub(4096)) + usize::from(page[bytes % 4096]) }
    /// }
    /// let executor = brigade::SingleThread::builder().thread_stack_size(32 << 20).build()?;
    /// executor.block_on(async { brigade::spawn_blocking(|| fill(4 << 20)).await.unwrap() });
    ///
    /// assert!(brigade::WorkStealing::builder().thread_stack_size(0).build().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        self.settings.threads.stack_size = Some(bytes);
        self
    }

    /// Calls `f` on each thread that the executor starts (workers and threads of the blocking pool),
    /// before the thread does anything else. A panic of `f` is caught, and the thread continues. If this
    /// method is called again, the new closure replaces the old one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use std::time::Duration;
    ///
    /// let (started, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    /// let (starts, stops) = (started.clone(), stopped.clone());
    /// let executor = brigade::WorkStealing::builder()
    ///     .workers(2)
    ///     .on_thread_start(move || drop(starts.fetch_add(1, Ordering::Relaxed)))
    ///     .on_thread_stop(move || drop(stops.fetch_add(1, Ordering::Relaxed)))
    ///     .build()?;
    /// executor.block_on(async { brigade::spawn_blocking(|| ()).await.unwrap() });
    /// executor.shutdown_timeout(Duration::from_secs(60));
    /// assert_eq!(started.load(Ordering::Relaxed), 3); // two workers, and one for the closure
    /// assert_eq!(stopped.load(Ordering::Relaxed), 3);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_thread_start(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.settings.threads.on_start = Some(Arc::new(f));
        self
    }

    /// Calls `f` at the end of each thread that the executor has started, even if the thread panics. A panic
    /// of `f` is caught. If this method is called again, the new closure replaces the old one.
    ///
    /// See [`on_thread_start`](Self::on_thread_start) for an example. Dropping an executor waits for the
    /// hooks of its workers; `shutdown_timeout` also waits for the hooks of the pool's threads.
    ///
    /// ```
    /// // A library may need to know when a thread ends.
    /// let builder = brigade::SingleThread::builder().on_thread_stop(|| println!("a thread has ended"));
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn on_thread_stop(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.settings.threads.on_stop = Some(Arc::new(f));
        self
    }

    /// Fires timers with a precision of about 8 microseconds instead of a millisecond. But the OS still takes
    /// some tens of microseconds to wake a thread. Default: off.
    ///
    /// This costs a descriptor, and a system call for each wait with a new deadline. It also causes more
    /// wakes, because timers of the same millisecond no longer fire together.
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

    /// Records the events for [`Executor::timeline`](crate::Executor::timeline). Default: off, which costs
    /// almost nothing.
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
}

impl<E> Clone for Builder<E> {
    fn clone(&self) -> Self {
        Builder {
            settings: self.settings.clone(),
            executor: PhantomData,
        }
    }
}

impl<E> fmt::Debug for Builder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            threads,
            max_blocking_threads,
            ..
        } = &self.settings;
        f.debug_struct("Builder")
            .field("name", &threads.name)
            .field("max_blocking_threads", max_blocking_threads)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(crate) fn new() -> Self {
        Settings {
            threads: Threads {
                name: "brigade".into(),
                stack_size: None,
                // Arbitrary: longer than most pauses between jobs, so that threads are reused, but short
                // enough that idle threads end soon.
                keep_alive: Duration::from_secs(10),
                on_start: None,
                on_stop: None,
            },
            // Jobs mostly wait for devices and other machines, so many threads are useful. tokio has the same
            // limit.
            max_blocking_threads: 512,
            precise_timers: false,
            record_timeline: false,
            seed: None,
            virtual_time: false,
            closed_world: false,
            workers: None,
        }
    }

    /// Returns an error if no executor can be built from the settings.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.max_blocking_threads == 0 {
            return Err(invalid("max_blocking_threads must be at least 1"));
        }
        if self.threads.stack_size == Some(0) {
            return Err(invalid("thread_stack_size must be at least 1"));
        }
        // No thread can have a name with a NUL byte.
        if self.threads.name.contains('\0') {
            return Err(invalid(
                "the name of an executor must not contain a NUL byte",
            ));
        }
        Ok(())
    }

    /// Makes the clock, its timerfd for precise timers, and the recorder, which uses that clock.
    pub(crate) fn instruments(&self, reactor: &Reactor) -> io::Result<Instruments> {
        let mut clock = Clock::new(self.virtual_time);
        let mut timerfd = None;
        if self.precise_timers {
            clock = clock.precise();
            timerfd = Some(TimerFd::new(reactor)?);
        }
        let clock = Arc::new(clock);
        let recorder = self.record_timeline.then(|| {
            let (clock, is_virtual) = (clock.clone(), clock.is_virtual());
            Recorder::new(move || clock.now_nanos(), is_virtual)
        });
        Ok(Instruments {
            clock,
            timerfd,
            recorder,
        })
    }
}

impl Threads {
    /// Starts a thread that calls the start hook, `run`, and the stop hook. The value that `run` returns is
    /// dropped after the stop hook.
    pub(crate) fn start<T>(
        &self,
        suffix: &str,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<thread::JoinHandle<()>> {
        let mut builder = thread::Builder::new().name(format!("{}-{suffix}", self.name));
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let (on_start, on_stop) = (self.on_start.clone(), self.on_stop.clone());
        builder.spawn(move || {
            call(on_start);
            let stop = Stop(on_stop);
            let last = run();
            drop(stop);
            drop(last);
        })
    }
}

/// Calls a hook when the `Stop` is dropped, even if the thread panics.
struct Stop(Option<Hook>);

impl Drop for Stop {
    fn drop(&mut self) {
        call(self.0.take());
    }
}

/// Calls a hook. A panic of the hook or of its destructor is printed as usual, and caught.
fn call(hook: Option<Hook>) {
    if let Some(hook) = &hook {
        // The user's panic payload may itself panic when it is dropped.
        drop_quietly(catch_unwind(AssertUnwindSafe(|| hook())));
    }
    drop_quietly(hook);
}

/// Returns the error for an invalid setting.
pub(crate) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
