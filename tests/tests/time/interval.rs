//! Tests intervals and timeouts.

use std::future::{pending, poll_fn, ready};
use std::panic;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use brigade::time::{
    Elapsed, MissedTicks, interval, interval_at, now, sleep, sleep_until, timeout, timeout_at,
};
use brigade::{Executor, SingleThread};
use brigade_tests::{Kitchen, Tally, on_both, one_cook, text_of};
use futures::StreamExt;

const MS: Duration = Duration::from_millis(1);

/// Makes an executor with virtual time, so that instants can be compared exactly.
fn virtual_clock() -> SingleThread {
    SingleThread::builder().virtual_time(true).build().unwrap()
}

fn the_first_tick_is_at_once_and_the_rest_in_step<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let made = now();
        let mut ticks = interval(2 * MS);
        let first = ticks.tick().await;
        assert!(first - made < 2 * MS);
        for n in 1..10 {
            let due = ticks.tick().await;
            assert_eq!((due - first).as_nanos() % (2 * MS).as_nanos(), 0);
            assert!(due - first >= 2 * n * MS);
            assert!(now() >= due, "a tick was early");
        }
        assert_eq!(ticks.period(), 2 * MS);
    });
}

/// The first missed tick is returned late, without a wait. Other missed ticks are skipped, and later ticks
/// keep to the original times.
fn missed_ticks_are_left_out() {
    virtual_clock().block_on(async {
        let mut ticks = interval(10 * MS);
        let first = ticks.tick().await;
        assert_eq!(ticks.tick().await, first + 10 * MS);
        sleep(35 * MS).await;
        assert_eq!(now(), first + 45 * MS);
        assert_eq!(ticks.tick().await, first + 20 * MS);
        assert_eq!(now(), first + 45 * MS);
        assert_eq!(ticks.tick().await, first + 50 * MS);
        assert_eq!(now(), first + 50 * MS);
        // A tick that is due exactly now is not missed.
        sleep(10 * MS).await;
        assert_eq!(ticks.tick().await, first + 60 * MS);
        // The tick for 70 ms is returned at 80 ms. The next tick is due exactly then, so it is not missed
        // either.
        sleep(20 * MS).await;
        assert_eq!(ticks.tick().await, first + 70 * MS);
        assert_eq!(ticks.tick().await, first + 80 * MS);
        assert_eq!(now(), first + 80 * MS);
    });
}

/// Returns two instants for each of five ticks: when the tick was due, and when it was returned. The consumer
/// sleeps for 25 ms after the first tick.
fn late_ticks(missed: MissedTicks) -> Vec<(u128, u128)> {
    virtual_clock().block_on(async {
        let mut ticks = interval(10 * MS);
        assert_eq!(ticks.missed_ticks(), MissedTicks::Skip);
        ticks.set_missed_ticks(missed);
        assert_eq!(ticks.missed_ticks(), missed);
        let start = now();
        let mut given = Vec::new();
        for n in 0..5 {
            let due = ticks.tick().await;
            given.push(((due - start).as_millis(), (now() - start).as_millis()));
            if n == 0 {
                sleep(25 * MS).await;
            }
        }
        given
    })
}

fn missed_ticks_may_be_skipped_or_follow_at_once_or_delay_the_rest() {
    let skip = late_ticks(MissedTicks::Skip);
    assert_eq!(skip, [(0, 0), (10, 25), (30, 30), (40, 40), (50, 50)]);
    let burst = late_ticks(MissedTicks::Burst);
    assert_eq!(burst, [(0, 0), (10, 25), (20, 25), (30, 30), (40, 40)]);
    let delay = late_ticks(MissedTicks::Delay);
    assert_eq!(delay, [(0, 0), (10, 25), (35, 35), (45, 45), (55, 55)]);
}

