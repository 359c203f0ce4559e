//! The counts: concurrency, parallelism and the work of each worker.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use brigade::time::sleep;
use brigade::{Executor, Metrics};
use brigade_tests::{Kitchen, on_both};

/// What holds at any time, of any executor.
fn check(executor: &impl Executor) -> Metrics {
    let metrics = executor.metrics();
    assert!(metrics.in_flight <= metrics.in_flight_max, "{metrics:?}");
    assert!(metrics.at_once_max <= metrics.in_flight_max, "{metrics:?}");
    assert!(metrics.at_once_max <= executor.workers(), "{metrics:?}");
    for worker in &metrics.workers {
        assert!(worker.busy <= worker.present, "{metrics:?}");
    }
    metrics
}

fn polls(metrics: &Metrics) -> u64 {
    metrics.workers.iter().map(|worker| worker.polls).sum()
}

fn an_unused_executor_has_counted_nothing<K: Kitchen>() {
    let executor = K::open();
    let metrics = check(&executor);
    assert_eq!(
        (
            metrics.in_flight,
            metrics.in_flight_max,
            metrics.at_once_max
        ),
        (0, 0, 0)
    );
    assert_eq!(polls(&metrics), 0);
    executor.block_on(async {});
    // The main future is no task.
    assert_eq!(check(&executor).in_flight_max, 0);
}

/// Concurrency is the number of tasks begun and not finished.
fn in_flight_counts_tasks<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let tasks: Vec<_> = (0..100).map(|_| brigade::spawn(pending::<()>())).collect();
        brigade::yield_now().await;
        assert_eq!(check(&executor).in_flight, 100);
        for task in &tasks[..60] {
            task.abort();
        }
        for task in tasks.into_iter().take(60) {
            task.await.unwrap_err();
        }
    });
    let metrics = check(&executor);
    assert_eq!((metrics.in_flight, metrics.in_flight_max), (40, 100));
    let handle = executor.handle();
    drop(executor);
    let metrics = handle.metrics();
    assert_eq!((metrics.in_flight, metrics.in_flight_max), (0, 100));
}

/// Parallelism of one cook is one, however many tasks there are; and none before the first.
fn at_once_is_bounded<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                brigade::spawn(async {
                    for _ in 0..10 {
                        brigade::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let metrics = check(&executor);
    assert!(metrics.at_once_max >= 1);
    if K::ONE_COOK {
        assert_eq!(metrics.at_once_max, 1);
    }
}

/// A task that yields n times is polled n + 1 times.
fn polls_are_counted<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                brigade::spawn(async {
                    for _ in 0..9 {
                        brigade::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    drop(check(&executor));
    let handle = executor.handle();
    drop(executor);
    assert_eq!(polls(&handle.metrics()), 100);
}

/// A sleeping executor is not busy; the wide ratio leaves room for a machine that is.
fn sleep_is_not_work<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async { sleep(Duration::from_millis(200)).await });
    if K::ONE_COOK {
        let worker = &check(&executor).workers[0];
        assert!(worker.present >= Duration::from_millis(200), "{worker:?}");
        assert!(worker.busy <= worker.present / 2, "{worker:?}");
        assert!(worker.parks >= 1, "{worker:?}");
    }
}

/// Any thread may read them at any time, also while the executor works.
fn metrics_may_be_read_from_anywhere<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        let mut last = 0;
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            let now = polls(&handle.metrics());
            assert!(now >= last);
            last = now;
        }
    });
    executor.block_on(async {
        for _ in 0..20 {
            let tasks: Vec<_> = (0..50)
                .map(|_| brigade::spawn(brigade::yield_now()))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        }
    });
    drop(stop);
    reader.join().unwrap();
}

/// Tasks from other threads are counted as such.
fn tasks_from_outside_are_counted<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let elsewhere = std::thread::spawn(move || {
        for _ in 0..10 {
            drop(handle.spawn(async {}));
        }
    });
    elsewhere.join().unwrap();
    executor.block_on(brigade::yield_now());
    if K::ONE_COOK {
        assert!(check(&executor).workers[0].injector_takes >= 10);
    }
}

/// An executor that never sleeps is seen at its work by a thread that reports now and then.
fn one_that_is_always_busy_can_be_watched<K: Kitchen>() {
    const TASKS: usize = 5;
    let executor = K::open();
    let seen = Arc::new(AtomicBool::new(false));
    let reporter = thread::spawn({
        let (handle, seen) = (executor.handle(), seen.clone());
        move || loop {
            let metrics = handle.metrics();
            let present = metrics.workers.iter().any(|it| !it.present.is_zero());
            if present && metrics.in_flight == TASKS && polls(&metrics) > 0 {
                seen.store(true, Ordering::Relaxed);
                return metrics;
            }
            thread::yield_now();
        }
    });
    executor.block_on(async {
        let tasks = [(); TASKS].map(|()| {
            let seen = seen.clone();
            brigade::spawn(async move {
                while !seen.load(Ordering::Relaxed) {
                    brigade::yield_now().await;
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    let metrics = reporter.join().unwrap();
    assert_eq!(metrics.in_flight_max, TASKS);
    assert!(metrics.at_once_max >= 1);
}

on_both! {
    one_that_is_always_busy_can_be_watched,
    an_unused_executor_has_counted_nothing,
    in_flight_counts_tasks,
    at_once_is_bounded,
    polls_are_counted,
    sleep_is_not_work,
    metrics_may_be_read_from_anywhere,
    tasks_from_outside_are_counted,
}
