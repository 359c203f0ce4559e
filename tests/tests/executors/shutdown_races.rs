//! Tests races: other threads join, wake, spawn and detach tasks while an executor is dropped.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use brigade::Executor;
use brigade_tests::{Dropped, Kitchen, Tally, on_both, park_on, poll_once, wake_a_clone};

/// If another thread awaits a handle, the handle resolves when the executor is dropped on this thread.
fn a_join_elsewhere_ends_with_the_executor<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.spawn(pending::<()>());
    let (begun, polled) = mpsc::channel();
    let elsewhere = thread::spawn(move || {
        let mut handle = pin!(handle);
        assert!(poll_once(handle.as_mut()).is_pending());
        begun.send(()).unwrap();
        park_on(handle)
    });
    polled.recv().unwrap();
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert!(elsewhere.join().unwrap().unwrap_err().is_aborted());
}

/// async-executor #163 (1.14.0): wakers that fire while the executor is dropped access no freed memory.
fn wakes_may_race_the_drop<K: Kitchen>() {
    for _ in 0..200 {
        let executor = K::open();
        let (wakers, received) = mpsc::channel::<Waker>();
        for _ in 0..4 {
            let wakers = wakers.clone();
            drop(executor.spawn(std::future::poll_fn(move |cx| {
                let _ = wakers.send(cx.waker().clone());
                Poll::<()>::Pending
            })));
        }
        drop(wakers);
        executor.block_on(brigade::yield_now());
        let stop = Arc::new(AtomicBool::new(false));
        let elsewhere = thread::spawn({
            let stop = stop.clone();
            let wakers: Vec<_> = (0..4).map(|_| received.recv().unwrap()).collect();
            move || {
                while !stop.load(Ordering::Relaxed) {
                    for waker in &wakers {
                        wake_a_clone(waker);
                        waker.wake_by_ref();
                    }
                }
            }
        });
        drop(executor);
        stop.store(true, Ordering::Relaxed);
        elsewhere.join().unwrap();
    }
}

/// Another thread spawns tasks while the executor is dropped. Each task either runs to its end or is dropped,
/// exactly once, and its handle reports which of the two happened.
fn spawns_may_race_the_drop<K: Kitchen>() {
    let (spawned, dropped) = (Tally::new(), Tally::new());
    for _ in 0..200 {
        let executor = K::open();
        let handle = executor.handle();
        let (begun, go) = mpsc::channel();
        let elsewhere = thread::spawn({
            let (spawned, dropped) = (spawned.clone(), dropped.clone());
            move || {
                begun.send(()).unwrap();
                let handles: Vec<_> = (0..50)
                    .map(|_| {
                        spawned.add();
                        let spy = dropped.on_drop();
                        handle.spawn(async move {
                            let _spy = spy;
                        })
                    })
                    .collect();
                for handle in handles {
                    if let Err(error) = park_on(handle) {
                        assert!(error.is_aborted());
                    }
                }
            }
        });
        go.recv().unwrap();
        executor.block_on(brigade::yield_now());
        drop(executor);
        elsewhere.join().unwrap();
    }
    assert_eq!(dropped.get(), spawned.get());
}

/// While a closing executor cancels a task that was just spawned, another thread may drop the task's handle.
fn a_detach_may_meet_the_cancel_of_a_task_that_never_began<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (dropping, is_dropping) = mpsc::channel();
    let (detached, is_detached) = mpsc::channel::<()>();
    let drops = Tally::new();
    let tally = drops.clone();
    let slow_to_drop = Dropped(move || {
        dropping.send(()).unwrap();
        is_detached.recv().unwrap();
        tally.add();
    });
    let (spawned, is_spawned) = mpsc::channel();
    let elsewhere = thread::spawn(move || {
        let task = handle.spawn(async move {
            let _slow_to_drop = slow_to_drop;
            pending::<()>().await;
        });
        spawned.send(()).unwrap();
        is_dropping.recv().unwrap();
        drop(task);
        detached.send(()).unwrap();
    });
    is_spawned.recv().unwrap();
    drop(executor);
    elsewhere.join().unwrap();
    assert_eq!(drops.get(), 1);
}

on_both! {
    a_join_elsewhere_ends_with_the_executor,
    wakes_may_race_the_drop,
    spawns_may_race_the_drop,
    a_detach_may_meet_the_cancel_of_a_task_that_never_began,
}
