//! The results of the visits: the figures and the table. (The sentence is in `verdict`.)

use super::{load::Visit, place::Place};

use crate::prelude::*;

/// One visit: the results of the visitors, and the counts of the server.
#[derive(Clone, Debug)]
pub(crate) struct Showing {
    /// The place that was chosen at the start.
    pub(crate) place: Place,
    /// The places where photographs were resized: several if the user switched.
    pub(crate) used: Vec<Place>,
    pub(crate) visit: Visit,
    /// The number of thumbnails made.
    pub(crate) finished: u64,
    /// The largest number of photographs being resized at the same time.
    pub(crate) resizing_max: usize,
    /// The largest number of connections open at the same time, and of connections being refused at the
    /// same time.
    pub(crate) connections_max: usize,
    pub(crate) refused_max: usize,
    /// The sum of the lifetimes of all connections.
    pub(crate) lived: Duration,
    pub(crate) wall: Duration,
}

impl Showing {
    /// Returns the places to which the figures of this visit belong.
    pub(crate) fn places(&self) -> &[Place] {
        match &self.used[..] {
            [] => std::slice::from_ref(&self.place),
            used => used,
        }
    }

    /// Returns where photographs were resized: `pool`, or `pool, then handler`.
    pub(crate) fn where_to(&self) -> String {
        let names: Vec<_> = self.places().iter().map(|place| place.name()).collect();
        names.join(", then ")
    }

    /// Returns the key of this visit in the JSON object.
    fn key(&self) -> &'static str {
        match self.places() {
            [place] => place.name(),
            _ => "mixed",
        }
    }

    fn facts(&self) -> Facts {
        let visit = &self.visit;
        Facts(vec![
            text("", "resized in the", self.where_to()),
            time("p50_s", "p50", visit.p50),
            time("p99_s", "p99", visit.p99),
            time("worst_s", "worst", visit.worst),
            count("requests", "requests", visit.requests as usize),
            count("images", "thumbnails", visit.images as usize),
            count("errors", "errors", visit.errors as usize),
            count("finished", "", self.finished as usize),
            count("resizing_max", "", self.resizing_max),
            count("connections_held", "", visit.held_max as usize),
            count("connections_max", "", self.connections_max),
            count("refused_max", "", self.refused_max),
            time("wall_s", "", self.wall),
        ])
    }
}

/// The results of all visits of one run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) showings: Vec<Showing>,
    pub(crate) figures: Figures,
    /// The number of connections that each visit was to have.
    pub(crate) connections: usize,
    pub(crate) images: u64,
    /// True for a visit without an end, which only Ctrl-C ends.
    pub(crate) served: bool,
    pub(crate) interrupted: bool,
}

impl Outcome {
    pub(crate) fn of(&self, place: Place) -> Option<&Visit> {
        let mut showings = self.showings.iter();
        let showing = showings.find(|showing| showing.places() == [place]);
        showing.map(|showing| &showing.visit)
    }

    /// Returns the ratio of two p99 latencies: with the resizing in the handler, and with the resizing on
    /// the pool.
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

    /// Returns whether every visit ran to its end and every thumbnail was right.
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
        report.charts = vec![columns::block(self.showings.iter().map(Showing::facts))];
        report.rows = report::common_rows(&self.figures);
        let most = |figure: fn(&Showing) -> usize| {
            units::count(self.showings.iter().map(figure).max().unwrap_or(0))
        };
        report.rows.push(row(
            "connections",
            most(|showing| showing.connections_max),
            "open at one instant, at most; visitors are another process",
        ));
        report.rows.push(row(
            "resizing",
            most(|showing| showing.resizing_max),
            "photographs being resized at one instant, at most",
        ));
        let visits = self.showings.iter().map(|showing| &showing.visit);
        report.details = visits.filter_map(|visit| visit.error.clone()).collect();
        report.verdict = self.verdict();
        report.own_keys(self.keys());
        report.ending = match (self.interrupted, self.is_whole()) {
            (true, _) => Ending::Interrupted,
            (false, true) => Ending::Whole,
            (false, false) => Ending::Failed,
        };
        report
    }

    fn title(&self) -> String {
        let connections = counted(self.connections, "connection");
        let cooks = counted(self.figures.cooks, "cook");
        if self.served {
            let wall = duration(self.figures.wall);
            return format!("gallery: served {connections} for {wall}, {cooks}");
        }
        let images = counted(self.images as usize, "photograph");
        format!("gallery: {connections} held while {images} are resized, {cooks}")
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
            let mut object = showing.facts().json();
            let used = showing.used.iter().map(|place| place.name());
            object.insert("places".to_owned(), used.collect());
            keys[showing.key()] = object.into();
        }
        keys
    }
}

#[cfg(test)]
pub(crate) mod tests;
