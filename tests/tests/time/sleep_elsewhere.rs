//! Tests sleeps that move to another thread or executor, and sleeps in blocking jobs.
// Futures are moved out of `block_on` on purpose, to be polled elsewhere.
#![allow(clippy::async_yields_async)]

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Instant;

use brigade::Executor;
use brigade::time::{Sleep, now, sleep, timeout};
use brigade_tests::{CountingWaker, Kitchen, on_both, park_on};

use crate::sleep::{MS, armed};

/// tokio #8252: a sleep that is dropped on another thread must not stay in the timer wheel. Armed and unarmed
/// sleeps are dropped there, before and after the executor is dropped.
fn dropped_on_another_thread<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    let (send, receive) = mpsc::channel::<Pin<Box<Sleep>>>();
    let (tell, told) = async_channel::unbounded();
    let elsewhere = thread::spawn(move || {
        for sleep in receive {
            drop(sleep);
            tell.send_blocking(()).unwrap();
        }
    });
    let kept = executor.block_on(async {
        for _ in 0..100 {
            send.send(armed(3600 * 1000 * MS, &waker)).unwrap();
            send.send(armed(MS, &waker)).unwrap();
            send.send(Box::pin(sleep(MS))).unwrap();
        }
        for _ in 0..300 {
            told.recv().await.unwrap();
        }
        // Whenever the driver handles a timer, it also removes the dropped timers.
        sleep(2 * MS).await;
        sleep(2 * MS).await;
        armed(3600 * 1000 * MS, &waker)
    });
    drop(executor);
    send.send(kept).unwrap();
    drop(send);
    elsewhere.join().unwrap();
    assert_eq!(Arc::strong_count(&waker), 1);
}

/// A sleep is armed on one executor, which is then dropped. If another executor awaits this sleep, the sleep
/// does not end before its deadline. If such a sleep is dropped inside another executor, it disarms none of
/// that executor's sleeps.
fn a_sleep_ends_on_the_next_executor_at_its_own_time<K: Kitchen>() {
    for _ in 0..20 {
        let ended = K::open();
        let waker = CountingWaker::new();
        let [moved, dropped] = ended.block_on(async { [20, 30].map(|ms| armed(ms * MS, &waker)) });
        drop(ended);
        K::open().block_on(async move {
            let own = armed(10 * MS, &waker);
            drop(dropped);
            let deadline = moved.deadline().unwrap();
            moved.await;
            assert!(now() >= deadline);
            own.await;
        });
    }
}

/// If a sleep moves from one executor to another, it ends on the second executor.
fn moved_to_another_executor<K: Kitchen>() {
    let (one, other) = (K::open(), K::open());
    let mut timer = one.block_on(async {
        let mut timer = Box::pin(sleep(200 * MS));
        assert!(futures::poll!(timer.as_mut()).is_pending());
        timer
    });
    let deadline = timer.deadline().unwrap();
    other.block_on(timer.as_mut());
    assert!(Instant::now() >= deadline);
    drop(one);
}

/// Awaiting a sleep outside of any brigade executor panics with an explanation.
fn a_sleep_under_a_stranger_panics<K: Kitchen>() {
    let executor = K::open();
    let timer = executor.block_on(async { sleep(MS) });
    let polled = thread::spawn(move || park_on(timer)).join();
    let payload = polled.unwrap_err();
    assert!(brigade_tests::text_of(&*payload).contains("Sleep"));
    drop(executor.spawn(pending::<()>()));
}

/// Another thread resets a sleep while the executor sleeps until the old deadline. The executor must be
/// woken.
fn reset_on_another_thread_wakes_a_sleeping_executor<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let timer = Arc::new(Mutex::new(sleep(3_600_000 * MS)));
        let (polled, told) = mpsc::channel();
        let far = thread::spawn({
            let timer = timer.clone();
            move || {
                told.recv().unwrap();
                // The executor is most likely asleep by now. If it is awake, the test proves less.
                thread::sleep(5 * MS);
                timer.lock().unwrap().reset(Instant::now() + MS);
            }
        });
        std::future::poll_fn(|cx| {
            let _ = polled.send(());
            Pin::new(&mut *timer.lock().unwrap()).poll(cx)
        })
        .await;
        far.join().unwrap();
    });
}

/// On a thread of the blocking pool, the pool's executor is current. The thread may poll sleeps that a task
/// has armed, and sleeps that were never armed.
fn a_blocking_job_may_await_a_sleep<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    executor.block_on(async {
        let before = Instant::now();
        let fresh = sleep(2 * MS);
        let used = armed(60 * MS, &waker);
        let job = brigade::spawn_blocking(move || {
            park_on(fresh);
            park_on(used);
            assert!(park_on(timeout(5 * MS, pending::<()>())).is_err());
        });
        job.await.unwrap();
        assert!(before.elapsed() >= 65 * MS);
    });
    assert_eq!((Arc::strong_count(&waker), waker.count()), (1, 0));
}

/// The executor is dropped while a job of its pool awaits a sleep, and the job then awaits more sleeps. All
/// these sleeps end, and none ends early.
fn sleeps_of_a_job_end_though_its_executor_closes<K: Kitchen>() {
    let executor = K::open();
    let (tell, told) = mpsc::channel();
    let job = executor.handle().spawn_blocking(move || {
        let before = Instant::now();
        let long = armed(60 * MS, &CountingWaker::new());
        tell.send("armed").unwrap();
        park_on(long);
        assert!(before.elapsed() >= 60 * MS);
        tell.send("ended").unwrap();
        let before = Instant::now();
        park_on(sleep(5 * MS));
        assert!(before.elapsed() >= 5 * MS);
        assert!(park_on(timeout(MS, pending::<()>())).is_err());
        assert_eq!(park_on(timeout(3_600_000 * MS, async { 1 })), Ok(1));
        tell.send("done").unwrap();
    });
    assert_eq!(told.recv().unwrap(), "armed");
    drop(executor);
    assert_eq!(told.recv().unwrap(), "ended");
    assert_eq!(told.recv().unwrap(), "done");
    drop(job);
}

/// The executor of an armed sleep is dropped, and another executor polls the sleep. The sleep does not hang.
fn a_sleep_that_lost_its_executor_is_woken<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    let timer = executor.block_on(async { armed(3600 * 1000 * MS, &waker) });
    drop(executor);
    assert_eq!(waker.count(), 1);
    let other = K::open();
    other.block_on(async {
        let mut timer = timer;
        assert!(matches!(futures::poll!(timer.as_mut()), Poll::Pending));
        timer.reset(now() + MS);
        timer.await;
    });
}

on_both! {
    dropped_on_another_thread,
    a_sleep_ends_on_the_next_executor_at_its_own_time,
    moved_to_another_executor,
    a_sleep_under_a_stranger_panics,
    a_sleep_that_lost_its_executor_is_woken,
    reset_on_another_thread_wakes_a_sleeping_executor,
    a_blocking_job_may_await_a_sleep,
    sleeps_of_a_job_end_though_its_executor_closes,
}
