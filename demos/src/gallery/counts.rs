//! Latencies in a histogram of a fixed size, however many there are.

use std::time::Duration;

/// So many values have a bucket of their own; above, each power of two is divided into
/// half as many.
const PARTS: u64 = 64;

/// Latencies, counted by size: small ones exactly to the microsecond, large ones to
/// about three percent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    worst: Duration,
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        let bucket = bucket(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.worst = self.worst.max(latency);
    }

    /// Adds all latencies of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (own, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += more;
        }
        self.count += other.count;
        self.worst = self.worst.max(other.worst);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn worst(&self) -> Duration {
        self.worst
    }

    /// The latency that a `share` of all did not exceed: 0.5 is the median. Nothing if
    /// there were none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= rank {
                return Duration::from_micros(top(bucket)).min(self.worst);
            }
        }
        Duration::ZERO
    }
}

fn bucket(value: u64) -> usize {
    let shift = (value / PARTS).checked_ilog2().map_or(0, |log| log + 1);
    let within = value >> shift;
    let bucket = match shift {
        0 => within,
        shift => PARTS + u64::from(shift - 1) * PARTS / 2 + within - PARTS / 2,
    };
    bucket as usize
}

/// The largest value in a bucket.
fn top(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let (shift, within) = (
        (bucket - PARTS) * 2 / PARTS + 1,
        (bucket - PARTS) % (PARTS / 2),
    );
    ((within + PARTS / 2 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_whose_top_is_close_above_it() {
        let mut last = 0;
        for value in (0..20_000).chain([1 << 20, 1 << 40, (1 << 50) + 12_345]) {
            let bucket = bucket(value);
            assert!(bucket >= last, "{value}");
            last = bucket;
            let top = top(bucket);
            assert!(top >= value && top - value <= value / 32, "{value}: {top}");
            assert_eq!(super::bucket(top), bucket, "{value}");
            assert_eq!(super::bucket(top + 1), bucket + 1, "{value}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.99), Duration::ZERO);
        for micros in (1..=1000).rev() {
            latencies.add(Duration::from_micros(micros * 10));
        }
        for (share, exact) in [(0.5, 5000.0), (0.99, 9900.0), (1.0, 10_000.0), (0.0, 10.0)] {
            let found = latencies.quantile(share).as_secs_f64() * 1e6;
            assert!(found >= exact && found <= exact * 1.04, "{share}: {found}");
        }
        assert_eq!(latencies.worst(), Duration::from_millis(10));
        assert_eq!(latencies.count(), 1000);
    }
}
