//! One program on one executor, measured: what it returned, its figures and its
//! timeline.
//!
//! A demo that compares several programs measures each on an executor of its own,
//! since an executor counts from its beginning.

use std::future::Future;

use brigade::{Executor, timeline::Timeline};

use crate::report::{Figures, Stopwatch};

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run<T> {
    pub(crate) output: T,
    pub(crate) figures: Figures,
    /// Empty if the executor does not record.
    pub(crate) timeline: Timeline,
}

/// Runs `future` to its end, with the stopwatch running.
pub(crate) fn measure<E: Executor, F: Future>(executor: &E, future: F) -> Run<F::Output> {
    let stopwatch = Stopwatch::start(executor);
    let output = executor.block_on(future);
    Run {
        output,
        figures: stopwatch.stop(executor),
        timeline: executor.timeline().unwrap_or_default(),
    }
}

impl<T> Run<T> {
    /// Of the lifetimes of all tasks added up, the share in which they waited.
    pub(crate) fn waiting_share(&self) -> f64 {
        self.timeline.figures().waiting_share
    }

    /// What the timeline makes one think, for a machine with so many cores.
    pub(crate) fn advice(&self, cores: usize) -> Vec<String> {
        let advice = self.timeline.advice(cores);
        advice.iter().map(ToString::to_string).collect()
    }
}
