//! The figures that every demo has, measured from the first task to the last result.

use std::time::{Duration, Instant};

use brigade::Metrics;

use super::{cooks::Crew, system};

/// A stopwatch that is started before the work. After the work, it returns the [`Figures`].
#[derive(Debug)]
pub(crate) struct Stopwatch {
    begun: Instant,
    cpu: Option<Duration>,
    busy: Vec<Duration>,
}

impl Stopwatch {
    /// Starts the clock for a demo that is about to run on `executor`.
    pub(crate) fn start(executor: &Crew) -> Self {
        Self {
            begun: Instant::now(),
            cpu: system::cpu_time(),
            busy: busy(&executor.metrics()),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Reads the figures of the run that just ended.
    pub(crate) fn stop(&self, executor: &Crew) -> Figures {
        let wall = self.elapsed();
        let metrics = executor.metrics();
        let busy = busy(&metrics).into_iter().zip(&self.busy);
        let cpu = system::cpu_time().zip(self.cpu);
        Figures {
            cooks: executor.workers(),
            wall,
            cpu: cpu.map(|(now, then)| now.saturating_sub(then)),
            in_flight_max: metrics.in_flight_max,
            at_once_max: metrics.at_once_max,
            busy: busy.map(|(now, then)| now.saturating_sub(*then)).collect(),
        }
    }
}

/// Returns the time that each worker has spent inside tasks so far.
fn busy(metrics: &Metrics) -> Vec<Duration> {
    metrics.workers.iter().map(|worker| worker.busy).collect()
}

/// The figures that every demo measures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// The number of threads that run tasks.
    pub(crate) cooks: usize,
    /// The time from the first task to the last result.
    pub(crate) wall: Duration,
    /// Processor time, summed over all threads; `None` if the system does not report it.
    pub(crate) cpu: Option<Duration>,
    /// The largest number of tasks begun and not finished at one instant. It measures concurrency.
    pub(crate) in_flight_max: usize,
    /// The largest number of tasks being polled at one instant. It measures parallelism.
    pub(crate) at_once_max: usize,
    /// The time that each cook spent inside tasks.
    pub(crate) busy: Vec<Duration>,
}

impl Figures {
    /// Returns the share of the wall time that each cook spent inside tasks, from 0 to 1.
    pub(crate) fn busy_shares(&self) -> Vec<f64> {
        let busy = self.busy.iter();
        busy.map(|&busy| part_of(busy, self.wall)).collect()
    }

    /// Returns the share of `task_time` in which tasks were not being polled. `task_time` is the sum of the
    /// lifetimes of all tasks.
    pub(crate) fn waiting_share(&self, task_time: Duration) -> f64 {
        match task_time.is_zero() {
            true => 0.0,
            false => 1.0 - part_of(self.busy.iter().sum(), task_time),
        }
    }
}

/// Returns `part / whole`, but at most 1. `part` and `whole` were not read at the same instant, so `part`
/// may be the larger one.
fn part_of(part: Duration, whole: Duration) -> f64 {
    match whole.is_zero() {
        true => 0.0,
        false => part.div_duration_f64(whole).clamp(0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_what_was_not_running_and_never_leaves_0_to_1() {
        let figures = Figures {
            cooks: 1,
            wall: Duration::from_secs(2),
            cpu: None,
            in_flight_max: 3,
            at_once_max: 1,
            busy: vec![Duration::from_secs(1)],
        };
        assert_eq!(figures.waiting_share(Duration::from_secs(4)), 0.75);
        assert_eq!(figures.waiting_share(Duration::ZERO), 0.0);
        assert_eq!(figures.waiting_share(Duration::from_millis(1)), 0.0);
    }
}
