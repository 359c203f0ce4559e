//! Tests of `brigade frames` at a small size.

mod common;

use common::run;
use serde_json::Value;

fn frames(cooks: &str) -> Value {
    let run = run(&["frames", "--frames", "30", "--json", "-q", "--cooks", cooks]);
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    let object = run.json();
    for show in ["yielding", "hogging"] {
        let show = &object[show];
        let [on_time, missed] = ["on_time", "missed"].map(|key| show[key].as_u64().unwrap());
        assert_eq!(on_time + missed, 30, "{object}");
        assert_eq!(show["sum_is_right"], true, "{object}");
        assert!(show["terms"].as_u64() > Some(0), "{object}");
    }
    assert_eq!(object["in_flight_max"], 2, "{object}");
    object
}

#[test]
fn on_one_thread_a_hog_takes_the_frames_and_a_polite_computation_does_not() {
    let object = frames("1");
    assert_eq!(object["at_once_max"], 1, "{object}");
    let missed = |show: &str| object[show]["missed"].as_u64().unwrap();
    // The hog keeps the thread for 100 ms at a time, which is six frames. So at most one frame in six is
    // drawn, on any machine.
    assert!(missed("hogging") >= 25, "{object}");
    // The computation that yields lets each frame be drawn in time. Other programs may still cause missed
    // frames, but far fewer than the hog does.
    assert!(missed("yielding") < missed("hogging"), "{object}");
}

#[test]
fn with_two_cooks_the_same_tasks_run_to_their_end() {
    let object = frames("2");
    assert!(object["at_once_max"].as_u64() <= Some(2), "{object}");
}

#[test]
fn a_show_of_no_frames_is_refused() {
    assert!(
        run(&["frames", "--frames", "0"])
            .refused()
            .contains("--frames")
    );
}
