//! Tests of `brigade threads` at a small size.

mod common;

use common::run;
use serde_json::Value;

fn threads(cooks: &str) -> Value {
    let small = ["--requests", "200", "--millions", "2"];
    let mut args = vec!["threads", "--json", "-q", "--cooks", cooks];
    args.extend(small);
    let run = run(&args);
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    run.json()
}

#[test]
fn tasks_and_threads_wait_for_the_same_and_only_threads_are_many() {
    for cooks in ["1", "2"] {
        let object = threads(cooks);
        assert_eq!(object["in_flight_max"], 200, "{object}");
        assert!(
            object["at_once_max"].as_u64() <= cooks.parse().ok(),
            "{object}"
        );
        let [tasks, threads] = [0, 1].map(|way| &object["waiting"][way]);
        assert_eq!(
            (&tasks["done"], &threads["done"]),
            (&200.into(), &200.into())
        );
        assert_eq!(tasks["threads"].to_string(), cooks);
        assert_eq!(threads["threads"], 200);
        if cfg!(target_os = "linux") {
            // Each thread touches at least one page of its stack, and a page is at least 4 KiB.
            let memory = |way: &Value| way["memory_bytes"].as_u64().expect("memory");
            assert!(memory(threads) > 200 * 4096, "{object}");
        }
    }
}

#[test]
fn no_more_threads_are_on_a_core_than_there_are_cores() {
    let object = threads("1");
    let cores = object["cores"].as_f64().unwrap();
    let crowds = object["computing"].as_array().unwrap();
    assert_eq!(crowds.len(), 4);
    for crowd in crowds {
        assert_eq!(crowd["sum_is_right"], true, "{object}");
        assert_eq!(crowd["threads"].as_f64().unwrap() % cores, 0.0);
        if cfg!(target_os = "linux") {
            // The time on a core and the wall time come from two clocks, which agree to within one percent.
            assert!(
                crowd["at_once"].as_f64().unwrap() <= 1.01 * cores,
                "{object}"
            );
        }
    }
}
