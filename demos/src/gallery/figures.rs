//! The results of the visits: the figures, the table, and the sentence that follows from the figures.

use super::{args::Args, load::Visit, place::Place};

use crate::prelude::*;

/// One visit: the results of the visitors, and the counts of the server.
#[derive(Clone, Debug)]
pub(crate) struct Showing {
    /// The place that was chosen at the start.
    pub(crate) place: Place,
    /// The places where photographs were resized: several if the user switched.
    pub(crate) used: Vec<Place>,
    pub(crate) visit: Visit,
    pub(crate) server: Facts,
    /// The sum of the lifetimes of all connections.
    pub(crate) lived: Duration,
}

impl Showing {
    /// Returns the places to which the figures of this visit belong.
    pub(crate) fn places(&self) -> &[Place] {
        match &self.used[..] {
            [] => std::slice::from_ref(&self.place),
            used => used,
        }
    }

    /// Returns where photographs were resized, such as `pool` or `pool, then handler`.
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
        let facts = Facts(vec![
            text("", "resized in the", self.where_to()),
            time("p50_s", "p50", visit.p50),
            time("p99_s", "p99", visit.p99),
            time("worst_s", "worst", visit.worst),
            count("requests", "requests", visit.requests as usize),
            count("images", "thumbnails", visit.images as usize),
            count("errors", "errors", visit.errors as usize),
            count("connections_held", "", visit.held_max as usize),
        ]);
        facts.with(self.server.0.clone())
    }
}

/// The results of all visits of one run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) showings: Vec<Showing>,
    pub(crate) figures: Figures,
    pub(crate) args: Args,
    pub(crate) interrupted: bool,
}

impl Outcome {
    fn of(&self, place: Place) -> Option<&Visit> {
        let mut showings = self.showings.iter();
        let showing = showings.find(|showing| showing.places() == [place]);
        showing.map(|showing| &showing.visit)
    }

    /// Returns the p99 latency with the resizing in the handler, divided by the p99 latency with the
    /// resizing on the pool.
    fn p99_ratio(&self) -> Option<f64> {
        let (handler, pool) = (self.of(Place::Handler)?, self.of(Place::Pool)?);
        Some(handler.p99.as_secs_f64() / pool.p99.as_secs_f64().max(1e-6))
    }

    fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.showings.iter().map(|showing| &showing.visit)
    }

    fn errors(&self) -> u64 {
        self.visits().map(|visit| visit.errors).sum()
    }

    /// Returns whether every visit ran to its end and every thumbnail was right.
    fn is_whole(&self) -> bool {
        let whole = |showing: &Showing| {
            showing.visit.images == self.args.images
                && showing.visit.requests > 0
                && showing.server.count("connections_max") >= self.args.connections
        };
        self.errors() == 0 && (self.args.serve || self.showings.iter().all(whole))
    }

    pub(crate) fn report(&self) -> Report {
        let mut report = Report::new("gallery", self.title(), self.figures.clone());
        let lived = self.showings.iter().map(|showing| showing.lived).sum();
        report.waiting_share = self.figures.waiting_share(lived);
        report.charts = vec![columns::block(self.showings.iter().map(Showing::facts))];
        report.rows = report::common_rows(&self.figures);
        let most = |key| {
            let counts = self.showings.iter().map(|showing| &showing.server);
            units::count(counts.map(|counts| counts.count(key)).max().unwrap_or(0))
        };
        let connections = "open at one instant, at most (visitors: another process)";
        let resizing = "photographs being resized at one instant, at most";
        report.rows.extend([
            row("connections", most("connections_max"), connections),
            row("resizing", most("resizing_max"), resizing),
        ]);
        report.details = self.visits().filter_map(|it| it.error.clone()).collect();
        report.verdict = self.verdict();
        report.compared_by = self.compared();
        report.own_keys(self.keys());
        report.ending = match (self.interrupted, self.is_whole()) {
            (true, _) => Ending::Interrupted,
            (false, true) => Ending::Whole,
            (false, false) => Ending::Failed,
        };
        report
    }

    fn title(&self) -> String {
        let connections = counted(self.args.connections, "connection");
        let cooks = counted(self.figures.cooks, "cook");
        if self.args.serve {
            let wall = duration(self.figures.wall);
            return format!("gallery: served {connections} for {wall}, {cooks}");
        }
        let images = counted(self.args.images as usize, "photograph");
        format!("gallery: {connections} held while {images} are resized, {cooks}")
    }

    fn keys(&self) -> Value {
        let mut keys = json!({
            "connections": self.args.connections,
            "requests": self.visits().map(|visit| visit.requests).sum::<u64>(),
            "errors": self.errors(),
            "images": self.visits().map(|visit| visit.images).sum::<u64>(),
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

    /// Returns the figures and the sentence by which runs with different numbers of cooks are compared. The
    /// length of a visit is fixed, so its wall time shows nothing.
    fn compared(&self) -> Option<(Facts, String)> {
        let names = [
            (Place::Handler, "p99 handler", "in the handlers"),
            (Place::Task, "p99 task", "in separate tasks"),
            (Place::Pool, "p99 pool", "on the pool"),
        ];
        let visits = names.into_iter();
        let visits = visits.filter_map(|(place, name, place_in_words)| {
            let p99 = self.of(place)?.p99;
            Some((
                time("", name, p99),
                format!("{} (resizing {place_in_words})", duration(p99)),
            ))
        });
        let (facts, said): (Vec<_>, Vec<_>) = visits.unzip();
        // If the place was switched during each visit, no figure belongs to a single place.
        if said.is_empty() {
            return None;
        }
        let said = format!(
            "With {}, one request in a hundred waited at least {}.",
            counted(self.figures.cooks, "cook"),
            said.join(", "),
        );
        Some((Facts(facts), said))
    }

    /// Returns the sentence that follows from the figures.
    fn verdict(&self) -> String {
        let (Some(handler), Some(pool)) = (self.of(Place::Handler), self.of(Place::Pool)) else {
            return self.of_one();
        };
        let (slow, fast) = (duration(handler.p99), duration(pool.p99));
        let ratio = self.p99_ratio().unwrap_or(1.0);
        let mut verdict = format!(
            "While photographs were resized in the handlers, one request in a hundred waited {slow} \
             or more for a few bytes; while threads of the pool resized them, it waited {fast} or more",
        );
        verdict += &format!(": {}.", judged(ratio));
        if let Some(task) = self.of(Place::Task) {
            verdict += &self.of_tasks(handler, task);
        }
        let errors = counted(self.errors() as usize, "request");
        match self.errors() {
            0 => verdict,
            _ => format!("{verdict} But {errors} failed."),
        }
    }

    fn of_tasks(&self, handler: &Visit, task: &Visit) -> String {
        let p99 = duration(task.p99);
        let gain = handler.p99.as_secs_f64() / task.p99.as_secs_f64().max(1e-6);
        let cooks = counted(self.figures.cooks, "cook");
        let said = format!(" In separate tasks it was {p99}: {}", judged(gain));
        match Change::of(gain) {
            Change::Faster => format!("{said} than in the handlers, with {cooks}."),
            Change::Same => {
                format!("{said} to the handlers, because {cooks} had to poll these tasks too.")
            }
            Change::Slower => {
                format!("{said} as in the handlers, because {cooks} had to poll these tasks too.")
            }
        }
    }

    /// Returns the sentence for a run that cannot compare the handler with the pool.
    fn of_one(&self) -> String {
        if self.showings.is_empty() {
            return "Ctrl-C came before the first visit was over.".to_owned();
        }
        let said = self.showings.iter().map(|showing| {
            let (name, time) = (showing.where_to(), duration(showing.visit.p99));
            let mixed = match showing.places() {
                [_] => "",
                _ => " The figures cover these places together and judge neither of them.",
            };
            format!(
                "With the resizing in the {name}, 99 requests in 100 took {time} at most.{mixed}"
            )
        });
        said.collect::<Vec<_>>().join(" ")
    }
}

/// Describes how a latency compares with a reference latency. `gain` is the reference divided by the
/// latency.
fn judged(gain: f64) -> String {
    match Change::of(gain) {
        Change::Faster => format!("{} x less", factor(gain)),
        Change::Same => "about equal".to_owned(),
        Change::Slower => format!("worse, {} x as long", factor(gain.recip())),
    }
}

#[cfg(test)]
mod tests;
