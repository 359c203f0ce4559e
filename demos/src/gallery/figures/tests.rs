//! Tests of the conclusions from complete visits and from incomplete visits.

use super::{super::args::tests::args, *};

/// Returns what the server reports after a visit with this many connections.
fn server(connections_max: usize) -> Facts {
    Facts(vec![
        count("connections_max", "", connections_max),
        count("resizing_max", "", 1),
        time("wall_s", "", Duration::from_secs(1)),
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
    assert_eq!(
        usual,
        "With 2 cooks, p99 was 100 x as long with the resizing in the handlers as on the pool; in separate \
         tasks, which cooks run too, it was about as long as in the handlers."
    );
    let strange = said(5, 2, 500);
    assert!(strange.contains("p99 was 0.01 x as long"), "{strange}");
    let end = "it was 0.40 x as long as in the handlers.";
    assert!(strange.ends_with(end), "{strange}");
    assert!(outcome(&[]).compared().is_none());
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
