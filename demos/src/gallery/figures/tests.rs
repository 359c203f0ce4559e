//! Tests of the conclusions from complete visits and from incomplete visits.

use super::{super::args::tests::args, *};

/// Returns the server's figures of a visit.
fn server(connections_max: usize) -> Facts {
    Facts(vec![
        count("connections_max", "", connections_max),
        count("resizing_max", "", 1),
    ])
}

fn outcome(p99s: &[(Place, u64)]) -> Outcome {
    let showing = |&(place, millis): &(Place, u64)| Showing {
        place,
        used: vec![place],
        visit: Visit {
            requests: 100,
            images: 8,
            p99: Duration::from_millis(millis),
            ..Visit::default()
        },
        server: server(10),
        lived: Duration::ZERO,
    };
    Outcome {
        showings: p99s.iter().map(showing).collect(),
        figures: Figures {
            cooks: 2,
            wall: Duration::from_secs(1),
            cpu: None,
            in_flight_max: 10,
            at_once_max: 2,
            busy: Vec::new(),
        },
        args: Args {
            connections: 10,
            images: 8,
            ..args()
        },
        interrupted: false,
    }
}

#[test]
fn a_visit_that_is_not_whole_is_a_failure() {
    let whole = outcome(&[(Place::Handler, 9), (Place::Pool, 1)]);
    assert_eq!(whole.report().ending, Ending::Whole);
    assert_eq!(whole.p99_ratio(), Some(9.0));
    let spoil = |spoil: fn(&mut Showing)| {
        let mut spoilt = whole.clone();
        spoil(&mut spoilt.showings[1]);
        spoilt
    };
    let failed = spoil(|showing| showing.visit.errors = 1);
    assert!(
        failed.verdict().ends_with("But 1 request failed."),
        "{}",
        failed.verdict()
    );
    for spoilt in [
        failed,
        spoil(|showing| showing.visit.images = 7),
        spoil(|showing| showing.server = server(9)),
        spoil(|showing| showing.visit.requests = 0),
    ] {
        assert_eq!(spoilt.report().ending, Ending::Failed);
    }
}

#[test]
fn the_object_has_a_part_for_each_place() {
    let object = outcome(&[(Place::Handler, 9), (Place::Pool, 1)])
        .report()
        .json();
    assert_eq!(object["handler"]["p99_s"], 0.009);
    assert_eq!(object["pool"]["images"], 8);
    assert_eq!(
        (&object["requests"], &object["errors"]),
        (&200.into(), &0.into())
    );
    assert!(object.get("task").is_none());
    assert!(outcome(&[]).report().json()["p99_ratio"].is_null());
}

#[test]
fn the_sentence_follows_from_the_figures() {
    let said = |handler, task, pool| {
        let p99s = [
            (Place::Handler, handler),
            (Place::Task, task),
            (Place::Pool, pool),
        ];
        outcome(&p99s).verdict()
    };
    let usual = said(500, 480, 5);
    assert!(
        usual.contains("waited 500 ms") && usual.contains(": 100 x less."),
        "{usual}"
    );
    assert!(
        usual.contains("tasks it was 480 ms: about equal to the handlers, because 2 cooks"),
        "{usual}"
    );
    let strange = said(5, 2, 500);
    assert!(
        strange.contains("500 ms or more: worse, 100 x as long."),
        "{strange}"
    );
    assert!(
        strange.contains("tasks it was 2.0 ms: 2.50 x less than in the handlers, with 2 cooks."),
        "{strange}"
    );
    let worse = said(500, 650, 5);
    assert!(
        worse.contains("650 ms: worse, 1.30 x as long as in the handlers, because 2 cooks"),
        "{worse}"
    );
    let compared = outcome(&[(Place::Handler, 500), (Place::Pool, 5)]).compared();
    assert_eq!(
        compared.unwrap().1,
        "With 2 cooks, one request in a hundred waited at least 500 ms (resizing in the handlers), 5.0 ms \
         (resizing on the pool)."
    );
    assert!(outcome(&[]).compared().is_none());
    let better = said(430, 296, 5);
    assert!(better.contains("1.45 x less"), "{better}");
}

#[test]
fn a_visit_in_which_somebody_switched_is_not_put_down_to_one_place() {
    let mut outcome = outcome(&[(Place::Pool, 300)]);
    outcome.showings[0].used = vec![Place::Pool, Place::Handler];
    assert!(outcome.of(Place::Pool).is_none() && outcome.of(Place::Handler).is_none());
    let verdict = outcome.verdict();
    assert!(verdict.contains("in the pool, then handler"), "{verdict}");
    assert!(verdict.contains("judge neither"), "{verdict}");
    assert!(outcome.report().json()["mixed"].is_object());
    outcome.showings[0].used = vec![Place::Handler];
    assert!(
        outcome.of(Place::Handler).is_some(),
        "switched before the first photograph"
    );
}
