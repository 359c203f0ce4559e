//! Tests an executor's counts: its concurrency, its parallelism, and the work of each worker.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use brigade::time::sleep;
use brigade::{Executor, Metrics};
use brigade_tests::{Kitchen, on_both};

/// Checks the conditions that must hold at any time for any executor, and returns the metrics.
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
    // The main future does not count as a task.
    assert_eq!(check(&executor).in_flight_max, 0);
}

/// Concurrency is the number of tasks that have begun and not finished.
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

/// The parallelism of an executor is zero before the first task. Afterwards it is at least one and at most
/// the number of workers.
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

/// A sleeping executor does not count as busy. The bound is loose, to allow for a busy machine.
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

/// Any thread may read the metrics at any time, even while the executor works.
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

/// If a thread outside the executor spawns a task, the metrics count the task as taken from the injector (the
/// shared queue).
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

/// A thread that reads the metrics repeatedly sees the work of an executor that never sleeps.
fn one_that_is_always_busy_can_be_watched<K: Kitchen>() {
    const TASKS: usize = 5;
    let executor = K::open();
    let seen = Arc::new(AtomicBool::new(false));
    let reporter = thread::spawn({
        let (handle, seen) = (executor.handle(), seen.clone());
        move || loop {
            let metrics = handle.metrics();
            let present = metrics.workers.iter().any(|it| !it.present.is_zero());
            // The figures are read one after another, so the first figure may be older than the last.
            let seen_to_run = polls(&metrics) > 0 && metrics.at_once_max > 0;
            if present && metrics.in_flight == TASKS && seen_to_run {
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

/// The metrics report how many tasks wait, and in which queues.
fn the_depths_of_queues_are_told<K: Kitchen>() {
    let executor = K::open();
    let depths = |metrics: &Metrics| {
        let local: usize = metrics.workers.iter().map(|it| it.local_queue_depth).sum();
        metrics.global_queue_depth + local
    };
    assert_eq!(depths(&executor.metrics()), 0);
    if K::ONE_COOK {
        drop((0..3).map(|_| executor.spawn(async {})).collect::<Vec<_>>());
        assert_eq!(depths(&executor.metrics()), 3);
        let handle = executor.handle();
        let elsewhere = thread::spawn(move || drop(handle.spawn(async {})));
        elsewhere.join().unwrap();
        let metrics = executor.metrics();
        assert!(metrics.global_queue_depth >= 1);
        assert_eq!(metrics.workers[0].local_queue_depth, 3);
    } else {
        // Each worker is blocked, so every other task waits in a queue.
        let (open, door) = std::sync::mpsc::channel::<()>();
        let door = Arc::new(std::sync::Mutex::new(door));
        let held = Arc::new(AtomicUsize::new(0));
        for _ in 0..executor.workers() {
            let (door, held) = (door.clone(), held.clone());
            drop(executor.spawn(async move {
                held.fetch_add(1, Ordering::Relaxed);
                let _ = door.lock().unwrap().recv();
            }));
        }
        while held.load(Ordering::Relaxed) < executor.workers() {
            thread::yield_now();
        }
        let waiting: Vec<_> = (0..7).map(|_| executor.spawn(async {})).collect();
        assert_eq!(depths(&executor.metrics()), 7);
        assert_eq!(executor.handle().metrics().global_queue_depth, 7);
        drop(open);
        executor.block_on(async {
            for task in waiting {
                task.await.unwrap();
            }
        });
    }
    executor.block_on(async {
        while depths(&executor.metrics()) > 0 {
            brigade::yield_now().await;
        }
    });
}

/// The metrics report how many threads the pool has, how many of them are idle, and how many jobs wait for a
/// thread.
fn the_blocking_pool_is_counted<K: Kitchen>() {
    let executor = K::try_build(K::builder().max_blocking_threads(2)).unwrap();
    let pool = |metrics: Metrics| {
        (
            metrics.num_blocking_threads,
            metrics.num_idle_blocking_threads,
            metrics.blocking_queue_depth,
        )
    };
    assert_eq!(pool(executor.metrics()), (0, 0, 0));
    let handle = executor.handle();
    let (open, door) = std::sync::mpsc::channel::<()>();
    let door = Arc::new(std::sync::Mutex::new(door));
    let jobs: Vec<_> = (0..5)
        .map(|_| {
            let door = door.clone();
            handle.spawn_blocking(move || {
                let _ = door.lock().unwrap().recv();
            })
        })
        .collect();
    while pool(handle.metrics()) != (2, 0, 3) {
        thread::yield_now();
    }
    drop(open);
    executor.block_on(async {
        for job in jobs {
            job.await.unwrap();
        }
    });
    while pool(handle.metrics()) != (2, 2, 0) {
        thread::yield_now();
    }
    drop(executor);
    while pool(handle.metrics()) != (0, 0, 0) {
        thread::yield_now();
    }
}

/// A thread may be interrupted between its reads of two counters, while many short tasks run. These tasks
/// must not all count as in flight.
fn short_tasks_are_not_counted_together<K: Kitchen>() {
    let executor = K::open();
    let began = Instant::now();
    // These readers share the processors with the workers, so they are interrupted.
    let readers = [(); 3].map(|()| {
        let handle = executor.handle();
        thread::spawn(move || {
            while began.elapsed() < Duration::from_millis(500) {
                assert!(handle.metrics().in_flight <= 6);
            }
        })
    });
    executor.block_on(async {
        let loops: Vec<_> = (0..3)
            .map(|_| {
                brigade::spawn(async move {
                    while began.elapsed() < Duration::from_millis(500) {
                        brigade::spawn(async {}).await.unwrap();
                    }
                })
            })
            .collect();
        for each in loops {
            each.await.unwrap();
        }
    });
    for reader in readers {
        reader.join().unwrap();
    }
    let metrics = check(&executor);
    assert!(metrics.in_flight_max <= 6, "{metrics:?}");
    assert_eq!(metrics.in_flight, 0);
}

/// If the first task of an executor reads the metrics during its poll, this poll is already counted.
fn a_task_sees_that_it_is_polled<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let task = brigade::spawn(async { brigade::Handle::current().metrics() });
        let metrics = task.await.unwrap();
        assert_eq!(metrics.at_once_max, 1);
    });
}

on_both! {
    short_tasks_are_not_counted_together,
    a_task_sees_that_it_is_polled,
    the_depths_of_queues_are_told,
    the_blocking_pool_is_counted,
    one_that_is_always_busy_can_be_watched,
    an_unused_executor_has_counted_nothing,
    in_flight_counts_tasks,
    at_once_is_bounded,
    polls_are_counted,
    sleep_is_not_work,
    metrics_may_be_read_from_anywhere,
    tasks_from_outside_are_counted,
}
