//! Tests precise timers, which a builder can enable. Such timers are late only by microseconds.

use std::thread;
use std::time::{Duration, Instant};

use brigade::Executor;
use brigade::time::{Interval, interval, sleep, sleep_until};
use brigade_tests::{Kitchen, Settings, on_both};

use crate::sleep::a_crowd_is_never_early;

fn precise<K: Kitchen>() -> K::Executor {
    K::build(Settings {
        precise_timers: true,
        ..Settings::default()
    })
}

/// Returns the median lateness of many sleeps, whose lengths are between 0.3 and 2 ms.
fn median_lateness(executor: &impl Executor) -> Duration {
    executor.block_on(async {
        let mut late = Vec::new();
        for n in 0..101 {
            let deadline = Instant::now() + Duration::from_micros(300 + 17 * n);
            sleep_until(deadline).await;
            // The subtraction fails if the sleep ended early.
            late.push(Instant::now().checked_duration_since(deadline).unwrap());
        }
        late.sort();
        late[late.len() / 2]
    })
}

/// epoll's timeouts are rounded up to whole milliseconds. The median lateness of the usual timers is
/// therefore half a millisecond plus a tick of the timer wheel. kqueue's timeouts are exact, so this test is
/// only for Linux. The test compares the best of a few tries, because a busy machine makes any timer late.
#[cfg(target_os = "linux")]
fn they_are_late_by_much_less<K: Kitchen>() {
    let (mut usual, mut least) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        usual = usual.min(median_lateness(&K::open()));
        least = least.min(median_lateness(&precise::<K>()));
        if least * 3 < usual {
            return;
        }
    }
    panic!("precise: {least:?} late, the usual ones {usual:?}");
}

#[cfg(not(target_os = "linux"))]
fn they_are_late_by_much_less<K: Kitchen>() {
    let _ = median_lateness(&precise::<K>());
}

fn never_early_in_a_crowd<K: Kitchen>() {
    a_crowd_is_never_early(&precise::<K>(), 2000);
}

/// The OS timer is set again when the next deadline becomes earlier or later. An OS timer that was set for a
/// dropped sleep must not end another sleep.
fn sooner_and_later_ones<K: Kitchen>() {
    let executor = precise::<K>();
    executor.block_on(async {
        let far = brigade::spawn(sleep(Duration::from_secs(3600)));
        let dropped = brigade::spawn(sleep(Duration::from_millis(20)));
        brigade::yield_now().await;
        dropped.abort();
        assert!(dropped.await.unwrap_err().is_aborted());
        for millis in [5, 50, 1] {
            let before = Instant::now();
            sleep(Duration::from_millis(millis)).await;
            assert!(before.elapsed() >= Duration::from_millis(millis));
        }
        assert!(!far.is_finished());
        far.abort();
    });
}

/// Another thread arms a timer while the driver sleeps, either indefinitely or until a later deadline. The
/// timer must still fire.
fn armed_while_it_sleeps<K: Kitchen>() {
    let executor = precise::<K>();
    let handle = executor.handle();
    executor.block_on(async {
        let early = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            handle.spawn(async { sleep(Duration::from_millis(5)).await })
        });
        let joined = brigade::spawn_blocking(move || early.join().unwrap());
        joined.await.unwrap().await.unwrap();
    });
}

/// The executor is woken several times before a deadline. The timer must still fire.
fn woken_before_the_deadline<K: Kitchen>() {
    let executor = precise::<K>();
    executor.block_on(async {
        let before = Instant::now();
        let slow = brigade::spawn(sleep(Duration::from_millis(60)));
        for _ in 0..3 {
            brigade::spawn_blocking(|| thread::sleep(Duration::from_millis(5)))
                .await
                .unwrap();
        }
        slow.await.unwrap();
        assert!(before.elapsed() >= Duration::from_millis(60));
    });
}

/// A sleep must not end if its deadline is later than any that an OS timer can represent.
fn without_end<K: Kitchen>() {
    let executor = precise::<K>();
    executor.block_on(async {
        let never = brigade::spawn(sleep(Duration::MAX));
        let ages = brigade::spawn(sleep(Duration::from_secs(400 * 365 * 24 * 3600)));
        sleep(Duration::from_millis(5)).await;
        assert!(!never.is_finished() && !ages.is_finished());
    });
}

/// The deadlines of an interval's ticks are whole periods apart, however late the program receives a tick.
fn ticks_keep_their_distance<K: Kitchen>() {
    let executor = precise::<K>();
    executor.block_on(async {
        let mut ticks: Interval = interval(Duration::from_millis(2));
        let first = ticks.tick().await;
        for _ in 1..10 {
            let tick = ticks.tick().await;
            // On a busy machine, missed ticks are skipped.
            assert_eq!((tick - first).as_nanos() % 2_000_000, 0);
            assert!(Instant::now() >= tick);
        }
    });
}

on_both!(
    they_are_late_by_much_less,
    never_early_in_a_crowd,
    sooner_and_later_ones,
    armed_while_it_sleeps,
    woken_before_the_deadline,
    without_end,
    ticks_keep_their_distance,
);
