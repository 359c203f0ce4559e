//! The sentence that follows from the figures, whatever they are.

use super::{figures::Outcome, load::Visit, place::Place};
use crate::units;

/// A place must be at least this many times as fast as another to be called better.
const BETTER: f64 = 2.0;

impl Outcome {
    /// Returns the sentence that follows from the figures.
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
        verdict += &match ratio >= BETTER {
            true => format!(": {} x less.", units::factor(ratio)),
            false => ", which is hardly less.".to_owned(),
        };
        if let Some(task) = self.of(Place::Task) {
            verdict += &self.of_tasks(handler, task);
        }
        let errors = units::counted(self.errors() as usize, "request");
        match self.errors() {
            0 => verdict,
            _ => format!("{verdict} But {errors} failed."),
        }
    }

    fn of_tasks(&self, handler: &Visit, task: &Visit) -> String {
        let time = units::duration(task.p99);
        let gain = handler.p99.as_secs_f64() / task.p99.as_secs_f64().max(1e-6);
        let cooks = units::counted(self.figures.cooks, "cook");
        match gain >= BETTER {
            true => format!(" In separate tasks it was {time}, with {cooks}."),
            false => format!(
                " A separate task made it {time}, not much better: {cooks} had to poll that task too."
            ),
        }
    }

    /// Returns the sentence if there is nothing to compare.
    fn of_one(&self) -> String {
        if self.showings.is_empty() {
            return "Ctrl-C came before the first visit was over.".to_owned();
        }
        let said = self.showings.iter().map(|showing| {
            let (name, time) = (showing.where_to(), units::duration(showing.visit.p99));
            let mixed = match showing.places() {
                [_] => "",
                _ => " The figures cover both ways together and judge neither.",
            };
            format!(
                "With the resizing in the {name}, 99 requests in 100 took {time} at most.{mixed}"
            )
        });
        said.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::figures::tests::outcome, *};

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
            usual.contains("made it 480 ms, not much better: 2 cooks"),
            "{usual}"
        );
        let strange = said(5, 2, 500);
        assert!(strange.contains("hardly less."), "{strange}");
        assert!(
            strange.contains("In separate tasks it was 2.0 ms"),
            "{strange}"
        );
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
}
