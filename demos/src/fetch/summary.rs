//! What `fetch` says when it is done: the JSON keys of its own, and the sentence
//! that follows from the figures. (The table for people is in `table`.)

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use url::Url;

use super::{client::Outcome, tally::Tally};
use crate::{
    paint::Paint,
    report::{Ending, Figures, Report},
    system::Status,
    units,
};

/// Fewer connections than this, and what the process needs anyway drowns what
/// they need.
const CONNECTIONS_TO_MEASURE: usize = 100;

/// All that a run of `fetch` leaves behind.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) figures: Figures,
    pub(crate) tally: Tally,
    /// How many requests were asked for.
    pub(crate) asked: usize,
    pub(crate) interrupted: bool,
    /// The URLs that the user gave; none when the embedded origin was fetched from.
    pub(crate) urls: Vec<Arc<Url>>,
    /// One for each request that ended, if the user gave URLs; failures in any case.
    pub(crate) outcomes: Vec<Outcome>,
    /// The most connections that were open at one instant.
    pub(crate) open_max: usize,
    /// The most threads that were seen.
    pub(crate) threads: Option<usize>,
    pub(crate) before: Status,
    pub(crate) after: Status,
}

impl Record {
    pub(crate) fn report(mut self, paint: Paint) -> Report {
        self.outcomes.sort_by_key(|outcome| outcome.index);
        Report {
            demo: "fetch",
            waiting_share: self.figures.waiting_share(self.tally.task_time),
            verdict: self.verdict(),
            ending: self.ending(),
            crowding: None,
            own: self.own_keys(),
            title: self.title(),
            charts: Vec::new(),
            draws_run: false,
            rows_of: String::new(),
            rows: self.rows(paint),
            details: self.details(paint),
            with_one: None,
            runs: Vec::new(),
            figures: self.figures,
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

    /// What the figures say; nothing where they say nothing.
    fn verdict(&self) -> String {
        let Figures {
            wall,
            in_flight_max,
            at_once_max,
            cooks,
            ..
        } = self.figures;
        let Some(latency) = self.tally.latency() else {
            return "No request was answered, so the figures say nothing about waiting together."
                .to_owned();
        };
        if self.tally.done + self.tally.failed() == 1 {
            return format!(
                "One request, {}: there was nothing to wait for meanwhile.",
                units::duration(wall)
            );
        }
        let times = self.tally.task_time.as_secs_f64() / wall.as_secs_f64();
        let who = if cooks == 1 {
            "One thread".to_owned()
        } else {
            format!("{cooks} threads")
        };
        let requests = units::count(in_flight_max);
        if times < 1.5 {
            return format!(
                "{who} hardly overlapped these requests: at most {requests} in flight, and {} of waiting took {}.",
                units::duration(self.tally.task_time),
                units::duration(wall),
            );
        }
        let kind = match at_once_max {
            0 | 1 => "never worked on two at the same instant: concurrency without parallelism"
                .to_owned(),
            many => {
                format!("worked on up to {many} at the same instant: concurrency and parallelism")
            }
        };
        format!(
            "{who} waited for up to {requests} replies together and {kind}. The run took {}, \
             {} x its slowest reply; the waiting of all requests adds up to {}, {} x as much.",
            units::duration(wall),
            units::factor(wall.as_secs_f64() / latency.max.as_secs_f64()),
            units::duration(self.tally.task_time),
            units::factor(times),
        )
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
            "retries": tally.retries,
            "failures": failures,
            "statuses": tally.statuses,
            "latency_ms": latency,
            "waited_s": tally.task_time.as_secs_f64(),
            "connections_max": self.open_max,
            "threads": self.threads,
            "memory_peak_bytes": self.after.memory_peak,
            "memory_per_connection_bytes": self.memory_a_connection(),
        });
        let mut keys = match keys {
            Value::Object(keys) => keys,
            _ => Map::new(),
        };
        if !self.urls.is_empty() {
            let results = self
                .outcomes
                .iter()
                .map(|outcome| self.result(outcome))
                .collect();
            keys.insert("results".to_owned(), Value::Array(results));
        } else if !self.outcomes.is_empty() {
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
            "url": self.urls[outcome.index % self.urls.len()].as_str(),
            "status": outcome.status,
            "bytes": outcome.bytes,
            "ms": outcome.time.as_secs_f64() * 1e3,
            "error": outcome.error.as_ref().map(ToString::to_string),
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
            urls: Vec::new(),
            outcomes: Vec::new(),
            open_max: answered,
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
        assert!(record(0, ms(500)).verdict().contains("say nothing"));
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
