//! Tests of `brigade coffee` at a small size. They check counts. They also check, with wide margins, ratios
//! of two figures of the same run.

mod common;

use common::run;
use serde_json::Value;

fn coffee(cooks: &str) -> Value {
    let small = ["--machines", "8", "--brew", "50", "--shift", "300"];
    let mut args = vec!["coffee", "--json", "-q", "--cooks", cooks];
    args.extend(small);
    let run = run(&args);
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    run.json()
}

/// Returns a figure of one of the four ways to wait.
fn way(object: &Value, name: &str, figure: &str) -> f64 {
    let ways = object["ways"].as_array().expect("ways");
    let way = ways.iter().find(|way| way["way"] == name);
    way.and_then(|way| way[figure].as_f64())
        .unwrap_or_else(|| panic!("{name}, {figure}: {object}"))
}

#[test]
fn eight_machines_serve_more_than_one_whoever_waits_and_only_asking_burns_a_core() {
    for cooks in ["1", "2"] {
        let object = coffee(cooks);
        assert_eq!(object["in_flight_max"], 8, "{object}");
        assert!(object["at_once_max"].as_u64() <= cooks.parse().ok());
        let blocked = way(&object, "blocked", "orders");
        // A shift has time for six cups from one machine, and at least one cup is begun.
        assert!((1.0..=6.0).contains(&blocked), "{object}");
        for name in ["busy loop", "notified", "hired"] {
            let orders = way(&object, name, "orders");
            assert!((8.0..=48.0).contains(&orders), "{name}: {object}");
        }
        assert_eq!(way(&object, "hired", "threads"), 8.0);
        assert_eq!(way(&object, "notified", "threads").to_string(), cooks);
        if cfg!(target_os = "linux") {
            let (asking, told) = ("busy loop", "notified");
            assert!(
                way(&object, asking, "cpu_s") > 3.0 * way(&object, told, "cpu_s"),
                "{object}"
            );
        }
    }
}

#[test]
fn a_shift_without_machines_or_without_end_is_refused() {
    for wrong in [["--machines", "0"], ["--brew", "0"], ["--shift", "1e99"]] {
        let run = run(&["coffee", wrong[0], wrong[1]]);
        assert!(run.refused().contains(wrong[0]), "{run:?}");
    }
}
