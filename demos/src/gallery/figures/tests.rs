//! Tests of the conclusions from complete visits and from incomplete visits.

use super::*;

pub(crate) fn outcome(p99s: &[(Place, u64)]) -> Outcome {
    let showing = |&(place, millis): &(Place, u64)| Showing {
        place,
        used: vec![place],
        visit: Visit {
            requests: 100,
            images: 8,
            p99: Duration::from_millis(millis),
            ..Visit::default()
        },
        finished: 8,
        resizing_max: 1,
        connections_max: 10,
        refused_max: 0,
        lived: Duration::ZERO,
        wall: Duration::from_secs(1),
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
        connections: 10,
        images: 8,
        served: false,
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
        spoil(|showing| showing.connections_max = 9),
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
