//! The executors on which every behavioural test runs.

use std::io;
use std::time::Duration;

use brigade::{Builder, Executor, SingleThread, WorkStealing};

/// A way to make an executor. Tests are generic over this trait and may make any number of executors.
pub trait Kitchen {
    type Executor: Executor;

    /// True if the tasks run on the thread that calls `block_on`, and only during that call.
    const ONE_COOK: bool;

    fn builder() -> Builder<Self::Executor>;

    fn try_build(builder: Builder<Self::Executor>) -> io::Result<Self::Executor>;

    fn shut_down(executor: Self::Executor, timeout: Duration);

    fn build(settings: Settings) -> Self::Executor {
        let builder = Self::builder()
            .name(settings.name)
            .max_blocking_threads(settings.max_blocking_threads)
            .record_timeline(settings.record_timeline)
            .precise_timers(settings.precise_timers);
        Self::try_build(builder).expect("an executor can be built")
    }

    fn open() -> Self::Executor {
        Self::build(Settings::default())
    }
}

/// Settings that the builders of both executors have.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub name: &'static str,
    pub max_blocking_threads: usize,
    pub record_timeline: bool,
    pub precise_timers: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: "brigade",
            max_blocking_threads: 512,
            record_timeline: false,
            precise_timers: false,
        }
    }
}

/// Makes a `SingleThread`.
#[derive(Debug)]
pub struct OneCook;

impl Kitchen for OneCook {
    type Executor = SingleThread;

    const ONE_COOK: bool = true;

    fn builder() -> Builder<SingleThread> {
        SingleThread::builder()
    }

    fn try_build(builder: Builder<SingleThread>) -> io::Result<SingleThread> {
        builder.build()
    }

    fn shut_down(executor: SingleThread, timeout: Duration) {
        executor.shutdown_timeout(timeout);
    }
}

/// Makes a `WorkStealing` with `WORKERS` workers.
#[derive(Debug)]
pub struct ManyCooks<const WORKERS: usize>;

impl<const WORKERS: usize> Kitchen for ManyCooks<WORKERS> {
    type Executor = WorkStealing;

    const ONE_COOK: bool = false;

    fn builder() -> Builder<WorkStealing> {
        WorkStealing::builder().workers(WORKERS)
    }

    fn try_build(builder: Builder<WorkStealing>) -> io::Result<WorkStealing> {
        builder.build()
    }

    fn shut_down(executor: WorkStealing, timeout: Duration) {
        executor.shutdown_timeout(timeout);
    }
}
