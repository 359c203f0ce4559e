//! `brigade pitfalls`: each fault is named, and the mended twin has it no more.

mod common;

use common::run;
use serde_json::Value;

fn pitfalls(args: &[&str]) -> Vec<Value> {
    let mut all = vec!["pitfalls", "--json", "-q"];
    all.extend(args);
    let run = run(&all);
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    run.json()["pitfalls"].as_array().expect("pitfalls").clone()
}

/// Tries until each fault shows. Another program may have the core for nearly as long as a
/// faulty one has it, and then there is little of the fault to be seen.
const TRIES: usize = 10;

/// All pitfalls, from a run in which none of the faults was hidden, if there is one.
fn seen(cooks: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for _ in 0..TRIES {
        all = pitfalls(&["--cooks", cooks]);
        if all
            .iter()
            .all(|pitfall| pitfall["broken"]["is_named"] == true)
        {
            break;
        }
    }
    all
}

fn number(pitfall: &Value, twin: &str, key: &str) -> u64 {
    pitfall[twin][key]
        .as_u64()
        .unwrap_or_else(|| panic!("{twin}, {key}: {pitfall}"))
}

#[test]
fn the_advice_names_each_fault_with_one_cook_and_with_two() {
    for cooks in ["1", "2"] {
        let all = seen(cooks);
        let names: Vec<_> = all.iter().map(|pitfall| &pitfall["pitfall"]).collect();
        assert_eq!(names, ["blocking", "busy", "waker", "lock"]);
        for pitfall in &all {
            assert_eq!(pitfall["broken"]["is_named"], true, "{pitfall}");
            // A machine that is busy enough blocks the loop of any program.
            if pitfall["pitfall"] != "blocking" {
                assert_eq!(pitfall["mended"]["is_named"], false, "{pitfall}");
                assert_eq!(
                    number(pitfall, "mended", "done"),
                    number(pitfall, "mended", "of")
                );
            }
        }
        let [blocking, busy, waker, lock] = [0, 1, 2, 3].map(|n| &all[n]);
        let done = |pitfall, twin| number(pitfall, twin, "done");
        assert!(
            done(blocking, "broken") < done(blocking, "mended"),
            "{blocking}"
        );
        assert!(
            number(busy, "broken", "polls") > 100 * number(busy, "mended", "polls"),
            "{busy}"
        );
        assert_eq!(
            (done(waker, "broken"), done(waker, "mended")),
            (0, 1),
            "{waker}"
        );
        assert_eq!(done(lock, "broken"), 5, "{lock}");
    }
}

#[test]
fn one_can_be_chosen_and_is_drawn_with_its_advice() {
    let text = run(&["pitfalls", "waker", "--step", "20", "-q"]).stdout;
    for word in [
        "waker, broken:",
        "waker, mended:",
        "advice: 'guest' waits",
        "0 of 1 letters",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("busy, broken"), "{text}");
    assert_eq!(pitfalls(&["lock"]).len(), 1);
    assert!(run(&["pitfalls", "none"]).refused().contains("none"));
}
