//! A worker moves a batch from the injector to its ring while the last searcher stops searching. Afterwards
//! the searcher checks the injector and the ring, before it parks or runs the task that it took. If the ring
//! still has a task when both threads are done, this check must have found a task.

use loom::thread;

use super::{Outcomes, explore, pop, push, steal};
use crate::queue::inject::Injector;
use crate::queue::stealing::Ring;
use crate::sync::Arc;
use crate::work_stealing::idle::Idle;

#[test]
fn the_rest_of_a_batch_is_never_out_of_sight() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "the searcher stole one",
        "the searcher took one from the injector",
        "the searcher saw the rest when it was about to park",
    ]);
    explore(None, &SEEN, || {
        let injector = Arc::new(Injector::new());
        let ring = Arc::new(Ring::new());
        let idle = Idle::new(2);
        injector.push(0);
        injector.push(1);
        assert!(idle.start_searching());
        let worker = thread::spawn({
            let (injector, ring) = (injector.clone(), ring.clone());
            move || {
                let put = |task| push(&ring, task).map_or(Ok(()), Err);
                injector.pop_batch(|left| left, put);
            }
        });
        let has_work = || !injector.is_empty() || ring.len() > 0;
        let (sees_more, outcome) = if steal(&ring, &Ring::new()).is_some() {
            assert!(idle.stop_searching());
            (has_work(), "the searcher stole one")
        } else if injector.pop().is_some() {
            assert!(idle.stop_searching());
            (has_work(), "the searcher took one from the injector")
        } else {
            idle.fall_asleep(1, true);
            (
                has_work(),
                "the searcher saw the rest when it was about to park",
            )
        };
        worker.join().unwrap();
        let left = pop(&ring).is_some();
        assert!(
            sees_more || !left,
            "a task is in the ring, and no worker knows"
        );
        SEEN.saw(outcome);
    });
}
