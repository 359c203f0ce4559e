//! Tests that sleeps never end early, end in order, and leave nothing behind when they are dropped.
// Futures are moved out of `block_on` on purpose, to be polled elsewhere.
#![allow(clippy::async_yields_async)]

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use brigade::Executor;
use brigade::time::{Sleep, now, sleep, sleep_until, timeout};
use brigade_tests::{CountingWaker, Kitchen, on_both, park_on, poll_once};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Returns a sleep that was polled once with `waker` before its deadline.
pub(crate) fn armed(duration: Duration, waker: &Arc<CountingWaker>) -> Pin<Box<Sleep>> {
    let waker = Waker::from(waker.clone());
    loop {
        let mut sleep = Box::pin(sleep(duration));
        let mut cx = Context::from_waker(&waker);
        if sleep.as_mut().poll(&mut cx).is_pending() {
            return sleep;
        }
    }
}

/// mio #1614: thousands of sleeps of irregular lengths run at the same time, and none may end early.
fn never_early<K: Kitchen>() {
    a_crowd_is_never_early(&K::open(), 3000);
}

/// Runs `count` sleeps of irregular lengths up to 40 ms at the same time, and checks that none ends early.
pub(crate) fn a_crowd_is_never_early(executor: &impl Executor, count: u64) {
    executor.block_on(async {
        let tasks: Vec<_> = (0..count)
            .map(|n| {
                brigade::spawn(async move {
                    let duration = Duration::from_nanos(n * 7919 % 40_000_000);
                    let before = Instant::now();
                    sleep(duration).await;
                    assert!(before.elapsed() >= duration, "{duration:?} was too short");
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Sleeps of less than a millisecond, one after another, do not end early either.
fn never_early_one_by_one<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        for n in 0..40 {
            let duration = Duration::from_micros(100 + 61 * n);
            let before = Instant::now();
            sleep(duration).await;
            assert!(before.elapsed() >= duration);
            let deadline = Instant::now() + duration;
            sleep_until(deadline).await;
            assert!(Instant::now() >= deadline);
        }
    });
}

/// Sleeps whose deadlines are more than a tick apart end in the order of the deadlines.
fn in_order<K: Kitchen>() {
    let executor = K::open();
    let order = Arc::new(Mutex::new(Vec::new()));
    executor.block_on(async {
        let start = now() + 10 * MS;
        let tasks: Vec<_> = (0..20_u32)
            .rev()
            .map(|n| {
                let order = order.clone();
                brigade::spawn(async move {
                    sleep_until(start + 4 * n * MS).await;
                    order.lock().unwrap().push(n);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let order = order.lock().unwrap();
    if K::ONE_COOK {
        assert_eq!(*order, (0..20).collect::<Vec<_>>());
    } else {
        assert_eq!(order.len(), 20);
    }
}

/// Sleeps of 136 years and more neither end nor panic, and can be dropped.
fn the_longest_sleeps<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        for duration in [
            Duration::MAX,
            Duration::from_secs(u64::MAX / 4),
            Duration::from_nanos(u64::MAX),
            Duration::from_secs(u64::from(u32::MAX)),
        ] {
            let mut endless = pin!(sleep(duration));
            assert!(futures::poll!(endless.as_mut()).is_pending());
            sleep(2 * MS).await;
            assert!(futures::poll!(endless.as_mut()).is_pending());
            assert!(!endless.is_elapsed());
        }
    });
}

/// mio #1948: 25 or 50 days do not fit into an `int` of milliseconds, the type of the OS's timeout. A sleep of
/// that length must not end immediately, and must not delay wakes.
fn sleeps_of_weeks_let_wakes_through<K: Kitchen>() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let executor = K::open();
    for days in [24, 25, 49, 50, 365 * 500] {
        let (send, receive) = async_channel::bounded::<()>(1);
        executor.block_on(async {
            let long = brigade::spawn(sleep(DAY * days));
            // Only the long timer is left, so the executor passes the timer's deadline to the OS as the
            // timeout.
            let elsewhere = thread::spawn(move || send.send_blocking(()).unwrap());
            receive.recv().await.unwrap();
            elsewhere.join().unwrap();
            sleep(MS).await;
            assert!(!long.is_finished());
            long.abort();
            assert!(long.await.unwrap_err().is_aborted());
        });
    }
}

/// A sleep until a past deadline is ready at the first poll. It costs neither a turn of the event loop nor a
/// millisecond of waiting.
fn a_past_deadline_is_ready_at_the_first_poll<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        for ago in [0, 1, 1_000, 900_000, 1_000_000_000] {
            let deadline = Instant::now() - Duration::from_nanos(ago);
            assert!(
                poll_once(pin!(sleep_until(deadline))).is_ready(),
                "{ago} ns"
            );
        }
        assert!(poll_once(pin!(sleep(Duration::ZERO))).is_ready());
        let passed = sleep(MS);
        thread::sleep(2 * MS);
        assert!(poll_once(pin!(passed)).is_ready());
        let elapsed = poll_once(pin!(timeout(Duration::ZERO, pending::<()>())));
        assert!(matches!(elapsed, Poll::Ready(Err(_))));
        let won = poll_once(pin!(timeout(Duration::ZERO, std::future::ready(1))));
        assert!(matches!(won, Poll::Ready(Ok(1))));
    });
}

/// tokio #3229: a drop must not panic in any state of the sleep: unpolled, armed, due, fired, elapsed.
fn dropped_in_every_state<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    executor.block_on(async {
        drop(sleep(MS));
        drop(armed(3600 * 1000 * MS, &waker));
        drop(armed(MS, &waker));
        // The timer is due but has not fired, because this thread checks no timers meanwhile.
        let due = armed(MS, &waker);
        if K::ONE_COOK {
            thread::sleep(3 * MS);
        }
        drop(due);
        sleep(5 * MS).await;
        assert_eq!(waker.count(), 0);
        // The timer has fired, and its sleep is not polled again.
        let fired = armed(MS, &waker);
        while waker.count() == 0 {
            sleep(MS).await;
        }
        assert!(!fired.is_elapsed());
        drop(fired);
        let mut elapsed = Box::pin(sleep(MS));
        elapsed.as_mut().await;
        assert!(elapsed.is_elapsed());
        // A further poll returns `Ready` again.
        assert!(poll_once(elapsed.as_mut()).is_ready());
        drop(elapsed);
    });
    assert_eq!(waker.count(), 1);
    assert_eq!(Arc::strong_count(&waker), 1);
}

/// tokio #3229: a reset must not panic in any state of the sleep, whether the new deadline is later or earlier.
fn reset_in_every_state<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    executor.block_on(async {
        let mut timer = Box::pin(sleep(3600 * 1000 * MS));
        timer.reset(now() + MS);
        timer.as_mut().await;
        timer.reset(now() + 2 * MS);
        assert!(!timer.is_elapsed());
        let before = Instant::now();
        timer.as_mut().await;
        assert!(before.elapsed() >= MS);
        let mut timer = armed(MS, &waker);
        let later = now() + 3600 * 1000 * MS;
        timer.reset(later);
        assert_eq!(timer.deadline(), Some(later));
        sleep(5 * MS).await;
        assert_eq!(waker.count(), 0);
        let mut timer = armed(MS, &waker);
        while waker.count() == 0 {
            sleep(MS).await;
        }
        timer.reset(now() + MS);
        timer.await;
    });
    assert_eq!(waker.count(), 1);
    assert_eq!(Arc::strong_count(&waker), 1);
}

/// If a sleep was polled with two wakers, one after the other, only the second waker is called.
fn the_last_waker_counts<K: Kitchen>() {
    let executor = K::open();
    let (first, last) = (CountingWaker::new(), CountingWaker::new());
    executor.block_on(async {
        let mut timer = armed(200 * MS, &first);
        let waker = Waker::from(last.clone());
        for _ in 0..2 {
            let polled = timer.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        drop(waker);
        while last.count() == 0 {
            sleep(MS).await;
        }
        assert_eq!(first.count(), 0);
        assert_eq!(Arc::strong_count(&first), 1);
    });
    assert_eq!((Arc::strong_count(&last), last.count()), (1, 1));
}

/// A hundred thousand timers are armed and dropped. Other timers are not affected, and no dropped timer calls
/// its waker.
fn a_crowd_of_cancelled_timers<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    executor.block_on(async {
        let crowd: Vec<_> = (0..100_000_u32)
            .map(|n| armed(Duration::from_secs(60) + n * MS / 7, &waker))
            .collect();
        let before = Instant::now();
        sleep(3 * MS).await;
        assert!(before.elapsed() >= 3 * MS);
        drop(crowd);
        sleep(3 * MS).await;
    });
    assert_eq!((waker.count(), Arc::strong_count(&waker)), (0, 1));
}

/// Twenty thousand sleeps run at the same time. Each timer fires exactly once.
fn a_crowd_of_timers_fires_once_each<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    executor.block_on(async {
        let crowd: Vec<_> = (0..20_000)
            .map(|n| armed(MS + n * MS / 1000, &waker))
            .collect();
        while waker.count() < 20_000 {
            sleep(MS).await;
        }
        sleep(2 * MS).await;
        drop(crowd);
    });
    assert_eq!((waker.count(), Arc::strong_count(&waker)), (20_000, 1));
}

