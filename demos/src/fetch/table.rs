//! The printed part of the summary: a title, a table of figures, and the outcomes of single requests.

use super::{client::Outcome, summary::Record};
use crate::paint::harmless;
use crate::prelude::*;

/// The maximum number of requests that are listed one by one. In a longer run, only failures are listed.
const LISTED_MAX: usize = 20;

const FAILURES_LISTED_MAX: usize = 10;

impl Record {
    pub(super) fn title(&self) -> String {
        let requests = counted(self.plan.count, "request");
        let cooks = counted(self.figures.cooks, "cook");
        let to = match &self.plan.pages[..] {
            [] => "a server in a separate process".to_owned(),
            [page] => harmless(page.name()),
            pages => counted(pages.len(), "URL"),
        };
        format!("fetch: {requests} to {to}, {cooks}")
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = vec![self.requests_row()];
        rows.extend(self.ways_row());
        rows.extend(self.status_row());
        rows.extend(self.time_rows());
        rows.extend(report::common_rows(&self.figures));
        let mut remark = "the most that were open or being opened at one instant".to_owned();
        if self.opened > self.open_max {
            remark += &format!("; {} opened in all", units::count(self.opened));
        }
        rows.push(row("connections", units::count(self.open_max), remark));
        rows.push(self.threads_row());
        rows.push(self.memory_row());
        rows
    }

    pub(super) fn requests_row(&self) -> Row {
        let tally = &self.tally;
        let done = format!("{} done", units::count(tally.done));
        let mut failed = format!("{} failed", units::count(tally.failed()));
        if tally.failed() > 0 {
            let kinds = tally.failures.iter();
            let kinds = kinds.map(|(kind, n)| format!("{} {}", kind.name(), units::count(*n)));
            let kinds: Vec<_> = kinds.collect();
            failed = format!("{} ({})", paint::red(&failed), kinds.join(", "));
        }
        let done = match tally.done {
            0 => done,
            _ => paint::green(&done),
        };
        let mut parts = vec![done, failed];
        match self.not_done() {
            0 => {}
            some => parts.push(format!("{} broken off by Ctrl-C", units::count(some))),
        }
        parts.push(units::bytes(tally.bytes));
        match tally.retries {
            0 => {}
            1 => parts.push("1 retry".to_owned()),
            retries => parts.push(format!("{} retries", units::count(retries))),
        }
        row("requests", parts.join(", "), "")
    }

    /// Returns a row that counts skipped files, redirects, and replies that did not use HTTP/1.1, if there
    /// are any.
    fn ways_row(&self) -> Option<Row> {
        let tally = &self.tally;
        let others = tally.versions.iter().filter(|it| *it.0 != "HTTP/1.1");
        let others = others.map(|(version, n)| format!("{} by {version}", units::count(*n)));
        let mut ways: Vec<String> = others.collect();
        if tally.redirected > 0 {
            ways.push(format!("{} redirected", units::count(tally.redirected)));
        }
        if tally.skipped > 0 {
            let skipped = units::count(tally.skipped);
            ways.push(format!("{skipped} not fetched, because the file existed"));
        }
        (!ways.is_empty()).then(|| row("of them", ways.join(", "), ""))
    }

    /// Returns a row with the statuses, unless every status is 200.
    fn status_row(&self) -> Option<Row> {
        let statuses = &self.tally.statuses;
        let plain = statuses.keys().all(|&status| status == 200);
        let each = statuses.iter();
        let each = each.map(|(status, n)| format!("{status}: {}", units::count(*n)));
        let each: Vec<String> = each.collect();
        (!plain).then(|| row("statuses", each.join("   "), ""))
    }

    fn time_rows(&self) -> Vec<Row> {
        let wall = self.figures.wall;
        let times =
            |part: Duration, whole: Duration| factor(part.as_secs_f64() / whole.as_secs_f64());
        let mut rows = Vec::new();
        let mut remark = String::new();
        if let Some(latency) = self.tally.latency() {
            remark = format!("{} x the slowest reply", times(wall, latency[3]));
            let [p50, p90, p99, max] = latency.map(duration);
            let value = match self.tally.done {
                1 => max,
                _ => format!("half in {p50}, 90 % in {p90}, 99 % in {p99}, all in {max}"),
            };
            rows.push(row("latency", value, ""));
        }
        rows.push(row("wall time", duration(wall), remark));
        if self.plan.count > 1 {
            let rate = units::count(self.requests_a_second().round() as usize);
            rows.push(row("rate", rate, "answered requests a second"));
        }
        let waited = self.tally.task_time;
        let times = times(waited, wall);
        let remark = format!("all requests added up, {times} x the wall time");
        rows.push(row("waited", duration(waited), remark));
        rows
    }

    fn threads_row(&self) -> Row {
        let Some(threads) = self.threads else {
            return row("threads", "-", "not reported by this system");
        };
        let why = match (threads, self.figures.cooks) {
            (1, _) => "",
            (_, 1) => "; name lookups block, so they have their own threads",
            _ => ": the cooks, the main thread, helpers",
        };
        let remark = format!("in the whole process{why}");
        row("threads", threads.to_string(), remark)
    }

