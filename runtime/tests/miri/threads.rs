//! Other threads wake, spawn, steal and work while an executor runs or is dropped.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use brigade::task::JoinSet;
use brigade::{Executor, WorkStealing};

use super::{Drops, one_cook, two_cooks, wait_for};

/// Foreign threads wake, clone and drop wakers while the executor is dropped.
fn wakers_outlive(executor: impl Executor) {
    const THREADS: usize = 3;
    let drops = Drops::default();
    let (send, receive) = mpsc::channel::<Waker>();
    let guard = drops.guard();
    let task = executor.spawn(poll_fn(move |cx| {
        let _ = &guard;
        for _ in 0..THREADS {
            let _ = send.send(cx.waker().clone());
        }
        Poll::<()>::Pending
    }));
    executor.block_on(async {
        brigade::yield_now().await;
    });
    // Wait for the wakers, because `WorkStealing` may not have polled the task yet.
    let wakers: Vec<_> = receive.iter().take(THREADS).collect();
    let strangers: Vec<_> = wakers
        .into_iter()
        .map(|waker| {
            thread::spawn(move || {
                waker.wake_by_ref();
                let another = waker.clone();
                drop(waker);
                another.wake();
            })
        })
        .collect();
    drop(executor);
    assert_eq!(drops.count(), 1);
    for stranger in strangers {
        stranger.join().unwrap();
    }
    assert!(task.is_finished());
}

#[test]
fn wakers_outlive_one_cook() {
    wakers_outlive(one_cook());
}

#[test]
fn wakers_outlive_many_cooks() {
    wakers_outlive(two_cooks());
}

/// A write before a wake is visible to the next poll, even to a Relaxed load (tokio #7589). With tokio's
/// bug, the test fails under a fifth of Miri's seeds.
fn a_wake_releases(executor: impl Executor) {
    let told = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let mut senders = Vec::new();
    executor.block_on(poll_fn(|cx| {
        if senders.is_empty() {
            senders.extend(told.clone().map(|told| {
                let waker = cx.waker().clone();
                thread::spawn(move || {
                    told.store(1, Ordering::Relaxed);
                    waker.wake();
                })
            }));
        }
        let sum: usize = told.iter().map(|told| told.load(Ordering::Relaxed)).sum();
        if sum == told.len() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }));
    for sender in senders {
        sender.join().unwrap();
    }
}

#[test]
fn a_wake_releases_to_one_cook() {
    a_wake_releases(one_cook());
}

#[test]
fn a_wake_releases_to_many_cooks() {
    a_wake_releases(two_cooks());
}

/// Threads spawn, await, abort and detach tasks while the executor is dropped.
fn spawners_race_the_drop(executor: impl Executor) {
    let drops = Drops::default();
    let strangers = [0, 1, 2].map(|what| {
        let (handle, drops) = (executor.handle(), drops.clone());
        thread::spawn(move || {
            let guard = drops.guard();
            let task = handle.spawn(async move {
                let _guard = guard;
                brigade::yield_now().await;
                Box::new(what)
            });
            match what {
                0 => drop(task),
                1 => task.abort(),
                _ => {
                    let end = wait_for(task);
                    assert!(end.is_err_and(|error| error.is_aborted()) || drops.count() > 0);
                }
            }
        })
    });
    executor.block_on(async { brigade::yield_now().await });
    drop(executor);
    for stranger in strangers {
        stranger.join().unwrap();
    }
    assert_eq!(drops.count(), 3);
}

#[test]
fn spawners_race_the_drop_of_one_cook() {
    spawners_race_the_drop(one_cook());
}

#[test]
fn spawners_race_the_drop_of_many_cooks() {
    spawners_race_the_drop(two_cooks());
}

/// A handle that is dropped on another thread may be the last reference to its task and executor.
fn a_handle_goes_as_the_executor_does<E: Executor>(open: fn() -> E) {
    // For some values of `head_start`, the executor is dropped while the other thread drops the handle.
    for head_start in 0..8 {
        let executor = open();
        let handle = executor.spawn(std::future::pending::<()>());
        let elsewhere = thread::spawn(move || drop(handle));
        for _ in 0..head_start {
            thread::yield_now();
        }
        drop(executor);
        elsewhere.join().unwrap();
    }
}

#[test]
fn a_handle_goes_as_one_cook_does() {
    a_handle_goes_as_the_executor_does(one_cook);
}

#[test]
fn a_handle_goes_as_many_cooks_do() {
    a_handle_goes_as_the_executor_does(two_cooks);
}

#[test]
fn many_cooks_steal_wake_and_join() {
    let executor = two_cooks();
    let total = executor.block_on(async {
        let mut set = JoinSet::new();
        for n in 0..12 {
            set.spawn(async move {
                // The inner task wakes the outer task, which may be on another worker.
                let inner = brigade::spawn(async move {
                    brigade::yield_now().await;
                    n
                });
                inner.await.unwrap()
            });
        }
        set.join_all().await.iter().sum::<usize>()
    });
    assert_eq!(total, 66);
}

#[test]
fn a_blocking_job_and_its_task() {
    for job in [
        one_cook().block_on(async { brigade::spawn_blocking(|| 7).await }),
        two_cooks().block_on(async { brigade::spawn_blocking(|| 7).await }),
    ] {
        assert_eq!(job.unwrap(), 7);
    }
}

#[test]
fn what_happens_is_written_down() {
    let executor = WorkStealing::builder()
        .workers(2)
        .record_timeline(true)
        .build()
        .unwrap();
    executor.block_on(async {
        let tasks: Vec<_> = (0..4)
            .map(|_| brigade::spawn(brigade::yield_now()))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let timeline = executor.timeline().unwrap();
    assert!(timeline.events.len() >= 4);
}
