//! The figures of the visitors, collected and reported in their own process.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::{
    events::TICK,
    load::{Said, Tick, Visit},
};
use crate::gauge::Gauge;

/// The number of ticks over which live latencies are computed: five seconds. One tick has 250 requests. The
/// slowest 1 % of them are only two or three requests, so a p99 per tick would flicker.
const WINDOW: usize = 20;

/// Latencies in microseconds, rounded up to three significant digits.
#[derive(Clone, Debug)]
struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are possible"))
    }
}

impl Latencies {
    fn add(&mut self, latency: Duration) {
        let added = self.0.record(latency.as_micros() as u64);
        added.expect("it grows to hold any number");
    }

    fn merge(&mut self, other: &Self) {
        let added = self.0.add(&other.0);
        added.expect("it grows to hold any number");
    }

    fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the latency that a `share` of all latencies did not exceed; a `share` of 0.5 gives the median.
    /// Returns zero if there are none.
    fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(share))
    }
}

/// The figures of the visitors.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    all: Latencies,
    /// The latencies since the last tick.
    now: Latencies,
    /// The latencies of the most recent ticks, one entry for each tick, the oldest first.
    recent: VecDeque<Latencies>,
    /// For each visitor whose request waits for its reply: the time at which that request was due.
    waiting: HashMap<u64, Instant>,
    /// The thumbnails and errors so far. `last_words` computes the other fields.
    visit: Visit,
    /// The open connections.
    pub(crate) held: Arc<Gauge>,
}

impl Tally {
    /// Records that a visitor sends the request that was due at `due`.
    pub(crate) fn asked(&mut self, visitor: u64, due: Instant) {
        self.waiting.insert(visitor, due);
    }

    /// Records that the visitor has its answer, right or wrong.
    pub(crate) fn heard(&mut self, visitor: u64) {
        self.waiting.remove(&visitor);
    }

    pub(crate) fn answered(&mut self, latency: Duration) {
        self.all.add(latency);
        self.now.add(latency);
    }

    /// Counts a thumbnail that arrived and was right.
    pub(crate) fn pleased(&mut self) {
        self.visit.images += 1;
    }

    pub(crate) fn failed(&mut self, words: String) {
        self.visit.errors += 1;
        self.visit.error.get_or_insert(words);
    }

    /// Returns the line that reports this tick, and begins the next tick.
    pub(crate) fn tick(&mut self) -> Said {
        self.recent.push_back(std::mem::take(&mut self.now));
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        let mut recent = Latencies::default();
        for tick in &self.recent {
            recent.merge(tick);
        }
        let answered = recent.count();
        let span = TICK.as_secs_f64() * self.recent.len() as f64;
        // A request that still waits counts with the time since it was due. Without these requests, a
        // server that does not answer would look fast.
        for due in self.waiting.values() {
            recent.add(due.elapsed());
        }
        let latency = |share| (recent.count() > 0).then(|| recent.quantile(share));
        Said::Tick(Tick {
            requests: self.all.count(),
            errors: self.visit.errors,
            rate: answered as f64 / span,
            p50: latency(0.5),
            p99: latency(0.99),
        })
    }

    /// Returns the last line of the output.
    pub(crate) fn last_words(&self) -> Said {
        Said::Done(Visit {
            requests: self.all.count(),
            held_max: self.held.most() as u64,
            p50: self.all.quantile(0.5),
            p99: self.all.quantile(0.99),
            worst: self.all.quantile(1.0),
            ..self.visit.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(tally: &mut Tally) -> Tick {
        match tally.tick() {
            Said::Tick(tick) => tick,
            Said::Done(visit) => panic!("{visit:?}"),
        }
    }

    #[test]
    fn a_tick_tells_of_the_last_seconds_and_the_last_words_of_all() {
        let mut tally = Tally::default();
        drop([tally.held.up(), tally.held.up()]);
        // A latency this small has its own bucket in the histogram.
        let latency = Duration::from_micros(1040);
        tally.answered(latency);
        assert_eq!(tick(&mut tally).p50, Some(latency));
        for _ in 1..WINDOW {
            assert_eq!(tick(&mut tally).p99, Some(latency), "it does not flicker");
        }
        let silent = tick(&mut tally);
        assert_eq!((silent.requests, silent.p99), (1, None));
        tally.failed("first".to_owned());
        tally.failed("second".to_owned());
        let Said::Done(done) = tally.last_words() else {
            panic!("these are the last words")
        };
        assert_eq!((done.errors, done.error.as_deref()), (2, Some("first")));
        assert_eq!((done.held_max, done.p99), (2, latency));
    }

    #[test]
    fn a_request_that_is_not_answered_counts_as_long_as_it_waits() {
        let mut tally = Tally::default();
        let late = Duration::from_secs(3);
        tally.asked(7, Instant::now() - late);
        let waits = tick(&mut tally);
        assert!(waits.p99 >= Some(late));
        assert_eq!(waits.rate, 0.0, "no request was answered");
        tally.heard(7);
        assert_eq!(tick(&mut tally).p99, None);
    }

    #[test]
    fn what_the_child_says_is_what_its_parent_reads() {
        let mut tally = Tally::default();
        tally.answered(Duration::from_micros(1234));
        for said in [tally.tick(), tally.last_words()] {
            let line = serde_json::to_string(&said).unwrap();
            let read: Said = serde_json::from_str(&line).unwrap();
            assert_eq!(format!("{read:?}"), format!("{said:?}"));
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list_to_three_digits() {
        let mut latencies = Latencies::default();
        assert_eq!(
            (latencies.count(), latencies.quantile(0.5)),
            (0, Duration::ZERO)
        );
        let mut half = Latencies::default();
        for micros in 1..=2000 {
            let one = if micros % 2 == 0 {
                &mut latencies
            } else {
                &mut half
            };
            one.add(Duration::from_micros(micros * 1000));
        }
        latencies.merge(&half);
        assert_eq!(latencies.count(), 2000);
        for (share, millis) in [(0.5, 1000.0), (0.99, 1980.0), (1.0, 2000.0), (0.0, 1.0)] {
            let quantile = latencies.quantile(share).as_secs_f64() * 1e3;
            let close = millis..=millis * 1.001;
            assert!(close.contains(&quantile), "{share}: {quantile}");
        }
        // The histogram grows to hold an hour.
        latencies.add(Duration::from_secs(3600));
        assert!(latencies.quantile(1.0) > Duration::from_secs(3590));
    }
}
