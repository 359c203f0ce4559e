//! Tests arming, moving and firing timers.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::sync::AtomicUsize;
use crate::test_support::waiter;

fn timers() -> Timers {
    Timers::new(Arc::new(Clock::new(true)), 1, || {})
}

fn after(timers: &Timers, nanos: u64) -> Option<Instant> {
    Some(timers.now() + Duration::from_nanos(nanos))
}

fn arm(timers: &Timers, nanos: u64, waker: &Waker) -> Armed {
    timers.arm(after(timers, nanos), waker).unwrap()
}

/// Lets the clock jump to `now`, fires the timers that are due and counts them.
fn fire(timers: &Timers, now: u64) -> usize {
    timers.clock().jump(now);
    let mut woken = Vec::new();
    timers.fire(now, &mut woken);
    let count = woken.len();
    woken.into_iter().for_each(Waker::wake);
    count
}

#[test]
#[cfg_attr(
    miri,
    ignore = "under Miri, a waker of std does not always recognise its clone"
)]
fn a_timer_fires_at_its_deadline_and_not_before() {
    let timers = timers();
    let (count, waker) = waiter();
    let mut armed = arm(&timers, 10, &waker);
    assert!(!timers.is_empty());
    assert_eq!(fire(&timers, 9), 0);
    assert_eq!(armed.poll(&timers, &waker), Polled::Pending);
    assert_eq!(fire(&timers, 10), 1);
    assert_eq!(armed.poll(&timers, &waker), Polled::Fired);
    assert!(timers.is_empty());
    // The timer has fired, so nothing is left to disarm.
    drop(armed);
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
}

#[test]
#[cfg_attr(miri, ignore = "as in the test above")]
fn a_timer_with_another_waker_is_to_be_armed_again() {
    let timers = timers();
    let ((_, one), (_, other)) = (waiter(), waiter());
    let mut armed = arm(&timers, 10, &one);
    assert_eq!(armed.poll(&timers, &other), Polled::Stale);
    assert_eq!(armed.poll(&timers, &one), Polled::Pending);
}

/// If a timer is disarmed before the driver computes its next sleep, the timer causes no wake, even if
/// another thread disarms it.
#[test]
fn a_disarmed_timer_lets_go_of_its_waker_and_ends_no_sleep() {
    let timers = timers();
    let (count, waker) = waiter();
    let [one, other] = [(); 2].map(|()| arm(&timers, 10, &waker));
    drop(one);
    thread::spawn(move || drop(other)).join().unwrap();
    assert_eq!(Arc::strong_count(&count), 2);
    assert!(timers.is_empty());
    assert_eq!(timers.park(), None);
    assert_eq!(fire(&timers, 20), 0);
}

#[test]
fn a_timer_is_moved_with_its_waker() {
    let timers = timers();
    let (count, waker) = waiter();
    let mut armed = arm(&timers, 10, &waker);
    for (nanos, fired) in [(Some(30), 0), (None, 0), (Some(20), 1)] {
        let deadline = nanos.and_then(|nanos| after(&timers, nanos));
        assert!(armed.rearm(deadline));
        assert_eq!(Arc::strong_count(&count), 3);
        timers.fire(nanos.map_or(0, |nanos| nanos.min(20)), &mut Vec::new());
        assert_eq!(armed.poll(&timers, &waker) == Polled::Fired, fired == 1);
    }
    // The timer has fired, so there is no waker to move.
    assert!(!armed.rearm(after(&timers, 50)));
}

/// tokio #6682: a thread that arms or moves a timer notifies the driver only if the timer is due before the
/// driver's sleep ends.
#[test]
fn only_a_timer_before_the_end_of_the_sleep_notifies() {
    let notified = Arc::new(AtomicUsize::new(0));
    let counting = || {
        let notified = notified.clone();
        let notify = move || _ = notified.fetch_add(1, Ordering::SeqCst);
        Timers::new(Arc::new(Clock::new(true)), 3, notify)
    };
    let count = || notified.swap(0, Ordering::SeqCst);
    let timers = counting();
    let (_, waker) = waiter();
    let mut moved = arm(&timers, 300, &waker);
    let mut armed = vec![arm(&timers, 100, &waker)];
    assert_eq!((count(), timers.park()), (0, Some(100)));
    for (nanos, notified) in [(200, 0), (100, 0), (50, 1), (60, 0), (40, 1)] {
        // Arm the timers in different wheels.
        use_wheel(armed.len() % 3);
        armed.push(arm(&timers, nanos, &waker));
        assert_eq!(count(), notified, "{nanos}");
    }
    assert!(moved.rearm(after(&timers, 30)));
    assert_eq!(count(), 1);
    timers.fire(0, &mut Vec::new());
    armed.push(arm(&timers, 1, &waker));
    assert_eq!((count(), timers.park()), (0, Some(1)));
    // If no timer has a deadline, the driver's sleep has no end. So every new deadline notifies the driver.
    for endless in [0, 100] {
        let timers = counting();
        let endless = (0..endless).map(|_| timers.arm(None, &waker).unwrap());
        let _endless: Vec<_> = endless.collect();
        assert_eq!(timers.park(), None);
        let _armed = arm(&timers, u64::MAX / 2, &waker);
        assert_eq!(count(), 1);
    }
}