    pub(super) fn memory_row(&self) -> Row {
        let Some(peak) = self.after.memory_peak else {
            return row("memory", "-", "not reported by this system");
        };
        let mut remark = "the peak".to_owned();
        if let Some(each) = self.memory_a_connection().map(units::bytes) {
            remark += &format!("; it grew by {each} for each connection");
        }
        row("memory", units::bytes(peak), remark)
    }

    /// Lists the results one by one if there are few, and otherwise only the failures.
    pub(super) fn details(&self) -> Vec<String> {
        let one_by_one = !self.plan.pages.is_empty() && self.plan.count <= LISTED_MAX;
        let max = match one_by_one {
            true => LISTED_MAX,
            false => FAILURES_LISTED_MAX,
        };
        let is_listed = |outcome: &&Outcome| one_by_one || outcome.error.is_some();
        let listed: Vec<&Outcome> = self.outcomes.iter().filter(is_listed).collect();
        let shown = listed.iter().take(max);
        let mut lines: Vec<_> = shown.flat_map(|outcome| self.detail(outcome)).collect();
        let more = listed.len().saturating_sub(max);
        if more > 0 {
            let more = counted(more, "failure");
            lines.push(format!("… and {more} more; --json lists them all"));
        }
        lines
    }

    /// Formats one request: its time, its result, its size and its name. A failure has further lines.
    fn detail(&self, outcome: &Outcome) -> Vec<String> {
        let time = duration(outcome.time);
        let bytes = units::bytes(outcome.bytes);
        let mut what = self.name(outcome);
        for to in &outcome.redirects {
            what.push_str(&format!(" → {}", harmless(to)));
        }
        let mut why = Vec::new();
        let result = match (&outcome.error, outcome.status) {
            (Some(failure), _) => {
                let details = report::wrapped_beside(10, &harmless(&failure.details));
                let lines = details.lines().map(paint::dim);
                why.extend(lines.map(|line| format!("{:10}{line}", "")));
                paint::red(&format!("{:>9}", failure.kind.name()))
            }
            (None, Some(status)) => paint::green(&format!("{status:>9}")),
            // The file existed, so no request was sent.
            (None, None) => format!("{:>9}", "skipped"),
        };
        why.insert(0, format!("{time:>8}  {result}  {bytes:>9}  {what}"));
        why
    }

    fn name(&self, outcome: &Outcome) -> String {
        match self.plan.page(outcome.index) {
            None => format!("request {}", outcome.index),
            Some(page) => harmless(page.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fetch::{
        failure::Kind,
        jobs::Page,
        summary::tests::{failing, ms, plan_of, record},
    };

    #[test]
    fn results_are_listed_for_urls_of_the_user_and_nothing_moves_the_cursor() {
        let mut record = record(1, ms(500));
        let page = |url| Page::parse(url).unwrap();
        let plan = plan_of(&mut record);
        plan.count = 2;
        plan.pages = vec![page("http://a/"), page("http://b")];
        plan.json = true;
        record.outcomes = vec![
            Outcome {
                status: Some(404),
                bytes: 3,
                time: ms(2),
                redirects: vec!["http://c/".to_owned()],
                version: Some("HTTP/2"),
                ..Outcome::default()
            },
            failing(1, Kind::Protocol),
        ];
        let report = record.report();
        assert_eq!(report.details.len(), 3, "a failure has two lines");
        assert!(
            report.details.iter().all(|line| !line.contains('\n')),
            "{:?}",
            report.details
        );
        let results = &report.own["results"];
        assert_eq!(
            results[0],
            json!({
                "url": "http://a/", "status": 404, "bytes": 3, "ms": 2.0, "error": null,
                "redirects": ["http://c/"], "version": "HTTP/2", "encoding": null,
            })
        );
        assert_eq!(results[1]["error"], "protocol: it did\nnot");
        assert_eq!(results[1]["url"], "http://b", "as it was written");
        assert!(
            report.details[0].contains("http://a/ → http://c/"),
            "{:?}",
            report.details
        );
    }

    #[test]
    fn a_file_that_existed_is_listed_as_skipped() {
        let line = record(1, ms(500)).detail(&Outcome {
            file: Some("a.html".into()),
            ..Outcome::default()
        });
        assert_eq!(line, ["    0 µs    skipped        0 B  request 0"]);
    }

    #[test]
    fn of_many_failures_only_the_first_are_listed() {
        let mut record = record(1, ms(500));
        record.outcomes = (0..50).map(|index| failing(index, Kind::Reset)).collect();
        let lines = record.details();
        assert_eq!(lines.len(), 2 * FAILURES_LISTED_MAX + 1);
        assert!(lines.last().unwrap().contains("40 failures"), "{lines:?}");
    }
}
