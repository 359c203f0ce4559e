//! Tests each rule of readiness. `properties.rs` tests random orders of events.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

fn waiter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

/// Raises an event, wakes the waiting tasks, and returns their number.
fn event(readiness: &Readiness) -> usize {
    let mut woken = Vec::new();
    readiness.set(&mut woken);
    let count = woken.len();
    woken.into_iter().for_each(Waker::wake);
    count
}

fn wait(readiness: &Readiness, waker: &Waker) -> Poll<ReadySnapshot> {
    readiness.poll_ready(&mut Context::from_waker(waker), None)
}

fn wait_keyed(
    readiness: &Readiness,
    waker: &Waker,
    key: &mut Option<WaiterKey>,
) -> Poll<ReadySnapshot> {
    readiness.poll_ready(&mut Context::from_waker(waker), Some(key))
}

/// tokio #6133, #8331: a clear with an old snapshot erases no event, however many events came since. A tick
/// of only k bits would have the same value again after 2^k events.
#[test]
fn a_stale_clear_never_erases_an_event() {
    let readiness = Readiness::new(false, false);
    let mut events = 0_u64;
    event(&readiness);
    let seen = readiness.ready().unwrap();
    // With more events, Miri takes minutes.
    let most = if cfg!(miri) { 9 } else { 17 };
    for k in 0..=most {
        while events < 1 << k {
            event(&readiness);
            events += 1;
        }
        readiness.clear(seen);
        assert!(readiness.ready().is_some(), "2^{k} events");
    }
    readiness.clear(readiness.ready().unwrap());
    assert!(readiness.ready().is_none());
}

/// An old snapshot erases no event, even when the tick wraps around.
#[test]
fn the_tick_wraps() {
    let readiness = Readiness::new(false, false);
    readiness.word.store(TICK.wrapping_neg(), Ordering::SeqCst);
    let (count, waker) = waiter();
    let mut key = None;
    assert!(wait_keyed(&readiness, &waker, &mut key).is_pending());
    assert_eq!(event(&readiness), 1);
    assert_eq!(readiness.word.load(Ordering::SeqCst), READY | FRESH);
    let seen = readiness.ready().unwrap();
    event(&readiness);
    readiness.clear(seen);
    assert!(readiness.ready().is_some());
    readiness.forget(key.unwrap());
    assert_eq!(count.get(), 1);
}

#[test]
fn an_event_wakes_everybody_once() {
    let readiness = Readiness::new(false, false);
    let waiters: Vec<_> = (0..100).map(|_| waiter()).collect();
    for (_, waker) in &waiters {
        assert!(wait(&readiness, waker).is_pending());
        // A second poll of the same task adds no waker.
        assert!(wait(&readiness, waker).is_pending());
    }
    assert_eq!(event(&readiness), 100);
    assert!(waiters.iter().all(|(count, _)| count.get() == 1));
    assert_eq!(event(&readiness), 0);
    assert!(wait(&readiness, Waker::noop()).is_ready());
}

/// tokio #5861: a future that is dropped removes its own waker, and no other waker.
#[test]
fn a_forgotten_waiter_leaves_nothing_behind() {
    let readiness = Readiness::new(false, false);
    let waiters: Vec<_> = (0..10).map(|_| waiter()).collect();
    let mut keys = [None; 10];
    for ((_, waker), key) in waiters.iter().zip(&mut keys) {
        assert!(wait_keyed(&readiness, waker, key).is_pending());
    }
    for key in keys.iter().step_by(2) {
        readiness.forget(key.unwrap());
    }
    assert_eq!(event(&readiness), 5);
    for (index, (count, _)) in waiters.iter().enumerate() {
        assert_eq!(count.get(), index % 2, "waiter {index}");
        // Only the test's own waker and count are left.
        assert_eq!(Arc::strong_count(count), 2);
    }
}

#[test]
fn a_key_from_before_an_event_takes_nobody_out() {
    let readiness = Readiness::new(false, false);
    let ((_, early), (count, late)) = (waiter(), waiter());
    let mut key = None;
    assert!(wait_keyed(&readiness, &early, &mut key).is_pending());
    event(&readiness);
    readiness.clear(readiness.ready().unwrap());
    assert!(wait(&readiness, &late).is_pending());
    readiness.forget(key.unwrap());
    assert_eq!(event(&readiness), 1);
    assert_eq!(count.get(), 1);
}

