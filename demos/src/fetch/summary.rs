//! What `fetch` says when it is done: the JSON keys of its own, and the sentence
//! that follows from the figures. (The table for people is in `table`.)

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{client::Outcome, failure::Kind, jobs::Page, tally::Tally};
use crate::{
    figures::Figures,
    paint::{Paint, harmless},
    report::{Ending, Report},
    system::Status,
    units,
};
use serde_json::{Map, Value, json};

/// Fewer connections than this, and what the process needs anyway drowns what
/// they need.
const CONNECTIONS_TO_MEASURE: usize = 100;

/// One failure in so many requests is much: the closing sentence is then about the failures alone.
const MANY: usize = 20;

/// All that a run of `fetch` leaves behind.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) figures: Figures,
    pub(crate) tally: Tally,
    /// How many requests were asked for.
    pub(crate) asked: usize,
    pub(crate) interrupted: bool,
    /// The URLs that the user gave; none when the embedded origin was fetched from.
    pub(crate) pages: Vec<Arc<Page>>,
    /// One for each request that ended, if the user gave URLs; failures in any case.
    pub(crate) outcomes: Vec<Outcome>,
    /// The most connections that were open at one instant.
    pub(crate) open_max: usize,
    /// The connections that were opened in all.
    pub(crate) opened: usize,
    /// True if somebody reads the results one by one: the object for each takes a kilobyte.
    pub(crate) json: bool,
    /// True if the body went to standard output, where nothing else may go.
    pub(crate) prints_body: bool,
    /// The most threads that were seen.
    pub(crate) threads: Option<usize>,
    pub(crate) before: Status,
    pub(crate) after: Status,
}

impl Record {
    pub(crate) fn report(mut self, paint: Paint) -> Report {
        self.outcomes.sort_by_key(|outcome| outcome.index);
        if self.prints_body {
            for failure in self.outcomes.iter().filter_map(|it| it.error.as_ref()) {
                eprintln!("brigade: {}", harmless(&failure.to_string()));
            }
        }
        Report {
            waiting_share: self.figures.waiting_share(self.tally.task_time),
            verdict: self.verdict(),
            ending: self.ending(),
            own: self.own_keys(),
            rows: self.rows(paint),
            details: self.details(paint),
            printed: !self.prints_body,
            ..Report::new("fetch", self.title(), self.figures.clone())
        }
    }

    fn ending(&self) -> Ending {
        match (self.interrupted, self.tally.failed()) {
            (true, _) => Ending::Interrupted,
            (false, 0) => Ending::Whole,
            (false, _) => Ending::Failed,
        }
    }

    pub(super) fn not_done(&self) -> usize {
        self.asked - self.tally.done - self.tally.failed()
    }

    /// Memory beyond what the process had before the first request, by connection.
    pub(super) fn memory_a_connection(&self) -> Option<u64> {
        let grown = self.after.memory_peak?.saturating_sub(self.before.memory?);
        (self.open_max >= CONNECTIONS_TO_MEASURE).then(|| grown / self.open_max as u64)
    }

    /// The sentence that the figures support. A run in which much failed is not praised.
    fn verdict(&self) -> String {
        let begun = self.tally.done + self.tally.failed();
        let mut sentences = Vec::new();
        if self.interrupted {
            let asked = units::counted(self.asked, "request");
            let done = units::count(self.tally.done);
            sentences.push(format!(
                "Ctrl-C ended the run when {done} of {asked} were done."
            ));
        }
        if let Some(sentence) = self.failures() {
            sentences.push(sentence);
        }
        if self.tally.failed() * MANY <= begun && begun > 0 {
            sentences.extend(self.waiting());
        }
        if sentences.is_empty() {
            sentences.push("No request was made.".to_owned());
        }
        sentences.join(" ")
    }

    /// How much failed, and what is likely to have happened.
    fn failures(&self) -> Option<String> {
        let (failed, unaccepted) = (self.tally.failed(), self.tally.unaccepted);
        let begun = self.tally.done + failed;
        if failed == 0 {
            return None;
        }
        let mut text = if begun == 1 {
            "The request failed.".to_owned()
        } else {
            let all = units::counted(begun, "request");
            format!("{} of {all} failed.", units::count(failed))
        };
        let count = |kind| self.tally.failures.get(&kind).copied().unwrap_or(0);
        let quiet = count(Kind::Timeout) + count(Kind::Reset);
        let at_once = self.figures.in_flight_max;
        if count(Kind::Refused) == failed && self.tally.done == 0 {
            text.push_str(
                " Nothing accepts connections there: see whether the server is up, and the port right.",
            );
        } else if at_once > 1 && failed * MANY > begun && (unaccepted + quiet) * 2 > failed {
            text.push_str(&format!(
                " Most likely the server did not accept so many at once: up to {} were in flight. \
                 A smaller --per-host or -c, or --retries, may help.",
                units::count(at_once),
            ));
        }
        Some(text)
    }

