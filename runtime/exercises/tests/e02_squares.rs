//! Exercise 2: while one task computes, another task is polled.

use std::cell::Cell;

use brigade_exercises::squares::{STRETCH, sum_of_squares};

#[test]
fn others_have_their_turns() {
    let one_cook = brigade::SingleThread::new().unwrap();
    let (turns, done) = (Cell::new(0), Cell::new(false));
    one_cook.block_on(async {
        let squares = brigade::spawn(sum_of_squares(10 * STRETCH));
        while !squares.is_finished() {
            turns.set(turns.get() + 1);
            brigade::yield_now().await;
        }
        let end = 10 * STRETCH;
        assert_eq!(squares.await.unwrap(), (end - 1) * end * (2 * end - 1) / 6);
        done.set(true);
    });
    assert!(done.get());
    assert!(
        turns.get() >= 10,
        "the other task had {} turns during ten stretches",
        turns.get()
    );
}
