//! The summary of `fetch`: its own JSON keys, and the sentence that follows from the figures. (The printed
//! table is in `table`.)

use std::collections::{BTreeMap, HashSet};

use super::{Plan, client::Outcome, failure::Kind, jobs::Page, tally::Tally};
use crate::prelude::*;
use crate::{paint::harmless, system::Status};

/// The minimum number of connections for which the memory per connection is reported. With fewer
/// connections, the other memory of the process hides what the connections need.
const CONNECTIONS_TO_MEASURE: usize = 100;

/// If more than one request in `MANY` fails, the closing sentence is about the failures alone.
const MANY: usize = 20;

/// The results of a run of `fetch`.
pub(crate) struct Record {
    pub(crate) plan: Arc<Plan>,
    pub(crate) figures: Figures,
    pub(crate) tally: Tally,
    /// One outcome for each request that ended, if the user gave URLs. Otherwise only the failures.
    pub(crate) outcomes: Vec<Outcome>,
    /// The largest number of connections that were open at one instant.
    pub(crate) open_max: usize,
    /// The number of connections opened in all.
    pub(crate) opened: usize,
    /// The largest number of threads that was seen.
    pub(crate) threads: Option<usize>,
    /// The memory of the process before the first run of the plan.
    pub(crate) before: Status,
    pub(crate) after: Status,
}

impl Record {
    pub(crate) fn report(mut self) -> Report {
        self.outcomes.sort_by_key(|outcome| outcome.index);
        // The body went to standard output, where nothing else may go.
        let is_silent = self.plan.output.is_stdout();
        if is_silent {
            for failure in self.outcomes.iter().filter_map(|it| it.error.as_ref()) {
                eprintln!("brigade: {}", harmless(&failure.to_string()));
            }
        }
        let mut report = Report {
            waiting_share: self.figures.waiting_share(self.tally.task_time),
            verdict: self.verdict(),
            ending: self.ending(),
            rows: self.rows(),
            details: self.details(),
            is_silent,
            ..Report::new("fetch", self.title(), self.figures.clone())
        };
        report.own_keys(self.own_keys());
        report
    }

    fn ending(&self) -> Ending {
        match (self.not_done(), self.tally.failed()) {
            (0, 0) => Ending::Whole,
            (0, _) => Ending::Failed,
            _ => Ending::Interrupted,
        }
    }

    /// Returns the number of requests that were broken off or not begun. It is 0 unless Ctrl-C was
    /// pressed.
    pub(super) fn not_done(&self) -> usize {
        self.plan.count - self.tally.done - self.tally.failed()
    }

    /// Returns the growth of the process's memory since the first run began, divided by `open_max`.
    pub(super) fn memory_a_connection(&self) -> Option<u64> {
        let grown = self.after.memory_peak?.saturating_sub(self.before.memory?);
        (self.open_max >= CONNECTIONS_TO_MEASURE).then(|| grown / self.open_max as u64)
    }

    /// Returns the closing sentence, which follows from the figures. It does not praise a run with many
    /// failures.
    fn verdict(&self) -> String {
        let begun = self.tally.done + self.tally.failed();
        let mut sentences = Vec::new();
        if self.not_done() > 0 {
            let asked = counted(self.plan.count, "request");
            let done = units::count(self.tally.done);
            sentences.push(format!(
                "Ctrl-C ended the run when {done} of {asked} were done."
            ));
        }
        sentences.extend(self.failures());
        if self.tally.failed() * MANY <= begun && begun > 0 {
            sentences.extend(self.waiting());
        }
        if sentences.is_empty() {
            sentences.push("No request was made.".to_owned());
        }
        sentences.join(" ")
    }

    /// Describes how many requests failed, and the likely reason.
    fn failures(&self) -> Option<String> {
        let (failed, unaccepted) = (self.tally.failed(), self.tally.unaccepted);
        let begun = self.tally.done + failed;
        if failed == 0 {
            return None;
        }
        let all = counted(begun, "request");
        let mut text = match begun {
            1 => "The request failed.".to_owned(),
            _ => format!("{} of {all} failed.", units::count(failed)),
        };
        let count = |kind| self.tally.failures.get(&kind).copied().unwrap_or(0);
        let quiet = count(Kind::Timeout) + count(Kind::Reset);
        let at_once = self.figures.in_flight_max;
        if count(Kind::Refused) == failed && self.tally.done == 0 {
            text.push_str(
                " Nothing accepts connections there: check that the server is up and the port is right.",
            );
        } else if failed * MANY > begun && (unaccepted + quiet) * 2 > failed && self.is_crowded() {
            text.push_str(&format!(
                " Most likely the server did not accept that many at the same time: up to {} were in \
                 flight. A smaller --per-host or -c, or --retries, may help.",
                units::count(at_once),
            ));
        }
        Some(text)
    }

