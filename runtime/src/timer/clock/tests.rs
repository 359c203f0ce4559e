//! Tests the two kinds of clock.

use super::*;

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
