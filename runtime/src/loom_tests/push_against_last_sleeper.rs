//! The last awake worker parks while a thread outside the executor makes a task ready. The worker stays
//! awake, or is woken (tokio #1768, #4383; rayon #992).

use super::{Outcomes, Staff, explore};
use crate::WorkStealing;
use crate::sync::{Arc, AtomicBool, Ordering};

#[test]
fn one_worker_and_one_task() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "the task was queued before a worker slept",
        "the sleeper was woken",
        "the worker saw it on the point of sleeping",
    ]);
    explore(None, &SEEN, || {
        let staff = Staff::of(1, 1);
        let worker = staff.start(0, |_| {});
        staff.push(0);
        let worked = worker.join().unwrap();
        SEEN.saw(match (worked.woken, worked.turned_back) {
            (0, 0) => "the task was queued before a worker slept",
            (0, _) => "the worker saw it on the point of sleeping",
            _ => "the sleeper was woken",
        });
    });
}

#[test]
fn two_workers_and_one_task() {
    static SEEN: Outcomes<2> = Outcomes::of(["a sleeper was woken", "no sleeper was woken"]);
    explore(2, &SEEN, || {
        let staff = Staff::of(2, 1);
        let workers = [0, 1].map(|index| staff.start(index, |_| {}));
        staff.push(0);
        let worked = workers.map(|worker| worker.join().unwrap());
        SEEN.saw(match worked.iter().map(|worked| worked.woken).sum() {
            0 => "no sleeper was woken",
            1_usize.. => "a sleeper was woken",
        });
    });
}

/// Runs the real workers, with the driver, the parkers and the shutdown.
#[test]
fn the_real_worker() {
    static SEEN: Outcomes<2> = Outcomes::of(["the worker slept before", "the worker was up"]);
    explore(2, &SEEN, || {
        let executor = WorkStealing::with_workers(1).unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let slept = executor.metrics().workers[0].parks > 0;
        let task = executor.spawn({
            let ran = ran.clone();
            async move { ran.store(true, Ordering::Relaxed) }
        });
        executor.block_on(task).unwrap();
        assert!(ran.load(Ordering::Relaxed));
        SEEN.saw(if slept {
            "the worker slept before"
        } else {
            "the worker was up"
        });
    });
}
