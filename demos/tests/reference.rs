//! Tests of `brigade reference` at a small size.

mod common;

use common::run;

#[test]
fn three_frames_agree_on_what_they_can_all_see() {
    for cooks in ["1", "2"] {
        let run = run(&[
            "reference",
            "--millions",
            "5",
            "--json",
            "-q",
            "--cooks",
            cooks,
        ]);
        assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
        let object = run.json();
        assert_eq!(object["sums_are_right"], true, "{object}");
        assert_eq!(object["in_flight_max"], 3, "{object}");
        assert!(
            object["at_once_max"].as_u64() <= cooks.parse().ok(),
            "{object}"
        );
        assert_eq!(
            object["lines"].as_array().map(Vec::len),
            Some(4),
            "{object}"
        );
        // There is the first poll, one after the timer, one after each of four yields, and at least one
        // after waiting for the socket.
        assert!(object["polls"].as_u64() >= Some(7), "{object}");
        assert!(object["others_polls"].as_u64() >= Some(1), "{object}");
        if cfg!(target_os = "linux") {
            let seconds = |key: &str| {
                object[key]
                    .as_f64()
                    .unwrap_or_else(|| panic!("{key}: {object}"))
            };
            assert!(seconds("server_cpu_s") > 0.0, "{object}");
            // The clocks of these figures agree to within one percent.
            assert!(
                seconds("on_core_s") <= 1.01 * seconds("in_polls_s"),
                "{object}"
            );
            assert!(
                seconds("in_polls_s") <= 1.01 * seconds("running_s"),
                "{object}"
            );
        }
    }
}