/// While the executor sleeps until a later deadline, another thread spawns a task, which arms an earlier
/// timer. That timer must not be late.
fn a_shorter_timer_shortens_the_sleep<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (tell, told) = async_channel::bounded::<()>(1);
    let long = executor.spawn(async { sleep(Duration::from_secs(3600)).await });
    let elsewhere = thread::spawn(move || {
        for _ in 0..50 {
            park_on(handle.spawn(async { sleep(MS).await })).unwrap();
        }
        tell.send_blocking(()).unwrap();
    });
    executor.block_on(told.recv()).unwrap();
    elsewhere.join().unwrap();
    drop(long);
}

/// `reset` arms the timer again with the waker of the waiting task. The old deadline is later or earlier than
/// the new one, or infinitely far away.
fn reset_moves_the_wake_of_a_waiting_task<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        for duration in [3_600_000 * MS, 30 * MS, Duration::MAX] {
            let waker = CountingWaker::new();
            let mut timer = armed(duration, &waker);
            let deadline = now() + 60 * MS;
            timer.reset(deadline);
            while waker.count() == 0 {
                sleep(MS).await;
            }
            assert!(now() >= deadline);
            assert!(poll_once(timer.as_mut()).is_ready());
            assert_eq!(waker.count(), 1);
        }
    });
}

