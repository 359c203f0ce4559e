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
            self.server["wall_s"].called("", "wall time"),
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

    /// Returns whether every visit was complete, without an error.
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
        report.crowding = self.crowding();
        report.intro = report::wrapped(&self.setting());
        report.charts = vec![columns::block(self.showings.iter().map(Showing::facts))];
        if self.showings.len() > 1 {
            report.rows_of = "all visits together".to_owned();
        }
        report.rows = report::common_rows(&self.figures);
        let resizing = self.showings.iter().map(|showing| &showing.server);
        let resizing = resizing.map(|counts| counts.count("resizing_max"));
        report.rows.push(row(
            "resizing",
            units::count(resizing.max().unwrap_or(0)),
            "the most photographs being resized at one instant; threads of the pool are not cooks",
        ));
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

    fn setting(&self) -> String {
        let seconds = counted(self.args.seconds as usize, "second");
        let said = "Each visitor holds a connection, which is a task of the server, and asks for a few \
                    bytes again and again. p50, p99 and worst show how late the bytes came, counted from the \
                    moment at which the request was due.";
        match self.args.serve || self.interrupted {
            true => said.to_owned(),
            false => format!(
                "{said} A visit sends requests for {seconds}, and ends when all of them and all thumbnails \
                 are done."
            ),
        }
    }

    /// Returns a sentence if the cooks lacked cores. The share in it is a maximum, because the CPU time also
    /// includes other threads.
    fn crowding(&self) -> Option<String> {
        let in_tasks: Duration = self.figures.busy.iter().sum();
        let share = self.figures.cpu?.as_secs_f64() / in_tasks.as_secs_f64();
        let share = (share < measure::CROWDED).then(|| percent(share))?;
        Some(format!(
            "While the cooks ran tasks, they had a core for at most {share} of the time: other programs or \
             threads had the rest."
        ))
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

    /// Returns the figures and the sentence that compare runs with different numbers of cooks. The length of
    /// a visit is fixed, so its wall time shows little.
    fn compared(&self) -> Option<(Facts, String)> {
        let names = [
            (Place::Handler, "p99 handler"),
            (Place::Task, "p99 task"),
            (Place::Pool, "p99 pool"),
        ];
        let facts = names.into_iter();
        let facts = facts.filter_map(|(place, name)| Some(time("", name, self.of(place)?.p99)));
        let facts: Vec<_> = facts.collect();
        // If the place was switched during each visit, no figure belongs to a single place.
        if facts.is_empty() {
            return None;
        }
        Some((Facts(facts), self.verdict()))
    }

    /// Returns the sentence that follows from the figures.
    fn verdict(&self) -> String {
        let (Some(handler), Some(pool)) = (self.of(Place::Handler), self.of(Place::Pool)) else {
            return self.of_one();
        };
        let mut verdict = format!(
            "With {}, p99 was {} with the resizing in the handlers as on the pool",
            counted(self.figures.cooks, "cook"),
            as_long(handler.p99, pool.p99),
        );
        if let Some(task) = self.of(Place::Task) {
            verdict += &format!(
                "; in separate tasks, which cooks run too, it was {} as in the handlers",
                as_long(task.p99, handler.p99),
            );
        }
        verdict.push('.');
        let errors = counted(self.errors() as usize, "request");
        match self.errors() {
            0 => verdict,
            _ => format!("{verdict} But {errors} failed."),
        }
    }

    /// Returns the sentence for a run that cannot compare the handler with the pool.
    fn of_one(&self) -> String {
        if self.showings.is_empty() {
            return "Ctrl-C came before the first visit was over.".to_owned();
        }
        let cooks = counted(self.figures.cooks, "cook");
        let said = self.showings.iter().map(|showing| {
            let (name, time) = (showing.where_to(), duration(showing.visit.p99));
            let mixed = match showing.places() {
                [_] => "",
                _ => " The figures cover these places together and judge neither of them.",
            };
            format!(
                "With {cooks} and the resizing in the {name}, 99 requests in 100 took {time} at most.{mixed}"
            )
        });
        said.collect::<Vec<_>>().join(" ")
    }
}

/// Describes how a latency compares with another one.
fn as_long(latency: Duration, other: Duration) -> String {
    let ratio = latency.as_secs_f64() / other.as_secs_f64().max(1e-6);
    match Change::of(ratio) {
        Change::Same => "about as long".to_owned(),
        Change::Faster | Change::Slower => format!("{} x as long", factor(ratio)),
    }
}

#[cfg(test)]
mod tests;