    /// How the requests waited together, where they did.
    fn waiting(&self) -> Option<String> {
        let Figures {
            wall,
            in_flight_max,
            at_once_max,
            cooks,
            ..
        } = self.figures;
        let latency = self.tally.latency()?;
        let fetched = self.tally.done + self.tally.failed() - self.tally.skipped;
        if fetched == 0 {
            return Some("Every file was there already.".to_owned());
        }
        if fetched == 1 {
            return (self.asked == 1).then(|| {
                let wall = units::duration(wall);
                format!("One request, {wall}: there was nothing to wait for meanwhile.")
            });
        }
        let times = self.tally.task_time.as_secs_f64() / wall.as_secs_f64();
        let who = if cooks == 1 {
            "One thread".to_owned()
        } else {
            format!("{cooks} threads")
        };
        let requests = units::count(in_flight_max);
        if times < 1.5 {
            return Some(format!(
                "{who} hardly overlapped these requests: at most {requests} in flight, and {} of waiting took {}.",
                units::duration(self.tally.task_time),
                units::duration(wall),
            ));
        }
        let kind = match at_once_max {
            0 | 1 => "never worked on two at the same instant: concurrency without parallelism"
                .to_owned(),
            many => {
                format!("worked on up to {many} at the same instant: concurrency and parallelism")
            }
        };
        Some(format!(
            "{who} waited for up to {requests} replies together and {kind}. The run took {}, \
             {} x its slowest reply; the waiting of all requests adds up to {}, {} x as much.",
            units::duration(wall),
            units::factor(wall.as_secs_f64() / latency.max.as_secs_f64()),
            units::duration(self.tally.task_time),
            units::factor(times),
        ))
    }

    /// Requests that were answered, by second.
    pub(super) fn requests_a_second(&self) -> f64 {
        let answered = self.tally.done - self.tally.skipped;
        answered as f64 / self.figures.wall.as_secs_f64().max(1e-9)
    }

    fn own_keys(&self) -> Map<String, Value> {
        let tally = &self.tally;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let latency = tally.latency().map(|latency| {
            json!({
                "p50": ms(latency.p50), "p90": ms(latency.p90),
                "p99": ms(latency.p99), "max": ms(latency.max),
            })
        });
        let failures: BTreeMap<&str, usize> = tally
            .failures
            .iter()
            .map(|(kind, n)| (kind.name(), *n))
            .collect();
        let keys = json!({
            "done": tally.done,
            "failed": tally.failed(),
            "not_done": self.not_done(),
            "interrupted": self.interrupted,
            "bytes": tally.bytes,
            "requests_per_s": self.requests_a_second(),
            "retries": tally.retries,
            "redirects": tally.redirects,
            "versions": tally.versions,
            "skipped": tally.skipped,
            "failures": failures,
            "statuses": tally.statuses,
            "latency_ms": latency,
            "waited_s": tally.task_time.as_secs_f64(),
            "connections_max": self.open_max,
            "connections": self.opened,
            "threads": self.threads,
            "memory_peak_bytes": self.after.memory_peak,
            "memory_per_connection_bytes": self.memory_a_connection(),
        });
        let mut keys = match keys {
            Value::Object(keys) => keys,
            _ => Map::new(),
        };
        if !self.pages.is_empty() && self.json {
            let results = self
                .outcomes
                .iter()
                .map(|outcome| self.result(outcome))
                .collect();
            keys.insert("results".to_owned(), Value::Array(results));
        } else if self.pages.is_empty() && !self.outcomes.is_empty() {
            let errors = self
                .outcomes
                .iter()
                .filter_map(|outcome| outcome.error.as_ref());
            keys.insert(
                "errors".to_owned(),
                errors.map(ToString::to_string).collect(),
            );
        }
        keys
    }

    fn result(&self, outcome: &Outcome) -> Value {
        let mut result = json!({
            "url": self.pages[outcome.index % self.pages.len()].name(),
            "status": outcome.status,
            "bytes": outcome.bytes,
            "ms": outcome.time.as_secs_f64() * 1e3,
            "error": outcome.error.as_ref().map(ToString::to_string),
            "redirects": outcome.redirects,
            "version": outcome.version,
            "encoding": outcome.encoding,
        });
        if let Some(file) = &outcome.file {
            result["file"] = json!(file.to_string_lossy());
        }
        result
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fetch::failure::{Failure, Kind};

    pub(in super::super) fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// `answered` requests of 500 ms each, in `wall`.
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
        Record {
            figures,
            tally,
            asked: answered,
            interrupted: false,
            pages: Vec::new(),
            outcomes: Vec::new(),
            open_max: answered,
            opened: answered,
            json: true,
            prints_body: false,
            threads: Some(1),
            before: Status {
                memory: Some(10 << 20),
                ..Status::default()
            },
            after: Status {
                memory_peak: Some(20 << 20),
                ..Status::default()
            },
        }
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
                .contains("nothing to wait for meanwhile")
        );
        assert_eq!(record(0, ms(500)).verdict(), "No request was made.");
    }

    #[test]
    fn a_run_in_which_much_failed_is_not_praised_and_says_what_is_likely() {
        let with = |kind: Kind, failed: usize, answered: usize| {
            let mut record = record(answered, ms(550));
            record.figures.in_flight_max = 300;
            record.asked = answered + failed;
            for index in 0..failed {
                record.tally.add(&failing(index, kind));
            }
            record.verdict()
        };
        let crowded = with(Kind::Timeout, 178, 122);
        assert!(
            crowded
                .starts_with("178 of 300 requests failed. Most likely the server did not accept")
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
    fn ctrl_c_is_told_with_what_was_asked_for() {
        let mut record = record(1, ms(500));
        record.asked = 2;
        record.interrupted = true;
        assert_eq!(
            record.verdict(),
            "Ctrl-C ended the run when 1 of 2 requests were done."
        );
    }

    #[test]
    fn failures_and_ctrl_c_decide_the_ending() {
        assert_eq!(record(3, ms(500)).ending(), Ending::Whole);
        let mut record = record(3, ms(500));
        record.asked = 5;
        record.tally.add(&failing(3, Kind::Dns));
        assert_eq!(record.ending(), Ending::Failed);
        record.interrupted = true;
        assert_eq!(record.ending(), Ending::Interrupted);
        let row = record.requests_row(Paint::plain());
        assert_eq!(
            row.value,
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
        assert!(record.memory_row().remark.contains("does not say"));
    }
}
