//! Faulty and healthy programs on which the advice is tested.

pub(crate) mod faulty;
pub(crate) mod healthy;

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use brigade::task::Builder;
use brigade::task::JoinHandle;
use brigade::timeline::Timeline;
use brigade::{SingleThread, WorkStealing};

pub(crate) type Program = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) async fn sleep(millis: u64) {
    brigade::time::sleep(ms(millis)).await;
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    future: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    Builder::new().name(name).spawn(future)
}

/// The number of rounds of arithmetic that take about a microsecond in this build, debug or release.
const PER_MICRO: u64 = if cfg!(debug_assertions) { 60 } else { 600 };

/// Computes for about this number of microseconds of CPU time on a current machine.
pub(crate) fn compute(micros: u64) -> u64 {
    let mut sum = 1u64;
    for n in 0..micros * PER_MICRO {
        sum = black_box(sum.wrapping_mul(6_364_136_223_846_793_005) ^ n);
    }
    sum
}

/// Computes for this number of milliseconds in total, and yields every half millisecond.
pub(crate) async fn compute_and_yield(millis: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..millis * 2 {
        sum ^= compute(500);
        brigade::yield_now().await;
    }
    sum
}

/// A future that polls all of these futures within one task.
pub(crate) struct JoinAll(pub(crate) Vec<Option<Pin<Box<dyn Future<Output = u64> + Send>>>>);

impl Future for JoinAll {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for future in &mut self.0 {
            if future
                .as_mut()
                .is_some_and(|it| it.as_mut().poll(cx).is_ready())
            {
                *future = None;
            }
        }
        match self.0.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// Runs the program. Returns its record and how long it took.
pub(crate) fn run(workers: usize, program: Program) -> (Timeline, Duration) {
    let begun = Instant::now();
    let timeline = match workers {
        1 => {
            let executor = SingleThread::builder()
                .record_timeline(true)
                .build()
                .unwrap();
            executor.block_on(program);
            executor.timeline()
        }
        count => {
            let executor = WorkStealing::builder().workers(count).record_timeline(true);
            let executor = executor.build().unwrap();
            executor.block_on(program);
            executor.timeline()
        }
    };
    (timeline.unwrap(), begun.elapsed())
}
