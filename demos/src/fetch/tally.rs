//! Adds up the outcomes of the requests.

use std::{collections::BTreeMap, time::Duration};

use super::{client::Outcome, failure::Kind};

/// The sums over all requests that have ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: usize,
    pub(crate) failures: BTreeMap<Kind, usize>,
    pub(crate) statuses: BTreeMap<u16, usize>,
    /// Bytes of bodies, including incomplete bodies.
    pub(crate) bytes: u64,
    /// Attempts beyond the first, summed over all requests.
    pub(crate) retries: usize,
    /// The sum of the lifetimes of all requests, including failed requests.
    pub(crate) task_time: Duration,
    /// The number of failures in which the server did not accept the connection.
    pub(crate) unaccepted: usize,
    /// The number of redirected requests.
    pub(crate) redirected: usize,
    /// The total number of redirects.
    pub(crate) redirects: usize,
    /// The number of answers for each version of HTTP.
    pub(crate) versions: BTreeMap<&'static str, usize>,
    /// The number of files that existed before the run and so were not fetched.
    pub(crate) skipped: usize,
    /// How long each answered request took, in the order in which the requests ended.
    latencies: Vec<Duration>,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.bytes += outcome.bytes;
        self.retries += outcome.retries as usize;
        self.task_time += outcome.time;
        if let Some(status) = outcome.status {
            *self.statuses.entry(status).or_default() += 1;
        }
        self.redirected += usize::from(!outcome.redirects.is_empty());
        self.redirects += outcome.redirects.len();
        if let Some(version) = outcome.version {
            *self.versions.entry(version).or_default() += 1;
        }
        self.skipped += usize::from(outcome.is_skipped());
        match &outcome.error {
            Some(failure) => {
                self.unaccepted += usize::from(failure.unaccepted);
                *self.failures.entry(failure.kind).or_default() += 1;
            }
            None => {
                self.done += 1;
                self.latencies.push(outcome.time);
            }
        }
    }

    pub(crate) fn failed(&self) -> usize {
        self.failures.values().sum()
    }

    /// Returns four latencies of the answered requests: p50, p90, p99 and the maximum. Returns `None` if
    /// no request was answered.
    pub(crate) fn latency(&self) -> Option<[Duration; 4]> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        (!sorted.is_empty()).then(|| [0.5, 0.9, 0.99, 1.0].map(|share| at_share(&sorted, share)))
    }
}

/// Returns the percentile by nearest rank. For a `share` of 0.9, this is the smallest value that 90 % of all
/// values do not exceed. The result is always a measured value, never an interpolated one.
fn at_share(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::failure::Failure;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn answered(millis: u64) -> Outcome {
        Outcome {
            status: Some(200),
            bytes: 10,
            time: ms(millis),
            ..Outcome::default()
        }
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut tally = Tally::default();
        for millis in (1..=100).rev() {
            tally.add(&answered(millis));
        }
        let expected = [50, 90, 99, 100].map(ms);
        assert_eq!(tally.latency(), Some(expected));
    }

    #[test]
    fn one_request_is_every_percentile_and_none_is_none() {
        assert_eq!(Tally::default().latency(), None);
        let mut tally = Tally::default();
        tally.add(&answered(7));
        assert_eq!(tally.latency(), Some([ms(7); 4]));
    }

    #[test]
    fn failures_count_by_kind_and_not_among_the_latencies() {
        let mut tally = Tally::default();
        tally.add(&answered(5));
        for kind in [Kind::Refused, Kind::Refused, Kind::Truncated] {
            let error = Some(Failure::new(kind, "so"));
            tally.add(&Outcome {
                error,
                bytes: 1,
                time: ms(1000),
                retries: 2,
                ..Outcome::default()
            });
        }
        assert_eq!((tally.done, tally.failed()), (1, 3));
        assert_eq!(tally.failures[&Kind::Refused], 2);
        assert_eq!(tally.latency().unwrap()[3], ms(5));
        assert_eq!(tally.task_time, ms(3005));
        assert_eq!((tally.bytes, tally.retries), (13, 6));
        assert_eq!(tally.statuses[&200], 1);
    }
}
