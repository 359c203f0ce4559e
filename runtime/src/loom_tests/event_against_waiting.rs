//! A task finds that a source is not ready, and registers its waker while an event comes. The task is
//! woken.

use std::task::Waker;

use loom::thread;

use super::{Outcomes, explore, wait_for};
use crate::reactor::readiness::Readiness;
use crate::sync::{Arc, AtomicBool, Ordering};

fn wait_for_the_event(seen: &'static Outcomes<2>, keyed: bool, gone: bool) {
    explore(None, seen, move || {
        let readiness = Arc::new(Readiness::new(false, false));
        let told = Arc::new(AtomicBool::new(false));
        let reactor = thread::spawn({
            let (readiness, told) = (readiness.clone(), told.clone());
            move || {
                told.store(true, Ordering::Relaxed);
                let mut woken = Vec::new();
                if gone {
                    readiness.set_gone(&mut woken);
                } else {
                    readiness.set(&mut woken);
                }
                let count = woken.len();
                woken.into_iter().for_each(Waker::wake);
                count
            }
        });
        let mut key = None;
        let word = wait_for(std::future::poll_fn(|cx| {
            readiness.poll_ready(cx, keyed.then_some(&mut key))
        }));
        assert_eq!(word.is_gone(), gone);
        // The task sees what the reactor's thread wrote before the event.
        assert!(told.load(Ordering::Relaxed));
        seen.saw(match reactor.join().unwrap() {
            0 => "the event was there first",
            _ => "the task was woken",
        });
        if let Some(key) = key {
            readiness.forget(key);
        }
    });
}

#[test]
fn the_task_is_told() {
    static SEEN: Outcomes<2> = Outcomes::of(["the event was there first", "the task was woken"]);
    wait_for_the_event(&SEEN, false, false);
}

#[test]
fn also_as_a_future_with_a_key() {
    static SEEN: Outcomes<2> = Outcomes::of(["the event was there first", "the task was woken"]);
    wait_for_the_event(&SEEN, true, false);
}

/// A task that registers its waker while the reactor closes must be woken (tokio #2924).
#[test]
fn also_that_no_event_will_come() {
    static SEEN: Outcomes<2> = Outcomes::of(["the event was there first", "the task was woken"]);
    wait_for_the_event(&SEEN, true, true);
}

/// At first, `hold` postpones all events. Then three steps happen in any order: the hold ends, an event
/// comes, and a task begins to wait. If the task waits, it is woken.
#[test]
fn a_release_races_an_event_and_a_waiter() {
    static SEEN: Outcomes<2> = Outcomes::of([
        "the event came before or after the wait",
        "the task was woken",
    ]);
    explore(2, &SEEN, || {
        let readiness = Arc::new(Readiness::new(true, false));
        readiness.hold(readiness.ready().unwrap(), true);
        let raise = |how: fn(&Readiness, &mut Vec<Waker>)| {
            let readiness = readiness.clone();
            thread::spawn(move || {
                let mut woken = Vec::new();
                how(&readiness, &mut woken);
                let count = woken.len();
                woken.into_iter().for_each(Waker::wake);
                count
            })
        };
        let both = [raise(Readiness::set), raise(Readiness::release)];
        wait_for(std::future::poll_fn(|cx| readiness.poll_ready(cx, None)));
        let woken: usize = both.into_iter().map(|thread| thread.join().unwrap()).sum();
        SEEN.saw(match woken {
            0 => "the event came before or after the wait",
            _ => "the task was woken",
        });
    });
}
