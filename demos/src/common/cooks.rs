//! Builds the executors for a demo that compares several runs. They always record, because the figures
//! are taken from the record.

use std::future::Future;

use anyhow::Context as _;
use brigade::{
    Executor, Handle, Metrics, SingleThread, WorkStealing, task::JoinHandle, timeline::Timeline,
};

/// The context of the error if an executor cannot be built.
pub(crate) const FAILED: &str = "the runtime could not start";

/// Returns one cook, whose work is recorded.
pub(crate) fn one() -> anyhow::Result<SingleThread> {
    single(true)
}

/// Returns `cooks` cooks, whose work is recorded.
pub(crate) fn many(cooks: usize) -> anyhow::Result<WorkStealing> {
    stealing(cooks, true)
}

/// Returns `cooks` cooks, either from [`one`] or from [`many`].
pub(crate) fn hire(cooks: usize) -> anyhow::Result<Crew> {
    Ok(if cooks == 1 {
        Crew::One(one()?)
    } else {
        Crew::Many(many(cooks)?)
    })
}

/// Returns the number of cores available to this program.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns how many cooks count as many: one per core, but at least two.
pub(crate) fn a_cook_a_core() -> usize {
    cores().max(2)
}

pub(crate) fn single(recorded: bool) -> anyhow::Result<SingleThread> {
    let builder = SingleThread::builder().record_timeline(recorded);
    builder.build().context(FAILED)
}

pub(crate) fn stealing(cooks: usize, recorded: bool) -> anyhow::Result<WorkStealing> {
    let builder = WorkStealing::builder().workers(cooks);
    builder.record_timeline(recorded).build().context(FAILED)
}

/// An [`Executor`] whose kind is chosen at run time.
pub(crate) enum Crew {
    One(SingleThread),
    Many(WorkStealing),
}

impl Executor for Crew {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::One(executor) => executor.block_on(future),
            Self::Many(executor) => executor.block_on(future),
        }
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle().spawn(future)
    }

    fn workers(&self) -> usize {
        self.metrics().workers.len()
    }

    fn handle(&self) -> Handle {
        match self {
            Self::One(executor) => executor.handle(),
            Self::Many(executor) => executor.handle(),
        }
    }

    fn metrics(&self) -> Metrics {
        self.handle().metrics()
    }

    fn timeline(&self) -> Option<Timeline> {
        match self {
            Self::One(executor) => executor.timeline(),
            Self::Many(executor) => executor.timeline(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crew_is_as_many_cooks_as_were_hired() {
        for cooks in [1, 3] {
            let crew = hire(cooks).unwrap();
            assert_eq!(crew.workers(), cooks);
            let answer = crew.block_on(async { brigade::spawn(async { 7 }).await.unwrap() });
            assert_eq!(answer, 7);
            assert!(crew.timeline().is_some());
        }
    }
}
