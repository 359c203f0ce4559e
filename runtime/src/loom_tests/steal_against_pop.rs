//! The owner of a ring pushes and pops while a thief takes half of the items (crossbeam #726). Every item
//! comes out exactly once.

use loom::thread;

use super::{Outcomes, drain, explore, pop, push, steal};
use crate::queue::stealing::Ring;
use crate::sync::Arc;

#[test]
fn every_item_comes_out_once() {
    static SEEN: Outcomes<4> = Outcomes::of([
        "the thief took nothing",
        "the thief took one",
        "the thief took two",
        "the owner popped all",
    ]);
    explore(3, &SEEN, || {
        let ring = Arc::new(Ring::new());
        assert_eq!(push(&ring, 0), None);
        let thief = thread::spawn({
            let ring = ring.clone();
            move || {
                let mine = Ring::new();
                let stolen = steal(&ring, &mine);
                let mut out = drain(&mine);
                out.extend(stolen);
                SEEN.saw(match out.len() {
                    0 => "the thief took nothing",
                    1 => "the thief took one",
                    _ => "the thief took two",
                });
                out
            }
        });
        push(&ring, 1);
        push(&ring, 2);
        let mut out = Vec::new();
        while let Some(item) = pop(&ring) {
            out.push(item);
        }
        if out.len() == 3 {
            SEEN.saw("the owner popped all");
        }
        push(&ring, 3);
        out.extend(thief.join().unwrap());
        out.extend(drain(&ring));
        out.sort();
        assert_eq!(out, [0, 1, 2, 3]);
    });
}

/// A full ring accepts no item until a thief has claimed and read some of the ring's items.
#[test]
fn also_where_the_ring_is_full() {
    static SEEN: Outcomes<4> = Outcomes::of([
        "the thief had made room for both",
        "the thief made room in between",
        "there was no room",
        "the thief took two",
    ]);
    explore(None, &SEEN, || {
        let ring = Arc::new(Ring::new());
        for item in 0..4 {
            push(&ring, item);
        }
        let thief = thread::spawn({
            let ring = ring.clone();
            move || {
                let mine = Ring::new();
                let stolen = steal(&ring, &mine);
                let mut out = drain(&mine);
                out.extend(stolen);
                if out.len() == 2 {
                    SEEN.saw("the thief took two");
                }
                out
            }
        });
        let mut out: Vec<_> = [4, 5]
            .into_iter()
            .filter_map(|item| push(&ring, item))
            .collect();
        SEEN.saw(match out.len() {
            0 => "the thief had made room for both",
            1 => "the thief made room in between",
            _ => "there was no room",
        });
        out.extend(thief.join().unwrap());
        out.extend(drain(&ring));
        out.sort();
        assert_eq!(out, [0, 1, 2, 3, 4, 5]);
    });
}