    /// Returns whether the hosts may be overloaded: each host at which a request failed has answered another
    /// request of this run.
    fn is_crowded(&self) -> bool {
        let host = |it: &&Outcome| Some(self.plan.page(it.index)?.url.origin());
        let outcomes = self.outcomes.iter();
        let (ok, failed): (Vec<_>, Vec<_>) = outcomes.partition(|it| it.error.is_none());
        let ok: HashSet<_> = ok.iter().filter_map(host).collect();
        let mut failed = failed.iter().filter_map(host);
        failed.all(|it| ok.contains(&it)) && self.tally.done > 0 && self.plan.per_host > 1
    }

    /// Describes how much the waiting of the requests overlapped.
    fn waiting(&self) -> Option<String> {
        let Figures { wall, cooks, .. } = self.figures;
        let [.., slowest] = self.tally.latency()?;
        let begun = self.tally.done + self.tally.failed();
        let fetched = begun - self.tally.skipped;
        if fetched == 0 {
            return Some("Every file was there already.".to_owned());
        }
        if fetched == 1 {
            let wall = duration(wall);
            let said =
                format!("One request, {wall}: there was nothing else to wait for meanwhile.");
            return (self.not_done() == 0).then_some(said);
        }
        let times = self.tally.task_time.as_secs_f64() / wall.as_secs_f64();
        let who = match cooks {
            1 => "One thread".to_owned(),
            cooks => format!("{cooks} threads"),
        };
        let requests = units::count(self.figures.in_flight_max);
        let (took, waited) = (duration(wall), duration(self.tally.task_time));
        if times < 1.5 {
            return Some(format!(
                "{who} hardly overlapped these requests: at most {requests} were in flight, and the run \
                 took {took} for {waited} of waiting."
            ));
        }
        let kind = match self.figures.at_once_max {
            0 | 1 => "never worked on two at the same instant: concurrency without parallelism"
                .to_owned(),
            many => {
                format!("worked on up to {many} at the same instant: concurrency and parallelism")
            }
        };
        let plan = &self.plan;
        // Without `-c` and `--rate`, all requests begin at the same time, unless `--per-host` limits them.
        let all = plan.concurrency >= begun && plan.args.rate.is_none();
        let limited = match all && self.figures.in_flight_max < begun {
            true => " The limit for one host, --per-host, kept some requests waiting.",
            false => "",
        };
        Some(format!(
            "{who} waited for up to {requests} replies together and {kind}. The run took {took}, {} x \
             its slowest reply; the waiting of all requests adds up to {waited}, {} x the time of the \
             run.{limited}",
            factor(wall.as_secs_f64() / slowest.as_secs_f64()),
            factor(times),
        ))
    }

    /// Returns the number of answered requests per second.
    pub(super) fn requests_a_second(&self) -> f64 {
        let answered = self.tally.done - self.tally.skipped;
        answered as f64 / self.figures.wall.as_secs_f64().max(1e-9)
    }

    fn own_keys(&self) -> Value {
        let tally = &self.tally;
        let latency = tally.latency().map(|latency| {
            let [p50, p90, p99, max] = latency.map(|time| time.as_secs_f64() * 1e3);
            json!({ "p50": p50, "p90": p90, "p99": p99, "max": max })
        });
        let failures = tally.failures.iter().map(|(kind, n)| (kind.name(), *n));
        let mut keys = json!({
            "done": tally.done,
            "failed": tally.failed(),
            "not_done": self.not_done(),
            "interrupted": self.not_done() > 0,
            "bytes": tally.bytes,
            "requests_per_s": self.requests_a_second(),
            "retries": tally.retries,
            "redirects": tally.redirects,
            "versions": tally.versions,
            "skipped": tally.skipped,
            "failures": failures.collect::<BTreeMap<_, _>>(),
            "statuses": tally.statuses,
            "latency_ms": latency,
            "waited_s": tally.task_time.as_secs_f64(),
            "connections_max": self.open_max,
            "connections": self.opened,
            "threads": self.threads,
            "memory_peak_bytes": self.after.memory_peak,
            "memory_per_connection_bytes": self.memory_a_connection(),
        });
        let outcomes = self.outcomes.iter();
        // Each result takes a kilobyte, so the results are built only for `--json`.
        if !self.plan.pages.is_empty() && self.plan.json {
            keys["results"] = outcomes.map(|outcome| self.result(outcome)).collect();
        } else if self.plan.pages.is_empty() && !self.outcomes.is_empty() {
            let errors = outcomes.filter_map(|outcome| outcome.error.as_ref());
            keys["errors"] = errors.map(ToString::to_string).collect();
        }
        keys
    }

    fn result(&self, outcome: &Outcome) -> Value {
        let mut result = json!({
            "url": self.plan.page(outcome.index).map(Page::name),
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
pub(super) mod tests;
