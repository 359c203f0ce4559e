//! A worker parks while other threads unpark it. No `unpark` is lost, whether it comes before or during a
//! park (tokio #459).

use loom::thread;

use super::{Outcomes, explore};
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::work_stealing::park::Parker;

#[test]
fn an_unpark_before_or_during_a_park_ends_it() {
    static SEEN: Outcomes<2> =
        Outcomes::of(["called before it parked", "called while it was parked"]);
    explore(None, &SEEN, || {
        let parker = Arc::new(Parker::new());
        parker.belong_to_current();
        let told = Arc::new(AtomicBool::new(false));
        let caller = thread::spawn({
            let (parker, told) = (parker.clone(), told.clone());
            move || {
                told.store(true, Ordering::Relaxed);
                parker.unpark(|| panic!("it is in no driver"));
            }
        });
        SEEN.saw(if told.load(Ordering::Relaxed) {
            "called before it parked"
        } else {
            "called while it was parked"
        });
        parker.park(None);
        // The worker sees what the caller wrote before it called `unpark`.
        assert!(told.load(Ordering::Relaxed));
        caller.join().unwrap();
    });
}

#[test]
fn two_unparks_race_two_parks() {
    static SEEN: Outcomes<2> = Outcomes::of(["one park took both calls", "each call ended a park"]);
    explore(4, &SEEN, || {
        let parker = Arc::new(Parker::new());
        parker.belong_to_current();
        let told = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let callers = told.clone().map(|told| {
            let parker = parker.clone();
            thread::spawn(move || {
                told.store(true, Ordering::Relaxed);
                parker.unpark(|| panic!("it is in no driver"));
            })
        });
        let mut parks = 0;
        while !told.iter().all(|told| told.load(Ordering::Relaxed)) {
            parker.park(None);
            parks += 1;
        }
        SEEN.saw(match parks {
            2 => "each call ended a park",
            _ => "one park took both calls",
        });
        for caller in callers {
            caller.join().unwrap();
        }
    });
}

/// An `unpark` ends a park in the driver, even if an event just ended the previous park.
#[test]
fn an_unpark_notifies_a_worker_in_the_driver() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "called before it slept at all",
        "the event loop was notified",
        "called between two sleeps",
    ]);
    explore(None, &SEEN, || {
        let parker = Arc::new(Parker::new());
        parker.belong_to_current();
        let (told, rung) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let bell = Arc::new(loom::sync::Notify::new());
        let caller = thread::spawn({
            let (parker, told, rung, bell) =
                (parker.clone(), told.clone(), rung.clone(), bell.clone());
            move || {
                told.store(true, Ordering::Relaxed);
                let mut rings = false;
                parker.unpark(|| {
                    rings = true;
                    rung.store(true, Ordering::Release);
                    bell.notify();
                });
                rings
            }
        });
        let mut sleeps = 0;
        while !told.load(Ordering::Relaxed) {
            parker.park_in_driver(|| {
                sleeps += 1;
                // An event ends the first park immediately.
                while sleeps > 1 && !rung.swap(false, Ordering::AcqRel) {
                    bell.wait();
                }
            });
        }
        let rang = caller.join().unwrap();
        SEEN.saw(match (sleeps, rang) {
            (_, true) => "the event loop was notified",
            (0, false) => "called before it slept at all",
            (_, false) => "called between two sleeps",
        });
    });
}
