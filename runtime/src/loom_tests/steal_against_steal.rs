//! Two thieves steal from one ring while its owner uses it. Every item comes out exactly once.

use loom::thread;

use super::{Outcomes, drain, explore, pop, push, steal};
use crate::queue::stealing::Ring;
use crate::sync::Arc;

#[test]
fn every_item_comes_out_once() {
    static SEEN: Outcomes<4> = Outcomes::of([
        "both thieves took something",
        "one thief went away empty",
        "a thief took two",
        "the ring was full",
    ]);
    explore(2, &SEEN, || {
        let ring = Arc::new(Ring::new());
        for item in 0..3 {
            push(&ring, item);
        }
        let thieves = [(), ()].map(|()| {
            let ring = ring.clone();
            thread::spawn(move || {
                let mine = Ring::new();
                let stolen = steal(&ring, &mine);
                let mut out = drain(&mine);
                out.extend(stolen);
                out
            })
        });
        let mut out = Vec::new();
        for item in 3..6 {
            out.extend(push(&ring, item));
        }
        if !out.is_empty() {
            SEEN.saw("the ring was full");
        }
        out.extend(pop(&ring));
        let stolen = thieves.map(|thief| thief.join().unwrap());
        if stolen.iter().all(|stolen| !stolen.is_empty()) {
            SEEN.saw("both thieves took something");
        } else {
            SEEN.saw("one thief went away empty");
        }
        if stolen.iter().any(|stolen| stolen.len() == 2) {
            SEEN.saw("a thief took two");
        }
        out.extend(stolen.into_iter().flatten());
        out.extend(drain(&ring));
        out.sort();
        assert_eq!(out, [0, 1, 2, 3, 4, 5]);
    });
}

/// Another worker steals from a thief while the thief fills its own ring.
#[test]
fn a_thief_may_be_robbed() {
    static SEEN: Outcomes<2> = Outcomes::of(["the thief was robbed", "there was nothing to rob"]);
    explore(3, &SEEN, || {
        let (first, second) = (Arc::new(Ring::new()), Arc::new(Ring::new()));
        for item in 0..3 {
            push(&first, item);
        }
        let thief = thread::spawn({
            let (first, second) = (first.clone(), second.clone());
            move || {
                let mut out: Vec<_> = steal(&first, &second).into_iter().collect();
                out.extend(pop(&second));
                out
            }
        });
        let robber = thread::spawn({
            let second = second.clone();
            move || {
                let mine = Ring::new();
                let stolen = steal(&second, &mine);
                assert!(drain(&mine).is_empty());
                stolen
            }
        });
        let mut out: Vec<_> = pop(&first).into_iter().collect();
        out.extend(thief.join().unwrap());
        let robbed = robber.join().unwrap();
        SEEN.saw(match robbed {
            Some(_) => "the thief was robbed",
            None => "there was nothing to rob",
        });
        out.extend(robbed);
        out.extend(drain(&first));
        out.extend(drain(&second));
        out.sort();
        assert_eq!(out, [0, 1, 2]);
    });
}
