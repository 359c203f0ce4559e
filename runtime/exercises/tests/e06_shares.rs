//! Exercise 6: many tasks in one lane do not delay the other lane.

use std::sync::{Arc, Mutex};

use brigade_exercises::shares::Shares;

#[test]
fn the_lanes_take_turns() {
    let executor = Shares::new().unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |lane| {
        let order = order.clone();
        async move { order.lock().unwrap().push(lane) }
    };
    let crowd: Vec<_> = (0..6).map(|_| executor.spawn(0, note(0))).collect();
    let others: Vec<_> = (0..3).map(|_| executor.spawn(1, note(1))).collect();
    assert_eq!(executor.run_until_idle(), 9);
    assert!(crowd.iter().chain(&others).all(|task| task.is_finished()));
    assert_eq!(*order.lock().unwrap(), [0, 1, 0, 1, 0, 1, 0, 0, 0]);
}

#[test]
fn a_task_keeps_its_lane() {
    let executor = Shares::new().unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks = [(0, 4), (0, 4), (1, 4)].map(|(lane, turns)| {
        let order = order.clone();
        executor.spawn(lane, async move {
            for _ in 0..turns {
                order.lock().unwrap().push(lane);
                brigade::yield_now().await;
            }
        })
    });
    executor.run_until_idle();
    assert!(tasks.iter().all(|task| task.is_finished()));
    let order = order.lock().unwrap();
    assert_eq!(order[..8], [0, 1, 0, 1, 0, 1, 0, 1]);
}