/// On the real clock, no tick is early, and ticks keep to the times that the rule for missed ticks gives.
fn each_rule_for_missed_ticks_keeps_to_its_times<K: Kitchen>() {
    K::open().block_on(async {
        let period = 5 * MS;
        for missed in [MissedTicks::Skip, MissedTicks::Burst, MissedTicks::Delay] {
            let mut ticks = interval(period);
            ticks.set_missed_ticks(missed);
            let first = ticks.tick().await;
            sleep(5 * period).await;
            let mut before = now();
            assert!(ticks.tick().await < before, "{missed:?}");
            for n in 2..8 {
                let due = ticks.tick().await;
                assert!(now() >= due, "{missed:?}: a tick was early");
                match missed {
                    MissedTicks::Skip => {
                        assert!(due >= before);
                        assert_eq!((due - first).as_nanos() % period.as_nanos(), 0);
                    }
                    MissedTicks::Burst => assert_eq!(due, first + n * period),
                    MissedTicks::Delay => assert!(due >= before + period),
                }
                before = due;
            }
        }
    });
}

/// A burst of late ticks uses up the budget, so other tasks run.
fn an_endless_burst_starves_nobody<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let greedy = brigade::spawn(async {
            let long_ago = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
            let mut ticks = interval_at(long_ago, Duration::from_nanos(1));
            ticks.set_missed_ticks(MissedTicks::Burst);
            loop {
                ticks.tick().await;
            }
        });
        for _ in 0..5 {
            sleep(MS).await;
        }
        greedy.abort();
        assert!(greedy.await.unwrap_err().is_aborted());
    });
}

/// An interval may start in the future or in the past.
fn an_interval_may_start_later_or_have_started() {
    virtual_clock().block_on(async {
        let start = now();
        let mut later = interval_at(start + 7 * MS, 10 * MS);
        assert_eq!(later.tick().await, start + 7 * MS);
        assert_eq!(later.tick().await, start + 17 * MS);
        assert_eq!(now(), start + 17 * MS);
        let mut earlier = interval_at(start, 10 * MS);
        assert_eq!(earlier.tick().await, start);
        assert_eq!(now(), start + 17 * MS);
        assert_eq!(earlier.tick().await, start + 20 * MS);
    });
}

/// A reset also applies while a task waits for a tick. The task is woken at the new time and not at the old
/// one.
fn a_reset_interval_begins_anew() {
    virtual_clock().block_on(async {
        let start = now();
        let mut ticks = interval(10 * MS);
        ticks.tick().await;
        let mut polls = 0;
        let due = poll_fn(|cx| {
            polls += 1;
            let polled = ticks.poll_tick(cx);
            if polls == 1 {
                ticks.reset();
            }
            polled
        });
        sleep(4 * MS).await;
        assert_eq!(due.await, start + 14 * MS);
        assert_eq!((polls, now()), (2, start + 14 * MS));
        assert_eq!(ticks.tick().await, start + 24 * MS);
        // With the longest period, there is no next tick.
        let mut endless = interval_at(start, Duration::MAX);
        endless.reset();
        assert!(timeout(MS, endless.tick()).await.is_err());
    });
}

/// On the real clock, a reset also applies to a task that already waits. The first tick would be due in an
/// hour, so the test hangs unless the task is woken at the new time.
fn a_reset_wakes_a_waiting_task_at_the_new_time<K: Kitchen>() {
    K::open().block_on(async {
        let mut ticks = interval_at(now() + Duration::from_secs(3600), 5 * MS);
        assert!(futures::poll!(pin!(ticks.tick())).is_pending());
        let mut reset = None;
        let due = poll_fn(|cx| {
            let polled = ticks.poll_tick(cx);
            if reset.is_none() {
                reset = Some(now());
                ticks.reset();
            }
            polled
        });
        let due = due.await;
        assert!(due >= reset.unwrap() + 5 * MS);
        assert!(now() >= due);
        assert!(ticks.tick().await >= due + 5 * MS);
    });
}

