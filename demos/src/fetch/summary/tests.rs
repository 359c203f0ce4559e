//! Tests of the sentences, the rows and the endings that follow from a record.

use super::*;
use crate::fetch::failure::{Failure, Kind};

pub(in super::super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Returns the record of a run that took `wall`, with `answered` requests of 500 ms each.
pub(in super::super) fn record(answered: usize, wall: Duration) -> Record {
    let mut tally = Tally::default();
    for _ in 0..answered {
        tally.add(&Outcome {
            status: Some(200),
            time: ms(500),
            ..Outcome::default()
        });
    }
    let figures = Figures {
        cooks: 1,
        wall,
        cpu: None,
        in_flight_max: answered,
        at_once_max: 1,
        busy: vec![ms(10)],
    };
    let before = Status {
        memory: Some(10 << 20),
        ..Status::default()
    };
    let mut record = Record {
        figures,
        tally,
        open_max: answered,
        opened: answered,
        threads: Some(1),
        after: Status {
            memory_peak: Some(20 << 20),
            ..Status::default()
        },
        plan: Plan::to_origin(1).unwrap(),
        outcomes: Vec::new(),
        before,
    };
    plan_of(&mut record).count = answered;
    record
}

/// Returns the plan of a record, to change it. In a test, nothing else owns the plan.
pub(in super::super) fn plan_of(record: &mut Record) -> &mut Plan {
    Arc::get_mut(&mut record.plan).unwrap()
}

pub(in super::super) fn failing(index: usize, kind: Kind) -> Outcome {
    Outcome {
        index,
        error: Some(Failure::new(kind, "it did\nnot")),
        ..Outcome::default()
    }
}

#[test]
fn the_sentence_follows_from_the_figures() {
    let together = record(2000, ms(550)).verdict();
    assert!(
        together.contains("One thread waited for up to 2,000 replies together"),
        "{together}"
    );
    assert!(
        together.contains("without parallelism") && together.contains("1.10 x"),
        "{together}"
    );

    let mut parallel = record(2000, ms(550));
    parallel.figures.cooks = 2;
    parallel.figures.at_once_max = 2;
    assert!(parallel.verdict().starts_with("2 threads"));
    assert!(parallel.verdict().contains("concurrency and parallelism"));

    let one_by_one = record(10, ms(5000)).verdict();
    assert!(one_by_one.contains("hardly overlapped"), "{one_by_one}");
    assert!(
        record(1, ms(500))
            .verdict()
            .contains("nothing else to wait for meanwhile")
    );
    assert_eq!(record(0, ms(500)).verdict(), "No request was made.");
}

#[test]
fn a_run_in_which_much_failed_is_not_praised_and_says_what_is_likely() {
    let with = |kind: Kind, failed: usize, answered: usize| {
        let mut record = record(answered, ms(550));
        record.figures.in_flight_max = 300;
        plan_of(&mut record).count = answered + failed;
        for index in 0..failed {
            record.tally.add(&failing(index, kind));
        }
        record.verdict()
    };
    let crowded = with(Kind::Timeout, 178, 122);
    assert!(
        crowded.starts_with("178 of 300 requests failed. Most likely the server did not accept")
    );
    assert!(crowded.contains("--per-host"), "{crowded}");
    let absent = with(Kind::Refused, 5, 0);
    assert!(
        absent.contains("Nothing accepts connections there"),
        "{absent}"
    );
    let broken = with(Kind::Protocol, 100, 100);
    assert_eq!(broken, "100 of 200 requests failed.");
    for verdict in [&crowded, &absent, &broken] {
        assert!(!verdict.contains("replies together"), "{verdict}");
    }
    let few = with(Kind::Reset, 1, 299);
    assert!(
        few.starts_with("1 of 300 requests failed.") && few.contains("replies together"),
        "{few}"
    );
}

#[test]
fn one_request_beside_files_that_existed_is_a_request() {
    let mut record = record(1, ms(500));
    plan_of(&mut record).count = 3;
    for index in 1..3 {
        record.tally.add(&Outcome {
            index,
            file: Some("a.html".into()),
            ..Outcome::default()
        });
    }
    let said = record.verdict();
    assert!(said.starts_with("One request, 500 ms"), "{said}");
}

#[test]
fn ctrl_c_is_told_with_what_was_asked_for() {
    let mut record = record(1, ms(500));
    plan_of(&mut record).count = 2;
    assert_eq!(
        record.verdict(),
        "Ctrl-C ended the run when 1 of 2 requests were done."
    );
}

#[test]
fn failures_and_ctrl_c_decide_the_ending() {
    assert_eq!(record(3, ms(500)).ending(), Ending::Whole);
    let mut record = record(3, ms(500));
    plan_of(&mut record).count = 4;
    record.tally.add(&failing(3, Kind::Dns));
    assert_eq!(record.ending(), Ending::Failed);
    plan_of(&mut record).count = 5;
    assert_eq!(record.ending(), Ending::Interrupted);
    let row = record.requests_row();
    assert_eq!(
        row.1,
        "3 done, 1 failed (dns 1), 1 broken off by Ctrl-C, 0 B"
    );
}

#[test]
fn memory_is_given_for_many_connections_only_and_where_the_system_says() {
    let mut record = record(2000, ms(550));
    assert_eq!(record.memory_a_connection(), Some((10 << 20) / 2000));
    record.open_max = 5;
    assert_eq!(record.memory_a_connection(), None);
    record.after = Status::default();
    assert!(record.memory_row().2.contains("not reported"));
}