#[test]
fn a_future_that_changes_tasks_is_woken_in_the_last_one() {
    let readiness = Readiness::new(false, false);
    let ((first, before), (second, after)) = (waiter(), waiter());
    let mut key = None;
    assert!(wait_keyed(&readiness, &before, &mut key).is_pending());
    assert!(wait_keyed(&readiness, &after, &mut key).is_pending());
    assert_eq!(event(&readiness), 1);
    assert_eq!((first.get(), second.get()), (0, 1));
}

/// Returns the waker of a completed task.
fn dead_waker() -> Waker {
    use crate::test_support::{self, Nowhere, new_task};

    // This task sends its waker to the test and ends.
    let (send, receive) = std::sync::mpsc::channel();
    let giver = std::future::poll_fn(move |cx| {
        send.send(cx.waker().clone()).unwrap();
        Poll::Ready(())
    });
    let (task, handle) = new_task(std::sync::Arc::new(Nowhere), giver);
    test_support::run(task.bind());
    assert!(handle.is_finished());
    receive.recv().unwrap()
}

/// A future may outlive the task that polled it first. The future's waker keeps its place, however many tasks
/// call poll functions.
#[test]
fn a_future_of_a_dead_task_keeps_its_place() {
    let dead = dead_waker();
    let readiness = Readiness::new(false, false);
    let others: Vec<_> = (0..64).map(|_| waiter()).collect();
    let mut keys = [None; 2];
    assert!(wait_keyed(&readiness, &others[0].1, &mut keys[0]).is_pending());
    assert!(wait_keyed(&readiness, &dead, &mut keys[1]).is_pending());
    for (_, waker) in &others[1..] {
        assert!(wait(&readiness, waker).is_pending());
    }
    readiness.forget(keys[1].unwrap());
    event(&readiness);
    for (index, (count, _)) in others.iter().enumerate() {
        assert_eq!(count.get(), 1, "waiter {index}");
    }
}

/// If a task waits through a poll function and through a future, its waker is stored twice. Dropping the
/// future removes only the future's copy.
#[test]
fn a_dropped_future_leaves_its_tasks_poll_function_alone() {
    for future_first in [false, true] {
        let readiness = Readiness::new(false, false);
        let ((count, waker), mut key) = (waiter(), None);
        if future_first {
            assert!(wait_keyed(&readiness, &waker, &mut key).is_pending());
        }
        assert!(wait(&readiness, &waker).is_pending());
        if !future_first {
            assert!(wait_keyed(&readiness, &waker, &mut key).is_pending());
        }
        readiness.forget(key.unwrap());
        assert_eq!((event(&readiness), count.get()), (1, 1));
    }
}

/// Tasks that call a poll function in turn displace each other's wakers from the field `task`. But each task
/// keeps one stored waker.
#[test]
fn tasks_that_poll_in_turn_are_each_woken_once() {
    let readiness = Readiness::new(false, false);
    let waiters: Vec<_> = (0..5).map(|_| waiter()).collect();
    for turn in 0..1000 {
        assert!(wait(&readiness, &waiters[turn * 3 % 5].1).is_pending());
    }
    assert!(waiters.iter().all(|(count, _)| count.get() == 0));
    assert_eq!(event(&readiness), 5);
    assert!(waiters.iter().all(|(count, _)| count.get() == 1));
}

/// While a direction is held, events are put off. `release` and `set_gone` end the hold.
#[test]
fn a_held_direction_is_not_ready_until_its_release() {
    type Raise = fn(&Readiness, &mut Vec<Waker>);
    let ends: [(&str, Raise); 2] = [
        ("release", Readiness::release),
        ("set_gone", Readiness::set_gone),
    ];
    for (name, end) in ends {
        let readiness = Readiness::new(true, false);
        let (count, waker) = waiter();
        readiness.hold(readiness.ready().unwrap(), true);
        assert!(wait(&readiness, &waker).is_pending());
        assert_eq!((event(&readiness), readiness.ready()), (0, None));
        let mut woken = Vec::new();
        readiness.set_last(&mut woken);
        assert_eq!((woken.len(), readiness.ready()), (0, None));
        end(&readiness, &mut woken);
        assert_eq!((woken.len(), count.get()), (1, 0), "{name}");
        assert!(readiness.ready().is_some(), "{name}");
        // Now events have an effect again.
        if name != "set_gone" {
            readiness.clear(readiness.ready().unwrap());
            event(&readiness);
            assert!(readiness.ready().is_some(), "{name}");
        }
    }
}