fn a_timeout_may_end_at_a_deadline<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let deadline = now() + 5 * MS;
        assert!(timeout_at(deadline, pending::<()>()).await.is_err());
        assert!(now() >= deadline);
        // The deadline has passed, but the future is polled first.
        assert_eq!(timeout_at(deadline, ready(1)).await, Ok(1));
        assert!(timeout_at(deadline, pending::<()>()).await.is_err());
        let later = deadline + Duration::from_secs(60);
        assert_eq!(timeout_at(later, sleep_until(deadline)).await, Ok(()));
    });
}

/// Dropping the future of a tick loses no tick.
fn a_cancelled_tick_is_not_lost() {
    virtual_clock().block_on(async {
        let mut ticks = interval(10 * MS);
        let first = ticks.tick().await;
        for _ in 0..5 {
            assert!(timeout(MS, ticks.tick()).await.is_err());
        }
        assert_eq!(ticks.tick().await, first + 10 * MS);
        assert_eq!(now(), first + 10 * MS);
    });
}

/// On the real clock, an interval that starts later gives every tick, as a stream or after cancelled waits.
fn no_tick_of_an_interval_is_early_or_lost<K: Kitchen>() {
    K::open().block_on(async {
        let (start, period) = (now() + 10 * MS, 5 * MS);
        let mut ticks = interval_at(start, period);
        ticks.set_missed_ticks(MissedTicks::Burst);
        for n in 0..4 {
            let due = loop {
                if let Ok(due) = timeout(MS, ticks.tick()).await {
                    break due;
                }
            };
            assert_eq!(due, start + n * period);
            assert!(now() >= due);
        }
        let rest: Vec<_> = ticks.take(4).collect().await;
        assert_eq!(rest, [4, 5, 6, 7].map(|n| start + n * period));
        assert!(now() >= rest[3]);
    });
}

fn an_interval_is_a_stream() {
    virtual_clock().block_on(async {
        let start = now();
        let ticks: Vec<_> = interval(Duration::from_secs(3600)).take(25).collect().await;
        assert_eq!(*ticks.last().unwrap(), start + Duration::from_secs(86_400));
    });
}

/// With an extremely long period, only the first tick comes. No call panics.
fn the_longest_period<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        for period in [Duration::MAX, Duration::from_secs(u64::MAX / 2)] {
            let mut ticks = interval(period);
            ticks.tick().await;
            assert!(timeout(MS, ticks.tick()).await.is_err());
        }
    });
}

/// If the period is zero, `interval` and `interval_at` panic at the caller's line. The test runs in its own
/// process, because it sets the panic hook, which applies to the whole process.
fn a_period_of_nothing_panics<K: Kitchen>() {
    let executor = K::open();
    let place = Arc::new(Mutex::new(String::new()));
    let noted = place.clone();
    panic::set_hook(Box::new(move |info| {
        *noted.lock().unwrap() = info.location().unwrap().file().to_owned();
    }));
    let mut error = executor.block_on(executor.spawn(async { drop(interval(Duration::ZERO)) }));
    assert!(text_of(&*error.unwrap_err().into_panic()).contains("brigade::time::interval:"));
    assert!(place.lock().unwrap().ends_with("interval.rs"));
    place.lock().unwrap().clear();
    error = executor.block_on(executor.spawn(async { drop(interval_at(now(), Duration::ZERO)) }));
    assert!(text_of(&*error.unwrap_err().into_panic()).contains("brigade::time::interval_at:"));
    assert!(place.lock().unwrap().ends_with("interval.rs"));
}

fn a_timeout_gives_the_output_or_elapses<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        assert_eq!(timeout(Duration::from_secs(60), ready(1)).await, Ok(1));
        let before = Instant::now();
        let late: Result<(), Elapsed> = timeout(5 * MS, pending()).await;
        assert!(before.elapsed() >= 5 * MS);
        let error = late.unwrap_err();
        assert!(!error.to_string().is_empty());
        let error = std::io::Error::from(error);
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        let slow = timeout(Duration::from_secs(60), async {
            sleep(2 * MS).await;
            2
        });
        assert_eq!(slow.await, Ok(2));
        assert_eq!(timeout(Duration::MAX, sleep(MS)).await, Ok(()));
    });
}

