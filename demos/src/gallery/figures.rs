//! What the visits showed: the figures, the table, and the sentence that follows.

use std::time::Duration;

use serde_json::{Value, json};

use super::{load::Visit, place::Place};
use crate::{
    columns::Columns,
    report::{self, Ending, Figures, Report, Row},
    units,
};

/// A way that is not at least twice as fast as another is no better worth speaking of.
const BETTER: f64 = 2.0;

/// One visit: what the visitors saw, and what the server counted.
#[derive(Clone, Debug)]
pub(crate) struct Showing {
    pub(crate) place: Place,
    pub(crate) visit: Visit,
    /// Thumbnails made.
    pub(crate) finished: u64,
    /// Photographs being resized at one time, at most.
    pub(crate) resizing_max: usize,
    /// Connections open at one time, at most; and turned away at one time, at most.
    pub(crate) connections_max: usize,
    pub(crate) refused_max: usize,
    /// The lifetimes of all connections, added up.
    pub(crate) lived: Duration,
    pub(crate) wall: Duration,
}

/// All visits of one run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) showings: Vec<Showing>,
    pub(crate) figures: Figures,
    /// What each visit was to have.
    pub(crate) connections: usize,
    pub(crate) images: u64,
    /// Whether this was a visit without an end, which Ctrl-C ends and no figure.
    pub(crate) served: bool,
    pub(crate) interrupted: bool,
}

impl Outcome {
    pub(crate) fn of(&self, place: Place) -> Option<&Visit> {
        let showing = self.showings.iter().find(|showing| showing.place == place);
        showing.map(|showing| &showing.visit)
    }

    /// How many times as long the slowest hundredth took with the resizing in the
    /// handler as with the resizing on the pool.
    pub(crate) fn p99_ratio(&self) -> Option<f64> {
        let (handler, pool) = (self.of(Place::Handler)?, self.of(Place::Pool)?);
        Some(handler.p99.as_secs_f64() / pool.p99.as_secs_f64().max(1e-6))
    }

    pub(crate) fn errors(&self) -> u64 {
        self.showings
            .iter()
            .map(|showing| showing.visit.errors)
            .sum()
    }

