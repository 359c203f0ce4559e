//! Tests arming, moving and firing timers, and the two kinds of clock.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;

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
    ignore = "under Miri, a waker of std may not recognise its clone"
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
#[cfg_attr(miri, ignore = "as above")]
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
    let holders = &timers.clock().virtual_time.as_ref().unwrap().holders;
    assert!(lock(holders).awaited.is_empty());
    timers.clock().hold(false);
    assert!(timers.clock().may_jump(21));
}

#[test]
fn instants_before_the_epoch_are_its_beginning() {
    for virtual_time in [false, true] {
        let clock = Clock::new(virtual_time);
        let before = clock.epoch.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(clock.to_nanos(before), 0);
        assert_eq!(clock.to_nanos(clock.epoch), 0);
        assert_eq!(clock.to_nanos(clock.epoch + Duration::from_nanos(7)), 7);
    }
}

#[test]
fn instants_beyond_the_end_of_time_are_the_end() {
    let clock = Clock::new(false);
    let last = clock.epoch + Duration::from_nanos(u64::MAX);
    assert_eq!(clock.to_nanos(last), u64::MAX);
    assert_eq!(clock.to_nanos(last + Duration::from_secs(1)), u64::MAX);
}

#[test]
fn the_machines_clock_moves_by_itself_and_cannot_be_moved() {
    let clock = Clock::new(false);
    let now = clock.now_nanos();
    clock.jump(u64::MAX);
    assert!(!clock.is_virtual());
    assert!(clock.now() >= clock.epoch + Duration::from_nanos(now));
    assert!(clock.now_nanos() < u64::MAX);
}

#[test]
fn virtual_time_moves_only_by_jumps_and_never_back() {
    let clock = Clock::new(true);
    assert!(clock.is_virtual() && clock.now() == clock.epoch);
    for (to, expected) in [(5, 5), (3, 5), (5, 5), (6, 6)] {
        clock.jump(to);
        assert_eq!(clock.now_nanos(), expected);
        assert_eq!(clock.now(), clock.epoch + Duration::from_nanos(expected));
    }
    assert_eq!(clock.to_nanos(clock.now()), 6);
}

/// If ticks were finer than the precision of the OS, each timer would need its own wakeup. If they were
/// coarser, timers would be late.
#[test]
fn a_tick_is_as_fine_as_time_can_be_had() {
    let tick = |clock: Clock| Duration::from_nanos(1 << clock.tick_shift());
    let (millisecond, exact) = (Duration::from_millis(1), Duration::from_nanos(1));
    let machine = tick(Clock::new(false));
    assert!((millisecond / 2..millisecond * 2).contains(&machine));
    assert!(tick(Clock::new(false).precise()) < machine / 10);
    assert_eq!(tick(Clock::new(true)), exact);
    assert_eq!(tick(Clock::new(true).precise()), exact);
}

/// A `Sleep` may outlive its executor, and the next executor uses the same wheel. Then the sleep is stale,
/// not ended, and dropping it disarms no timer of the next executor.
#[test]
fn a_timer_of_an_earlier_executor_is_stale_and_disarms_no_other() {
    let wheel = LockedWheel::unused();
    let timers_of = |alarm: Arc<Alarm>| Timers {
        wheels: Box::new([LockedWheel::begin(wheel, &alarm)]),
        alarm,
    };
    let (count, waker) = waiter();
    let earlier = timers_of(timers().alarm.clone());
    let mut armed = [10, 20, 30].map(|nanos| arm(&earlier, nanos, &waker));
    assert_eq!(fire(&earlier, 10), 1);
    earlier.close(&mut Vec::new());
    let timers = timers_of(timers().alarm.clone());
    let mut own = arm(&timers, 20, &waker);
    for armed in &mut armed {
        assert_eq!(armed.poll(&timers, &waker), Polled::Stale);
        assert_eq!(armed.poll(&earlier, &waker), Polled::Stale);
        assert!(!armed.rearm(None));
    }
    drop(armed);
    assert_eq!(own.poll(&timers, &waker), Polled::Pending);
    assert_eq!(fire(&timers, 20), 1);
    assert_eq!(own.poll(&timers, &waker), Polled::Fired);
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
    // The wheel belongs to `timers` now, so `earlier` must not give it back.
    std::mem::forget(earlier);
}

/// A poll that finds that a timer has fired clears the timer's key, so dropping the timer takes no lock.
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

/// The wheels of executors that have ended are used again, so the memory of wheels does not grow.
#[test]
fn wheels_are_used_again() {
    let wheels = (0..500).map(|_| std::ptr::from_ref(timers().wheels[0]));
    let distinct: HashSet<_> = wheels.collect();
    // Other tests take and return wheels at the same time.
    assert!(distinct.len() < 250, "{}", distinct.len());
}
