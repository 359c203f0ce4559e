//! Latencies in a histogram, whose size does not depend on the number of latencies.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies in microseconds, kept to three digits and never rounded down.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are possible"))
    }
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        let added = self.0.record(latency.as_micros() as u64);
        added.expect("it grows to hold any number");
    }

    /// Adds all latencies of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        let added = self.0.add(&other.0);
        added.expect("it grows to hold any number");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn worst(&self) -> Duration {
        self.quantile(1.0)
    }

    /// Returns the latency that a `share` of all latencies did not exceed: 0.5 is the median. Returns
    /// zero if there are none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // An hour is close to the longest latency that fits.
        latencies.add(Duration::from_secs(3600));
        assert!(latencies.worst() > Duration::from_secs(3590));
    }
}
