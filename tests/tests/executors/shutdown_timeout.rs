//! Tests shutdown with a timeout, and closures that the blocking pool still runs when the executor ends.

use std::future::pending;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use brigade::Executor;
use brigade_tests::{Kitchen, LIMIT, Tally, on_both, one_cook, park_on};

/// `shutdown_timeout` returns as soon as a running closure has ended, even if the timeout is longer.
fn shutdown_timeout_waits_for_running_jobs<K: Kitchen>() {
    for timeout in [LIMIT, Duration::MAX] {
        let executor = K::open();
        let (begin, begun) = mpsc::channel();
        let (ended, dropped) = (Tally::new(), Tally::new());
        let (end, spy) = (ended.clone(), dropped.on_drop());
        let job = executor.handle().spawn_blocking(move || {
            begin.send(()).unwrap();
            thread::sleep(Duration::from_millis(50));
            end.add();
        });
        drop(executor.spawn(async move {
            let _spy = spy;
            pending::<()>().await;
        }));
        begun.recv().unwrap();
        let handle = executor.handle();
        K::shut_down(executor, timeout);
        assert_eq!((ended.get(), dropped.get()), (1, 1));
        assert_eq!(handle.metrics().num_blocking_threads, 0);
        park_on(job).unwrap();
    }
}

/// A task shuts its own executor down while a running closure waits for another task of this executor. The
/// worker must not wait for the closure. Otherwise both would wait forever, because the worker cancels the
/// other task only after this wait.
#[test]
fn a_worker_does_not_wait_for_what_waits_for_it() {
    let executor = brigade::WorkStealing::with_workers(1).unwrap();
    let handle = executor.handle();
    let (begin, begun) = mpsc::channel();
    let idle = executor.spawn(pending::<()>());
    let waits = handle.clone();
    let job = handle.spawn_blocking(move || {
        begin.send(()).unwrap();
        waits.block_on(idle)
    });
    begun.recv().unwrap();
    drop(handle.spawn(async move { executor.shutdown_timeout(Duration::MAX) }));
    assert!(park_on(job).unwrap().unwrap_err().is_aborted());
}

/// Closures that have not begun are cancelled, and their handles report that.
fn shutdown_timeout_cancels_queued_jobs<K: Kitchen>() {
    let executor = K::try_build(K::builder().max_blocking_threads(1)).unwrap();
    let (begin, begun) = mpsc::channel();
    let (ran, dropped) = (Tally::new(), Tally::new());
    let cancelled = dropped.clone();
    let running = executor.handle().spawn_blocking(move || {
        begin.send(()).unwrap();
        while cancelled.get() < 10 {
            thread::sleep(Duration::from_millis(1));
        }
        42
    });
    begun.recv().unwrap();
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let (ran, spy) = (ran.clone(), dropped.on_drop());
            executor.handle().spawn_blocking(move || {
                let _spy = spy;
                ran.add();
            })
        })
        .collect();
    K::shut_down(executor, LIMIT);
    assert_eq!((ran.get(), dropped.get()), (0, 10));
    assert_eq!(park_on(running).unwrap(), 42);
    for job in queued {
        assert!(park_on(job).unwrap_err().is_aborted());
    }
}

/// When the timeout expires, the shutdown stops waiting, and a running closure continues. With a timeout of
/// zero, the shutdown does not wait at all.
fn shutdown_timeout_gives_up_at_its_end<K: Kitchen>() {
    for timeout in [Duration::ZERO, Duration::from_millis(20)] {
        let executor = K::open();
        let (begin, begun) = mpsc::channel();
        let (open, door) = mpsc::channel::<()>();
        let job = executor.handle().spawn_blocking(move || {
            begin.send(()).unwrap();
            let _ = door.recv();
            42
        });
        begun.recv().unwrap();
        let before = Instant::now();
        K::shut_down(executor, timeout);
        assert!(before.elapsed() >= timeout);
        assert!(!job.is_finished());
        drop(open);
        assert_eq!(park_on(job).unwrap(), 42);
    }
}

