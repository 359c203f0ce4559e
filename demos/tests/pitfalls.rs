//! Tests of `brigade pitfalls`: the advice names the fault of each broken program, and does not name it
//! in the corrected version.

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

/// The maximum number of tries until one run shows every fault. Other programs on the machine may hide a
/// fault.
const TRIES: usize = 10;

/// Returns true if the advice names the fault. Also returns true for `one-task` if other programs or a
/// single core may have hidden its fault.
fn is_clear(pitfall: &Value) -> bool {
    let broken = &pitfall["broken"];
    let crowded = broken["advice"].to_string().contains("Other programs");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let hidden = pitfall["pitfall"] == "one-task" && (crowded || cores < 2);
    broken["is_named"] == true || hidden
}

/// Returns all pitfalls, from the first run that shows every fault, or else from the last try.
fn seen(cooks: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for _ in 0..TRIES {
        all = pitfalls(&["--cooks", cooks]);
        if all.iter().all(is_clear) {
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
        assert_eq!(
            names,
            ["loop", "one-task", "blocking", "busy", "waker", "lock"]
        );
        for pitfall in &all {
            assert!(is_clear(pitfall), "{pitfall}");
            // A busy machine can block the event loop of any program. So the advice may name `blocking`
            // even in the corrected version.
            if pitfall["pitfall"] != "blocking" {
                assert_eq!(pitfall["mended"]["is_named"], false, "{pitfall}");
                assert_eq!(
                    number(pitfall, "mended", "done"),
                    number(pitfall, "mended", "of")
                );
            }
        }
        let [in_loop, one_task, blocking, busy, waker, lock] = [0, 1, 2, 3, 4, 5].map(|n| &all[n]);
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
        // The broken program makes six waits of 50 ms, one after the other. The corrected program makes
        // them at the same time. No timer fires early.
        let wall = |twin: &str| in_loop[twin]["wall_s"].as_f64().unwrap();
        assert!(wall("broken") >= 0.3 && wall("mended") >= 0.05, "{in_loop}");
        assert_eq!(done(one_task, "broken"), number(one_task, "broken", "of"));
        let at_once = |twin| number(one_task, twin, "at_once_max");
        assert_eq!(at_once("broken"), 1, "a task runs on one cook: {one_task}");
        assert_eq!(number(one_task, "broken", "cooks"), 2, "{one_task}");
    }
}

#[test]
fn one_can_be_chosen_and_is_drawn_with_its_advice() {
    let text = run(&["pitfalls", "waker", "--step", "20", "-q"]).stdout;
    for word in [
        "waker, broken:",
        "waker, corrected:",
        "advice: 'guest' waits",
        "0 of 1 letters",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("busy, broken"), "{text}");
    assert_eq!(pitfalls(&["lock"]).len(), 1);
    assert!(run(&["pitfalls", "none"]).refused().contains("none"));
}

/// With one cook, the broken program behaves like the corrected one, so two cooks are used.
#[test]
fn all_work_in_one_task_is_shown_with_two_cooks_even_if_one_was_asked_for() {
    let mut at_once = 0;
    for _ in 0..TRIES {
        let object = run(&["pitfalls", "one-task", "--cooks", "1", "--json", "-q"]).json();
        let pair = &object["pitfalls"][0];
        assert_eq!(object["cooks"], 2, "{object}");
        assert_eq!(number(pair, "broken", "at_once_max"), 1, "{pair}");
        assert_eq!(number(pair, "mended", "done"), 4, "{pair}");
        at_once = number(pair, "mended", "at_once_max");
        if at_once == 2 {
            break;
        }
    }
    assert_eq!(at_once, 2, "the corrected program uses both cooks");
}

#[test]
fn the_figures_are_those_of_all_programs() {
    let object = run(&["pitfalls", "--cooks", "1", "--step", "20", "--json", "-q"]).json();
    let twins = || {
        let pairs = object["pitfalls"].as_array().expect("pitfalls").iter();
        pairs.flat_map(|pair| [&pair["broken"], &pair["mended"]])
    };
    for key in ["wall_s", "cpu_s"] {
        let sum: f64 = twins().filter_map(|twin| twin[key].as_f64()).sum();
        let all = object[key].as_f64().unwrap_or(0.0);
        assert!((all - sum).abs() < 1e-6, "{key}: {sum} and {object}");
    }
    let at_once = twins()
        .filter(|twin| twin["cooks"] == 1)
        .filter_map(|twin| twin["at_once_max"].as_u64())
        .max();
    assert_eq!(object["at_once_max"].as_u64(), at_once, "{object}");
    assert_eq!(
        object["in_flight_max"], 5,
        "the five guests of lock: {object}"
    );
    assert_eq!(object["cooks"], 1, "{object}");
}
