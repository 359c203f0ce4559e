//! Tests of `brigade follow`: the events (hops) of one fetch, in order.

mod common;

use common::run;

#[test]
fn the_way_leads_through_the_system_and_back() {
    for cooks in ["1", "2"] {
        let run = run(&["follow", "--delay", "30", "--json", "-q", "--cooks", cooks]);
        assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
        let object = run.json();
        let hops = object["hops"].as_array().expect("hops");
        let times: Vec<f64> = hops
            .iter()
            .map(|hop| hop["at_s"].as_f64().unwrap())
            .collect();
        assert!(times.is_sorted(), "{object}");
        // Each of these functions must appear, in this order; others may come in between.
        let mut functions = hops.iter().map(|hop| hop["function"].as_str().unwrap());
        for function in [
            "Reserved::spawn",
            "Scheduler::bind",
            "Runnable::run",
            "connect::connect_one",
            "Socket::write_all",
            "Readiness::poll_ready",
            "Snapshot::pend",
            "EventLoop::turn",
            "Source::receive",
            "RawTask::wake_by_ref",
            "Scheduler::schedule",
            "Runnable::run",
            "Socket::read",
            "RawTask::complete",
            "RawTask::take_output",
        ] {
            assert!(
                functions.any(|there| there == function),
                "{function}: {object}"
            );
        }
        // The answer is delayed, so there is a second poll.
        assert!(object["polls"].as_u64() >= Some(2), "{object}");
        assert_eq!(object["in_flight_max"], 1, "{object}");
        let seconds = |key: &str| object[key].as_f64().unwrap();
        assert!(seconds("waited_s") > seconds("running_s"), "{object}");
    }
}