on_both! {
    never_early,
    never_early_one_by_one,
    in_order,
    the_longest_sleeps,
    sleeps_of_weeks_let_wakes_through,
    a_past_deadline_is_ready_at_the_first_poll,
    dropped_in_every_state,
    reset_in_every_state,
    the_last_waker_counts,
    a_crowd_of_cancelled_timers,
    a_crowd_of_timers_fires_once_each,
    a_shorter_timer_shortens_the_sleep,
    reset_moves_the_wake_of_a_waiting_task,
}

/// A loop of elapsed sleeps uses up the budget. The loop needs no driver, so it ends even if no driver runs.
#[test]
fn a_loop_of_elapsed_sleeps_needs_no_driver() {
    let executor = brigade::SingleThread::new().unwrap();
    executor.handle().block_on(async {
        for _ in 0..1_000 {
            brigade::time::sleep(std::time::Duration::ZERO).await;
        }
    });
}

/// An elapsed sleep ends after a few polls, even if the budget is used up before each poll. In each poll, a
/// coin toss decides whether the sleep gets a new budget.
#[test]
fn an_elapsed_sleep_ends_without_a_budget() {
    let executor = brigade::SingleThread::new().unwrap();
    executor.handle().block_on(async {
        for operations in [127, 128, 129] {
            let mut pause = std::pin::pin!(brigade::time::sleep(std::time::Duration::ZERO));
            let mut polls = 0;
            std::future::poll_fn(|cx| {
                polls += 1;
                for _ in 0..operations {
                    let _ = std::pin::pin!(brigade::task::consume_budget()).poll(cx);
                }
                pause.as_mut().poll(cx)
            })
            .await;
            assert!(polls <= 100, "{polls} polls");
        }
    });
}
