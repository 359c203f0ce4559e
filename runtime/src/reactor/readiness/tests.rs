//! The rules of readiness, one by one. Any order of events stands in `properties.rs`.

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

/// Lets an event come and wakes who waited; answers how many.
fn event(readiness: &Readiness) -> usize {
    let mut woken = Vec::new();
    readiness.set(&mut woken);
    let count = woken.len();
    woken.into_iter().for_each(Waker::wake);
    count
}

fn wait(readiness: &Readiness, waker: &Waker) -> Poll<Seen> {
    readiness.poll_ready(&mut Context::from_waker(waker))
}

fn wait_keyed(readiness: &Readiness, waker: &Waker, key: &mut Option<WaiterKey>) -> Poll<Seen> {
    readiness.poll_ready_keyed(&mut Context::from_waker(waker), key)
}

/// tokio #6133, #8331: however many events come between the look and the clearing, the clearing
/// of the old look erases none of them. 2^k of them would fool a counter k bits wide.
#[test]
fn a_stale_clear_never_erases_an_event() {
    let readiness = Readiness::new(false);
    let mut events = 0_u64;
    event(&readiness);
    let seen = readiness.ready().unwrap();
    // Miri takes minutes for the width of half a word.
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

/// The same at the end of the counter, and across it.
#[test]
fn the_tick_wraps() {
    let readiness = Readiness::new(false);
    readiness
        .word
        .store(!(READY | GONE | ENDED), Ordering::SeqCst);
    let (count, waker) = waiter();
    let mut key = None;
    assert!(wait_keyed(&readiness, &waker, &mut key).is_pending());
    assert_eq!(event(&readiness), 1);
    assert_eq!(readiness.word.load(Ordering::SeqCst), READY);
    let seen = readiness.ready().unwrap();
    event(&readiness);
    readiness.clear(seen);
    assert!(readiness.ready().is_some());
    readiness.forget(key.unwrap());
    assert_eq!(count.get(), 1);
}

#[test]
fn an_event_wakes_everybody_once() {
    let readiness = Readiness::new(false);
    let waiters: Vec<_> = (0..100).map(|_| waiter()).collect();
    for (_, waker) in &waiters {
        assert!(wait(&readiness, waker).is_pending());
        // A second poll of the same task adds nothing.
        assert!(wait(&readiness, waker).is_pending());
    }
    assert_eq!(event(&readiness), 100);
    assert!(waiters.iter().all(|(count, _)| count.get() == 1));
    assert_eq!(event(&readiness), 0);
    assert!(wait(&readiness, Waker::noop()).is_ready());
}

/// tokio #5861: a future that is dropped takes its waker along, and no other.
#[test]
fn a_forgotten_waiter_leaves_nothing_behind() {
    let readiness = Readiness::new(false);
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
        // The test's own waker and count.
        assert_eq!(Arc::strong_count(count), 2);
    }
}

#[test]
fn a_key_from_before_an_event_takes_nobody_out() {
    let readiness = Readiness::new(false);
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
    let readiness = Readiness::new(false);
    let ((first, before), (second, after)) = (waiter(), waiter());
    let mut key = None;
    assert!(wait_keyed(&readiness, &before, &mut key).is_pending());
    assert!(wait_keyed(&readiness, &after, &mut key).is_pending());
    assert_eq!(event(&readiness), 1);
    assert_eq!((first.get(), second.get()), (0, 1));
}

/// The waker of a task that is complete.
fn dead_waker() -> Waker {
    use crate::probe::Probe;
    use crate::test_support::{Nowhere, new_task};

    // A task that hands its waker out and ends.
    let (send, receive) = std::sync::mpsc::channel();
    let giver = std::future::poll_fn(move |cx| {
        send.send(cx.waker().clone()).unwrap();
        Poll::Ready(())
    });
    let (task, handle) = new_task(std::sync::Arc::new(Nowhere), giver);
    task.bind().run(&Probe::off());
    assert!(handle.is_finished());
    receive.recv().unwrap()
}

/// A future may outlive the task that polled it first. When that task's dead waker is swept out
/// another waiter may get its place, which then is not the old future's to empty.
#[test]
fn a_future_of_a_dead_task_takes_nobody_elses_place() {
    let dead = dead_waker();
    let readiness = Readiness::new(false);
    let others: Vec<_> = (0..64).map(|_| waiter()).collect();
    assert!(wait(&readiness, &others[0].1).is_pending());
    // Its future waits beyond its task's end ...
    let mut key = None;
    assert!(wait_keyed(&readiness, &dead, &mut key).is_pending());
    // ... until the crowd is large enough for a sweep ...
    for (_, waker) in &others[1..] {
        assert!(wait(&readiness, waker).is_pending());
    }
    // ... and is dropped.
    readiness.forget(key.unwrap());
    event(&readiness);
    for (index, (count, _)) in others.iter().enumerate() {
        assert_eq!(count.get(), 1, "waiter {index}");
    }
}

/// tokio #5429: what a waker's `Drop` does may come back to the very same readiness.
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
    let readiness = Arc::new(Readiness::new(false));
    let meddler = || Waker::from(Arc::new(Meddler(readiness.clone())));
    let mut key = None;
    assert!(wait_keyed(&readiness, &meddler(), &mut key).is_pending());
    // Replaced: the first one is dropped.
    assert!(wait_keyed(&readiness, Waker::noop(), &mut key).is_pending());
    assert!(readiness.ready().is_some());
    readiness.clear(readiness.ready().unwrap());
    assert!(wait_keyed(&readiness, &meddler(), &mut key).is_pending());
    readiness.forget(key.unwrap());
    assert!(readiness.ready().is_some());
}

#[test]
fn once_gone_it_stays_gone() {
    let readiness = Readiness::new(false);
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

/// Many short tasks may each have polled once and ended: their wakers do not pile up, however many
/// wait who are alive.
#[test]
fn wakers_of_dead_tasks_are_swept_out() {
    let readiness = Readiness::new(false);
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

/// Many short tasks under a strange executor may each have polled once, and nobody tells us when one
/// ends. They are woken before the list is without end; who has a key says when it goes, and is not.
#[test]
#[cfg_attr(miri, ignore = "compares wakers a million times")]
fn a_crowd_that_cannot_be_told_apart_is_woken() {
    let readiness = Readiness::new(false);
    let ((first, waker), (future, keyed)) = (waiter(), waiter());
    assert!(wait(&readiness, &waker).is_pending());
    let mut key = None;
    assert!(wait_keyed(&readiness, &keyed, &mut key).is_pending());
    let strangers: Vec<_> = (0..2000).map(|_| waiter()).collect();
    for (_, waker) in &strangers {
        assert!(wait(&readiness, waker).is_pending());
    }
    let woken = strangers.iter().filter(|(count, _)| count.get() == 1);
    let woken = woken.count();
    assert!(0 < woken && woken < strangers.len(), "{woken}");
    assert_eq!((first.get(), future.get()), (0, 0));
    // Nobody is left out, nobody is told twice.
    assert_eq!(event(&readiness), strangers.len() - woken + 2);
    assert!(strangers.iter().all(|(count, _)| count.get() == 1));
}