/// The shutdown does not wait forever for a poll that blocks. The last worker completes the shutdown later.
fn shutdown_timeout_gives_up_on_a_poll_that_blocks() {
    let executor = brigade::WorkStealing::with_workers(2).unwrap();
    let (begin, begun) = mpsc::channel();
    let (open, door) = mpsc::channel::<()>();
    let drops = Tally::new();
    let spy = drops.on_drop();
    let idle = executor.spawn(async move {
        let _spy = spy;
        pending::<()>().await;
    });
    drop(executor.spawn(async move {
        begin.send(()).unwrap();
        let _ = door.recv();
    }));
    begun.recv().unwrap();
    executor.shutdown_timeout(Duration::from_millis(20));
    // No task is dropped while another task may still be running.
    assert_eq!(drops.get(), 0);
    drop(open);
    assert!(park_on(idle).unwrap_err().is_aborted());
    assert_eq!(drops.get(), 1);
}

/// The timeout also limits the wait for a stop hook that blocks.
fn shutdown_timeout_gives_up_on_a_stop_hook<K: Kitchen>() {
    if K::ONE_COOK {
        return;
    }
    let (open, door) = mpsc::channel::<()>();
    let (stopping, stops) = mpsc::channel();
    let door = std::sync::Mutex::new(door);
    let executor = brigade::WorkStealing::builder()
        .workers(1)
        .on_thread_stop(move || {
            stopping.send(()).unwrap();
            let _ = door.lock().unwrap().recv();
        })
        .build()
        .unwrap();
    executor.shutdown_timeout(Duration::from_millis(20));
    drop(open);
    stops.recv().unwrap();
}

/// `shutdown_timeout` may be called in a task or a job, either of another executor or of the executor itself.
fn shutdown_timeout_may_be_called_anywhere<K: Kitchen>() {
    let outer = K::open();
    outer.block_on(async {
        let inner = K::open();
        let slow = inner
            .handle()
            .spawn_blocking(|| thread::sleep(Duration::from_millis(5)));
        K::shut_down(inner, LIMIT);
        assert!(slow.is_finished());
        brigade::spawn_blocking(|| K::shut_down(K::open(), LIMIT))
            .await
            .unwrap();
        assert_eq!(brigade::spawn(async { 1 }).await.unwrap(), 1);
    });
    let executor = brigade::WorkStealing::with_workers(2).unwrap();
    let handle = executor.handle();
    let task = handle.spawn(async move { executor.shutdown_timeout(LIMIT) });
    // The task shuts down its own executor, which ends after the task's last poll.
    let _ = park_on(task);
    let executor = brigade::WorkStealing::with_workers(2).unwrap();
    let handle = executor.handle();
    // The shutdown waits for running jobs, so this job waits for itself until the timeout expires.
    let job = handle.spawn_blocking(|| executor.shutdown_timeout(Duration::from_millis(1)));
    park_on(job).unwrap();
}

/// If a closure is running when its executor ends, the closure continues. Neither the drop nor the end of
/// `main` waits for the closure. The end of the process stops it.
fn a_running_job_outlives_its_executor<K: Kitchen>() {
    let (begin, begun) = mpsc::channel();
    let (open, door) = mpsc::channel::<()>();
    let executor = K::open();
    let job = executor.handle().spawn_blocking(move || {
        begin.send(()).unwrap();
        let _ = door.recv();
        "done"
    });
    begun.recv().unwrap();
    drop(executor);
    assert!(!job.is_finished());
    drop(open);
    assert_eq!(park_on(job).unwrap(), "done");
}

on_both! {
    shutdown_timeout_waits_for_running_jobs,
    shutdown_timeout_cancels_queued_jobs,
    shutdown_timeout_gives_up_at_its_end,
    shutdown_timeout_gives_up_on_a_stop_hook,
    shutdown_timeout_may_be_called_anywhere,
    a_running_job_outlives_its_executor,
}

one_cook! {
    shutdown_timeout_gives_up_on_a_poll_that_blocks,
}