/// A timeout polls its future first, so it returns the output of a ready future even after the deadline.
fn a_ready_future_wins_over_the_clock<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        let mut polls = 0;
        let busy = poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(polls);
            }
            std::thread::sleep(3 * MS);
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        // The first poll takes longer than the timeout, and the second poll is ready.
        let output = timeout(MS, busy).await;
        assert!(output == Ok(2) || output.is_err());
    });
}

/// A timeout drops its future and its timer.
fn a_timeout_owns_its_future<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    executor.block_on(async {
        let spy = drops.on_drop();
        let late = timeout(MS, async move {
            let _spy = spy;
            pending::<()>().await;
        });
        assert!(late.await.is_err());
        assert_eq!(drops.get(), 1);
        // Drop one timeout before its first poll, and another after its first poll.
        let spy = drops.on_drop();
        drop(timeout(MS, async move { drop(spy) }));
        assert_eq!(drops.get(), 2);
        let spy = drops.on_drop();
        let mut half = Box::pin(timeout(Duration::from_secs(60), async move {
            let _spy = spy;
            pending::<()>().await;
        }));
        assert!(futures::poll!(half.as_mut()).is_pending());
        drop(half);
        assert_eq!(drops.get(), 3);
    });
}

/// A timeout polls its future at its beginning and when it expires, and not in between.
fn a_timeout_does_not_poll_in_between<K: Kitchen>() {
    let executor = K::open();
    let polls = Tally::new();
    executor.block_on(async {
        let counted = polls.clone();
        let task = brigade::spawn(timeout(
            20 * MS,
            poll_fn(move |_| {
                counted.add();
                Poll::<()>::Pending
            }),
        ));
        assert!(task.await.unwrap().is_err());
    });
    assert_eq!(polls.get(), 2);
}

/// mio #1642: during a sleep of less than a millisecond, the driver must not return again and again.
fn a_short_sleep_is_one_sleep<K: Kitchen>() {
    let executor = K::open();
    let polls = Tally::new();
    let parks = |executor: &K::Executor| -> u64 {
        executor
            .metrics()
            .workers
            .iter()
            .map(|worker| worker.parks)
            .sum()
    };
    executor.block_on(async {});
    let before = parks(&executor);
    let counted = polls.clone();
    let task = executor.spawn(async move {
        for _ in 0..100 {
            let mut timer = pin!(sleep(Duration::from_micros(100)));
            poll_fn(|cx| {
                counted.add();
                Pin::new(&mut timer).poll(cx)
            })
            .await;
        }
    });
    executor.block_on(task).unwrap();
    // On a slow machine, a sleep may be over at its first poll and need no second one.
    assert!(polls.get() <= 200);
    let parks = parks(&executor) - before;
    if K::ONE_COOK {
        assert!(parks <= 250, "{parks} parks for 100 sleeps");
    }
}

on_both! {
    the_first_tick_is_at_once_and_the_rest_in_step,
    the_longest_period,
    a_timeout_gives_the_output_or_elapses,
    a_ready_future_wins_over_the_clock,
    a_timeout_owns_its_future,
    a_timeout_does_not_poll_in_between,
    a_short_sleep_is_one_sleep,
    an_endless_burst_starves_nobody,
    each_rule_for_missed_ticks_keeps_to_its_times,
    a_reset_wakes_a_waiting_task_at_the_new_time,
    no_tick_of_an_interval_is_early_or_lost,
    a_timeout_may_end_at_a_deadline;
    alone: a_period_of_nothing_panics,
}

one_cook! {
    missed_ticks_are_left_out,
    missed_ticks_may_be_skipped_or_follow_at_once_or_delay_the_rest,
    an_interval_may_start_later_or_have_started,
    a_reset_interval_begins_anew,
    a_cancelled_tick_is_not_lost,
    an_interval_is_a_stream,
}