    /// Whether every visit was held through and every thumbnail right.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = |showing: &Showing| {
            showing.visit.images == self.images
                && showing.visit.requests > 0
                && showing.connections_max >= self.connections
        };
        self.errors() == 0 && (self.served || self.showings.iter().all(whole))
    }

    pub(crate) fn report(&self) -> Report {
        let mut report = Report::new("gallery", self.title(), self.figures.clone());
        let lived = self.showings.iter().map(|showing| showing.lived).sum();
        report.waiting_share = self.figures.waiting_share(lived);
        report.charts = vec![self.table()];
        report.rows = report::common_rows(&self.figures);
        let most = |figure: fn(&Showing) -> usize| {
            units::count(self.showings.iter().map(figure).max().unwrap_or(0))
        };
        report.rows.push(Row::new(
            "connections",
            most(|showing| showing.connections_max),
            "open at one instant, at most; the visitors live in a process of their own",
        ));
        report.rows.push(Row::new(
            "resizing",
            most(|showing| showing.resizing_max),
            "photographs being resized at one instant, at most",
        ));
        let visits = self.showings.iter().map(|showing| &showing.visit);
        report.details = visits.filter_map(|visit| visit.error.clone()).collect();
        report.verdict = self.verdict();
        report.own = match self.keys() {
            Value::Object(keys) => keys,
            _ => unreachable!("the keys are an object"),
        };
        report.ending = match (self.interrupted, self.is_whole()) {
            (true, _) => Ending::Interrupted,
            (false, true) => Ending::Whole,
            (false, false) => Ending::Failed,
        };
        report
    }

    fn title(&self) -> String {
        let connections = units::counted(self.connections, "connection");
        let cooks = units::counted(self.figures.cooks, "cook");
        if self.served {
            let wall = units::duration(self.figures.wall);
            return format!("gallery: served {connections} for {wall}, {cooks}");
        }
        let images = units::counted(self.images as usize, "photograph");
        format!("gallery: {connections} held while {images} are resized, {cooks}")
    }

    fn table(&self) -> String {
        let heading = [
            "resized in the",
            "p50",
            "p99",
            "worst",
            "requests",
            "thumbnails",
            "errors",
        ];
        let mut table = Columns::new(heading);
        for Showing { place, visit, .. } in &self.showings {
            table.row([
                place.name().to_owned(),
                units::duration(visit.p50),
                units::duration(visit.p99),
                units::duration(visit.worst),
                units::count(visit.requests as usize),
                units::count(visit.images as usize),
                units::count(visit.errors as usize),
            ]);
        }
        let lines = table.lines().into_iter().map(|line| format!("  {line}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What follows from the figures, whatever they are.
    pub(crate) fn verdict(&self) -> String {
        let (Some(handler), Some(pool)) = (self.of(Place::Handler), self.of(Place::Pool)) else {
            return self.of_one();
        };
        let (slow, fast) = (units::duration(handler.p99), units::duration(pool.p99));
        let ratio = self.p99_ratio().unwrap_or(1.0);
        let mut verdict = format!(
            "While photographs were resized in the handlers, one request in a hundred waited {slow} \
             or more for a few bytes; while threads of the pool resized as many, {fast}",
        );
        verdict += &if ratio >= BETTER {
            format!(": {} x less.", units::factor(ratio))
        } else {
            ", which is hardly less.".to_owned()
        };
        if let Some(task) = self.of(Place::Task) {
            verdict += &self.of_tasks(handler, task);
        }
        match self.errors() {
            0 => verdict,
            errors => format!(
                "{verdict} But {} failed.",
                units::counted(errors as usize, "request")
            ),
        }
    }

    fn of_tasks(&self, handler: &Visit, task: &Visit) -> String {
        let time = units::duration(task.p99);
        let gain = handler.p99.as_secs_f64() / task.p99.as_secs_f64().max(1e-6);
        let cooks = units::counted(self.figures.cooks, "cook");
        if gain >= BETTER {
            format!(" In tasks of their own it was {time}, with {cooks}.")
        } else {
            format!(" A task of its own did not help ({time}): {cooks} had to poll that too.")
        }
    }

    /// The sentence if there is nothing to compare.
    fn of_one(&self) -> String {
        match &self.showings[..] {
            [] => "Ctrl-C came before the first visit was over.".to_owned(),
            showings => {
                let said = showings.iter().map(|Showing { place, visit, .. }| {
                    let (name, time) = (place.name(), units::duration(visit.p99));
                    format!(
                        "With the resizing in the {name}, 99 requests in 100 took {time} at most."
                    )
                });
                said.collect::<Vec<_>>().join(" ")
            }
        }
    }

    fn keys(&self) -> Value {
        let mut keys = json!({
            "connections": self.connections,
            "requests": self.showings.iter().map(|showing| showing.visit.requests).sum::<u64>(),
            "errors": self.errors(),
            "images": self.showings.iter().map(|showing| showing.visit.images).sum::<u64>(),
            "p99_ratio": self.p99_ratio(),
            "interrupted": self.interrupted,
        });
        for showing in &self.showings {
            let visit = &showing.visit;
            keys[showing.place.name()] = json!({
                "p50_s": visit.p50.as_secs_f64(),
                "p99_s": visit.p99.as_secs_f64(),
                "worst_s": visit.worst.as_secs_f64(),
                "requests": visit.requests,
                "errors": visit.errors,
                "images": visit.images,
                "finished": showing.finished,
                "resizing_max": showing.resizing_max,
                "connections_held": visit.held_max,
                "connections_max": showing.connections_max,
                "refused_max": showing.refused_max,
                "wall_s": showing.wall.as_secs_f64(),
            });
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(p99s: &[(Place, u64)]) -> Outcome {
        let showing = |&(place, millis): &(Place, u64)| Showing {
            place,
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
        assert!(usual.contains("did not help (480 ms): 2 cooks"), "{usual}");
        let strange = said(5, 2, 500);
        assert!(strange.contains("hardly less."), "{strange}");
        assert!(
            strange.contains("In tasks of their own it was 2.0 ms"),
            "{strange}"
        );
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
}
