//! The cooks of a run: an executor with one worker or with several, as chosen at run time.

use std::future::Future;

use anyhow::Context as _;
use brigade::{Metrics, SingleThread, WorkStealing, timeline::Timeline};

/// An executor whose kind is chosen at run time. (The trait `Executor` cannot be a trait object, because
/// its methods are generic over the future.)
pub(crate) enum Crew {
    One(SingleThread),
    Many(WorkStealing),
}

/// Returns an executor with `cooks` cooks, which records its timeline.
pub(crate) fn hire(cooks: usize) -> anyhow::Result<Crew> {
    Crew::hire(cooks, true)
}

/// Returns the number of cores available to this program.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the number of cooks of a run with many cooks: one per core, but at least two.
pub(crate) fn a_cook_a_core() -> usize {
    cores().max(2)
}

impl Crew {
    pub(crate) fn hire(cooks: usize, recorded: bool) -> anyhow::Result<Self> {
        let crew = if cooks == 1 {
            let builder = SingleThread::builder().record_timeline(recorded);
            builder.build().map(Self::One)
        } else {
            let builder = WorkStealing::builder().workers(cooks);
            builder.record_timeline(recorded).build().map(Self::Many)
        };
        crew.context("the runtime could not start")
    }

    /// Returns an executor with one cook and a virtual clock. `seed` determines which ready task runs next.
    /// The operating system has no influence, so the order of the tasks is reproducible.
    pub(crate) fn drawn_from(seed: u64) -> anyhow::Result<Self> {
        let builder = SingleThread::builder().seed(seed).virtual_time(true);
        Ok(Self::One(builder.record_timeline(true).build()?))
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::One(executor) => executor.block_on(future),
            Self::Many(executor) => executor.block_on(future),
        }
    }

    pub(crate) fn metrics(&self) -> Metrics {
        match self {
            Self::One(executor) => executor.metrics(),
            Self::Many(executor) => executor.metrics(),
        }
    }

    pub(crate) fn timeline(&self) -> Option<Timeline> {
        match self {
            Self::One(executor) => executor.timeline(),
            Self::Many(executor) => executor.timeline(),
        }
    }

    /// Returns the number of threads that run tasks.
    pub(crate) fn workers(&self) -> usize {
        self.metrics().workers.len()
    }
}
