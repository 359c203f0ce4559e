//! Tests each rule of the wheel. `properties.rs` tests random calls.

use super::*;

const DAY: u64 = 86_400_000_000_000;
const YEAR: u64 = 365 * DAY;

/// Fires all entries due at `now`.
fn fired<T>(wheel: &mut Wheel<T>, now: u64) -> Vec<T> {
    let mut out = Vec::new();
    while wheel.expire(now, 1000, |value| out.push(value)) {}
    out
}

/// Panics unless the wheel is in a state that the module's documentation allows.
pub(super) fn check<T>(wheel: &Wheel<T>) {
    for (slot, tick) in wheel.slots.check() {
        assert!(tick >= wheel.elapsed);
        let level = level_of(wheel.elapsed, tick);
        let above = level.max(wheel.cascading);
        assert!(slot == slot_of(level, tick) || slot == slot_of(above, tick));
    }
}

#[test]
fn an_empty_wheel_has_nothing_to_do() {
    let mut wheel = Wheel::<u32>::new(20);
    assert!(wheel.is_empty());
    assert_eq!(wheel.next_expiry(), None);
    assert_eq!(fired(&mut wheel, u64::MAX), []);
    assert_eq!(wheel.next_expiry(), None);
}

#[test]
fn fires_at_the_end_of_the_tick_and_not_before() {
    for shift in [0, 1, 4, 14, 20, 40, 62, 63] {
        let tick = 1u64 << shift;
        for deadline in [0, 1, tick - 1, tick, tick + 1, tick / 2 * 3, u64::MAX / 2] {
            let mut wheel = Wheel::new(shift);
            wheel.insert(deadline, ());
            let due = wheel.next_expiry().unwrap();
            assert!(
                due >= deadline && due - deadline < tick,
                "{shift} {deadline}"
            );
            if due > 0 {
                assert_eq!(fired(&mut wheel, due - 1).len(), 0);
                assert_eq!(wheel.next_expiry(), Some(due));
            }
            assert_eq!(fired(&mut wheel, due).len(), 1);
        }
    }
}

#[test]
fn each_digit_and_its_neighbours_fire_exactly() {
    for level in 0..LEVELS as u32 {
        for deadline in [-1, 0, 1].map(|d| (1u64 << (DIGIT * level)).wrapping_add_signed(d)) {
            let mut wheel = Wheel::new(0);
            wheel.insert(deadline, deadline);
            assert_eq!(wheel.next_expiry(), Some(deadline));
            assert_eq!(
                fired(&mut wheel, deadline.saturating_sub(1)).len(),
                usize::from(deadline == 0)
            );
            check(&wheel);
            assert_eq!(
                fired(&mut wheel, deadline).len(),
                usize::from(deadline != 0)
            );
        }
    }
}

#[test]
fn the_end_of_time_is_reached_and_never_early() {
    // With the shifts 4, 10 and 16, rounding up gives the last tick one more digit.
    for shift in [0, 1, 4, 10, 14, 16, 20, 63] {
        let mut wheel = Wheel::new(shift);
        wheel.insert(u64::MAX, "last");
        wheel.insert(u64::MAX - 1, "last but one");
        assert_eq!(fired(&mut wheel, u64::MAX - 2).len(), 0);
        let due = wheel.next_expiry().unwrap();
        assert_eq!(due, if shift <= 1 { u64::MAX - 1 } else { u64::MAX });
        let early = fired(&mut wheel, u64::MAX - 1).len();
        assert_eq!(early, usize::from(shift <= 1)); // a tick of 1 or 2 ns ends here
        assert_eq!(wheel.next_expiry(), Some(u64::MAX));
        assert_eq!(fired(&mut wheel, u64::MAX).len(), 2 - early);
        // Time cannot advance any more, but new entries still fire.
        wheel.insert(u64::MAX, "again");
        wheel.insert(0, "past");
        check(&wheel);
        assert_eq!(fired(&mut wheel, u64::MAX), ["again", "past"]);
    }
}

#[test]
fn the_past_is_due_at_once() {
    let mut wheel = Wheel::new(20);
    assert!(fired(&mut wheel, DAY).is_empty());
    wheel.insert(0, 1);
    wheel.insert(DAY >> 20 << 20, 2);
    assert!(wheel.next_expiry().unwrap() <= DAY);
    // If `now` is earlier than the tick already reached, `now` counts as that tick.
    assert_eq!(fired(&mut wheel, 5), [1, 2]);
}

#[test]
fn memory_is_given_back_after_a_crowd_has_fired() {
    let mut wheel = Wheel::new(0);
    for n in 0..100_000 {
        wheel.insert(n, n);
    }
    assert!(wheel.slots.capacity() >= 100_000);
    assert_eq!(fired(&mut wheel, DAY).len(), 100_000);
    assert_eq!(wheel.slots.capacity(), 0);
}