/// If no event came during the hold, its release wakes no task. An event between the try and the hold takes
/// effect at the release.
#[test]
fn a_release_has_an_effect_only_if_an_event_came() {
    for (before, during) in [(false, false), (true, false), (false, true)] {
        let readiness = Readiness::new(true, false);
        let (_count, waker) = waiter();
        let seen = readiness.ready().unwrap();
        if before {
            event(&readiness);
        }
        readiness.hold(seen, true);
        assert!(wait(&readiness, &waker).is_pending());
        if during {
            assert_eq!(event(&readiness), 0);
        }
        let mut woken = Vec::new();
        readiness.release(&mut woken);
        assert_eq!(woken.len(), usize::from(before || during));
        assert_eq!(readiness.ready().is_some(), before || during);
        // A release without a hold has no effect.
        readiness.release(&mut woken);
        assert_eq!(woken.len(), usize::from(before || during));
        assert_eq!(event(&readiness), usize::from(!before && !during));
    }
}

/// tokio #5429: the `Drop` of a waker may use the readiness that stored the waker.
#[test]
fn a_waker_may_come_back_while_it_is_dropped() {
    struct Meddler(Arc<Readiness>);
    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Meddler {
        fn drop(&mut self) {
            let _ = wait(&self.0, Waker::noop());
            let _ = self.0.ready();
            let mut woken = Vec::new();
            self.0.set(&mut woken);
        }
    }
    let readiness = Arc::new(Readiness::new(false, false));
    let meddler = || Waker::from(Arc::new(Meddler(readiness.clone())));
    let mut key = None;
    assert!(wait_keyed(&readiness, &meddler(), &mut key).is_pending());
    // This replaces and drops the first waker.
    assert!(wait_keyed(&readiness, Waker::noop(), &mut key).is_pending());
    assert!(readiness.ready().is_some());
    readiness.clear(readiness.ready().unwrap());
    key = None;
    assert!(wait_keyed(&readiness, &meddler(), &mut key).is_pending());
    readiness.forget(key.unwrap());
    assert!(readiness.ready().is_some());
}

#[test]
fn once_gone_it_stays_gone() {
    let readiness = Readiness::new(false, false);
    let (count, waker) = waiter();
    assert!(wait(&readiness, &waker).is_pending());
    let mut woken = Vec::new();
    readiness.set_gone(&mut woken);
    woken.into_iter().for_each(Waker::wake);
    assert_eq!(count.get(), 1);
    let seen = readiness.ready().unwrap();
    assert!(seen.is_gone());
    readiness.clear(seen);
    assert!(readiness.ready().unwrap().is_gone());
}

/// The wakers of completed tasks do not accumulate, even if many live tasks wait.
#[test]
fn wakers_of_dead_tasks_are_swept_out() {
    let readiness = Readiness::new(false, false);
    let living: Vec<_> = (0..40).map(|_| waiter()).collect();
    for (_, waker) in &living {
        assert!(wait(&readiness, &dead_waker()).is_pending());
        assert!(wait(&readiness, waker).is_pending());
    }
    for _ in 0..400 {
        assert!(wait(&readiness, &dead_waker()).is_pending());
    }
    assert!(event(&readiness) < 200);
    assert!(living.iter().all(|(count, _)| count.get() == 1));
}

/// If no task waits, an event takes no lock. The test holds the lock during these events.
#[test]
fn an_event_without_waiters_takes_no_lock() {
    let readiness = Readiness::new(false, false);
    let (count, waker) = waiter();
    assert!(wait(&readiness, &waker).is_pending());
    assert_eq!((event(&readiness), count.get()), (1, 1));
    let locked = lock(&readiness.waiters);
    event(&readiness);
    readiness.clear(readiness.ready().unwrap());
    event(&readiness);
    drop(locked);
    assert!(readiness.ready().is_some());
}
