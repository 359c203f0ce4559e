//! Two tasks become ready. If a worker is searching, the push of the second task wakes no worker. The
//! searching worker takes the first task, and is busy until the second task is done. So the searching worker
//! must wake another worker for the second task (tokio #4383).

use loom::sync::Notify;

use super::{Outcomes, Staff, explore};
use crate::sync::Arc;

#[test]
fn another_one_is_woken_for_what_is_left() {
    static SEEN: Outcomes<2> = Outcomes::of([
        "the second push woke a worker",
        "the last searcher woke a worker",
    ]);
    explore(2, &SEEN, || {
        let staff = Staff::of(2, 2);
        let second_is_done = Arc::new(Notify::new());
        let workers = [0, 1].map(|index| {
            let second_is_done = second_is_done.clone();
            staff.start(index, move |task| match task {
                0 => second_is_done.wait(),
                _ => second_is_done.notify(),
            })
        });
        staff.push(0);
        let woke = staff.push(1);
        let worked = workers.map(|worker| worker.join().unwrap());
        if woke {
            SEEN.saw("the second push woke a worker");
        }
        if worked.iter().any(|worked| worked.woke > 0) {
            SEEN.saw("the last searcher woke a worker");
        }
    });
}