/// A burst of due timers takes several polls of the driver, which does not sleep in between.
#[test]
fn a_burst_is_bounded_by_turn() {
    let timers = timers();
    let (count, waker) = waiter();
    let arm = |_| arm(&timers, 10, &waker);
    let _armed: Vec<_> = (0..FIRED_PER_TURN + 5).map(arm).collect();
    assert_eq!(fire(&timers, 10), FIRED_PER_TURN);
    assert!(timers.park().unwrap() <= 10);
    assert_eq!(fire(&timers, 10), 5);
    assert_eq!(timers.park(), None);
    assert_eq!(count.0.load(Ordering::SeqCst), FIRED_PER_TURN + 5);
}

#[test]
fn closing_hands_out_every_waker() {
    let timers = timers();
    let (count, waker) = waiter();
    let armed =
        [1, 1 << 20, 1 << 40, u64::MAX / 2, u64::MAX].map(|nanos| arm(&timers, nanos, &waker));
    let mut woken = Vec::new();
    timers.close(&mut woken);
    assert_eq!(woken.len(), 5);
    assert!(timers.is_empty());
    drop(woken);
    assert!(timers.arm(after(&timers, 1), &waker).is_none());
    for mut armed in armed {
        assert_eq!(armed.poll(&timers, &waker), Polled::Stale);
        assert!(!armed.rearm(None));
    }
    assert_eq!(Arc::strong_count(&count), 2);
}

/// Even many due timers of one wheel do not delay the timers of another wheel.
#[test]
fn each_wheel_fires_in_its_turn() {
    let timers = Timers::new(Arc::new(Clock::new(true)), 2, || {});
    let (_, waker) = waiter();
    let _many: Vec<_> = (0..3 * FIRED_PER_TURN)
        .map(|_| arm(&timers, 1, &waker))
        .collect();
    use_wheel(1);
    let (count, waker) = waiter();
    let _one = arm(&timers, 1, &waker);
    use_wheel(0);
    let mut woken = Vec::new();
    timers.clock().jump(2);
    timers.fire(2, &mut woken);
    woken.into_iter().for_each(Waker::wake);
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
}

#[test]
fn a_held_clock_moves_for_a_thread_that_waits_for_it() {
    let notified = Arc::new(AtomicUsize::new(0));
    let counted = notified.clone();
    let notify = move || _ = counted.fetch_add(1, Ordering::SeqCst);
    let timers = Timers::new(Arc::new(Clock::new(true)), 1, notify);
    let (_, waker) = waiter();
    let _armed = arm(&timers, 10, &waker);
    timers.clock().hold(true);
    assert!(!timers.clock().may_jump(10));
    let arm_outside = || {
        let armed = timers.arm_in(after(&timers, 20), Waker::noop(), false);
        armed.unwrap()
    };
    let armed = arm_outside();
    assert_eq!(notified.load(Ordering::SeqCst), 1);
    assert!(timers.clock().may_jump(10) && timers.clock().may_jump(20));
    assert!(!timers.clock().may_jump(21));
    drop(armed);
    assert!(!timers.clock().may_jump(20));
    let mut armed = arm_outside();
    assert_eq!(fire(&timers, 20), 2);
    assert_eq!(armed.poll(&timers, Waker::noop()), Polled::Fired);
    assert_eq!(timers.clock().awaited(), 0);
    timers.clock().hold(false);
    assert!(timers.clock().may_jump(21));
}

/// A `Sleep` may outlive its executor. The wheel's memory lives as long as one of its timers, and no longer,
/// even if some timers have fired, were dropped inside the executor, or were polled after it closed.
#[test]
fn a_wheel_lives_until_its_last_timer_is_dropped() {
    for (closed, dropped_inside, fired) in
        [(false, 0, 0), (true, 1, 1), (false, 2, 1), (true, 0, 2)]
    {
        let timers = timers();
        let wheel = Arc::downgrade(&timers.wheels[0]);
        let (_, waker) = waiter();
        let (noop, elsewhere) = (Waker::noop(), self::timers());
        for _ in 0..dropped_inside {
            arm(&timers, 10, &waker).disarm(Some(&timers));
            // This is a drop outside of the executor: `elsewhere` does not keep the wheel alive.
            arm(&timers, 10, &waker).disarm(Some(&elsewhere));
        }
        for _ in 0..fired {
            let mut armed = arm(&timers, 10, &waker);
            fire(&timers, timers.clock().now_nanos() + 10);
            assert_eq!(armed.poll(&elsewhere, noop), Polled::Stale);
            assert_eq!(armed.poll(&timers, noop), Polled::Fired);
            assert_eq!(armed.poll(&timers, noop), Polled::Fired);
        }
        let [first, mut second, mut third] = [10, 20, 30].map(|nanos| arm(&timers, nanos, &waker));
        if closed {
            timers.close(&mut Vec::new());
        }
        drop(first);
        second.poll(&timers, noop);
        third.disarm(Some(&timers));
        drop(timers);
        assert!(wheel.upgrade().is_some());
        // A poll reads the wheel.
        second.poll(&elsewhere, &waker);
        if !closed {
            // Inside another executor, the last timer frees the wheel too.
            second.disarm(Some(&elsewhere));
        }
        drop(second);
        assert!(wheel.upgrade().is_none());
    }
}

/// The poll that finds a fired timer counts it as dropped, so the drop takes no lock.
#[test]
fn a_fired_timer_is_dropped_without_a_lock() {
    let timers = timers();
    let (_, waker) = waiter();
    let mut armed = arm(&timers, 10, &waker);
    fire(&timers, 10);
    assert_eq!(armed.poll(&timers, &waker), Polled::Fired);
    let _locked = lock(&timers.wheels[0].state);
    drop(armed);
}