#[test]
fn long_sleeps_take_one_wakeup_each() {
    for shift in [0, 14, 20] {
        let mut wheel = Wheel::new(shift);
        let mut now = 0;
        for sleep in [
            12 * DAY,
            25 * DAY,
            50 * DAY,
            2 * YEAR,
            100 * YEAR,
            300 * YEAR,
        ] {
            let deadline = now + sleep;
            wheel.insert(deadline, sleep);
            now = wheel.next_expiry().unwrap();
            assert!((0..1 << shift).contains(&(now - deadline)));
            assert_eq!(fired(&mut wheel, now), [sleep]);
        }
    }
}

#[test]
fn a_crowd_far_away_is_met_at_its_slot() {
    let (slot, deadline) = (64 * 64, 64 * 64 + 100);
    let mut wheel = Wheel::new(0);
    for n in 0..EXACT_SCAN {
        wheel.insert(deadline, n);
    }
    assert_eq!(wheel.next_expiry(), Some(deadline));
    wheel.insert(deadline, EXACT_SCAN);
    assert_eq!(wheel.next_expiry(), Some(slot));
    // Each lower level costs at most one wakeup.
    let mut wakeups = 0;
    while wheel.len() > EXACT_SCAN {
        let now = wheel.next_expiry().unwrap();
        wakeups += 1;
        assert_eq!(fired(&mut wheel, now).is_empty(), now < deadline);
    }
    assert_eq!((wakeups, wheel.elapsed), (3, deadline));
}

#[test]
fn order_survives_cascades_and_limits() {
    let mut wheel = Wheel::new(0);
    wheel.insert(300_000, 3);
    wheel.insert(300_000, 4);
    wheel.insert(299_999, 2);
    assert!(fired(&mut wheel, 290_000).is_empty());
    wheel.insert(300_000, 5);
    wheel.insert(290_001, 1);
    assert!(fired(&mut wheel, 299_990).len() == 1);
    wheel.insert(300_000, 6);
    let mut out = Vec::new();
    for expected in [2, 3, 4, 5] {
        assert!(wheel.expire(300_000, 1, |n| out.push(n)));
        assert_eq!(out.pop(), Some(expected));
    }
    wheel.insert(0, 7);
    assert!(wheel.expire(300_000, 0, |n| out.push(n)));
    assert!(!wheel.expire(300_000, 2, |n| out.push(n)));
    assert_eq!(out, [6, 7]);
}

#[test]
fn a_cascade_stops_half_way_and_keeps_the_order() {
    let mut wheel = Wheel::new(0);
    let keys: Vec<_> = (0..100).map(|n| wheel.insert(5000 + n / 50, n)).collect();
    assert!(wheel.expire(5000, 1, |_| panic!("still cascading")));
    assert_ne!(wheel.cascading, 0);
    check(&wheel);
    // The next three entries go to the end of the slot that is being cascaded.
    wheel.insert(0, 100);
    wheel.insert(5000, 101);
    wheel.insert(5001, 102);
    assert!(wheel.next_expiry().unwrap() <= 5000);
    wheel.remove(keys[0]);
    wheel.remove(keys[99]);
    check(&wheel);
    let mut out = Vec::new();
    for _ in 0..200 {
        wheel.expire(5001, 1, |n| out.push(n));
        check(&wheel);
    }
    let first_tick = [100].into_iter().chain(1..50).chain([101]);
    assert_eq!(
        out,
        first_tick.chain(50..99).chain([102]).collect::<Vec<_>>()
    );
}

#[test]
fn a_finished_cascade_leaves_no_trace() {
    let mut wheel = Wheel::new(0);
    wheel.insert(5050, 2);
    assert_eq!(fired(&mut wheel, 4096).len(), 0);
    wheel.insert(4100, 1);
    assert_eq!(wheel.next_expiry(), Some(4100));
    assert_eq!(fired(&mut wheel, 6000), [1, 2]);
}

#[test]
fn removing_the_rest_of_a_cascade_ends_it() {
    let mut wheel = Wheel::new(0);
    let keys: Vec<_> = (0..20).map(|_| wheel.insert(5000, ())).collect();
    assert!(wheel.expire(4999, 1, drop));
    assert!(keys[1..].iter().all(|&key| wheel.remove(key).is_some()));
    check(&wheel);
    assert_eq!(wheel.next_expiry(), Some(5000));
    assert_eq!(fired(&mut wheel, 5000).len(), 1);
}

#[test]
fn a_panic_in_fire_loses_only_its_own_entry() {
    let mut wheel = Wheel::new(0);
    for n in 0..3 {
        wheel.insert(7, n);
    }
    let call = std::panic::AssertUnwindSafe(|| wheel.expire(7, 9, |_| panic!("on purpose")));
    assert!(std::panic::catch_unwind(call).is_err());
    check(&wheel);
    assert_eq!(fired(&mut wheel, 7), [1, 2]);
}
