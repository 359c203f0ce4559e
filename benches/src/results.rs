//! Keeps the figures of every round, and computes medians and ratios from them.

use std::collections::BTreeMap;

use crate::catalog::{Better, Figure, Group, LIMIT, OURS, RUNTIMES, Row, URING, row};

/// Everything that a run measured.
#[derive(Debug, Default)]
pub struct Results {
    values: BTreeMap<(&'static str, &'static str, &'static str), Vec<f64>>,
    notes: Vec<String>,
}

/// The best peer (other runtime) for one figure of one benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// The column of the best peer.
    pub runtime: &'static str,
    /// The median of the best peer's values.
    pub median: f64,
}

impl Results {
    /// Adds one round's value of a figure.
    pub fn add(&mut self, row: &Row, runtime: &'static str, figure: &Figure, value: f64) {
        self.values
            .entry((row.id, runtime, figure.key))
            .or_default()
            .push(value);
    }

    /// Adds a sentence that is printed under the tables, unless it was added before.
    pub fn note(&mut self, sentence: String) {
        if !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }

    /// Returns the sentences that are printed under the tables.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the values of all rounds, in order.
    #[must_use]
    pub fn rounds(&self, row: &Row, runtime: &'static str, figure: &Figure) -> &[f64] {
        self.values
            .get(&(row.id, runtime, figure.key))
            .map_or(&[], Vec::as_slice)
    }

    /// Returns the median over the rounds.
    #[must_use]
    pub fn median(&self, row: &Row, runtime: &'static str, figure: &Figure) -> Option<f64> {
        median(self.rounds(row, runtime, figure).to_vec())
    }

    /// Returns the minimum and the maximum over the rounds.
    #[must_use]
    pub fn spread(&self, row: &Row, runtime: &'static str, figure: &Figure) -> Option<(f64, f64)> {
        let values = self.rounds(row, runtime, figure);
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        Some((least, most))
    }

    /// Returns the peer (other runtime) with the best value. brigade, the limit and runtimes over io_uring
    /// are not considered.
    #[must_use]
    pub fn best_peer(&self, row: &Row, figure: &Figure) -> Option<Best> {
        RUNTIMES
            .iter()
            .filter(|runtime| ![OURS, LIMIT].contains(runtime) && !URING.contains(runtime))
            .filter_map(|runtime| {
                let median = self.median(row, runtime, figure)?;
                Some(Best { runtime, median })
            })
            .reduce(|best, next| {
                if cost_ratio(figure.better, next.median, best.median) < 1.0 {
                    next
                } else {
                    best
                }
            })
    }

    /// Returns the cost of brigade relative to the best peer. If it is below 1.00, brigade is better.
    #[must_use]
    pub fn against_best(&self, row: &Row, figure: &Figure) -> Option<f64> {
        let ours = self.median(row, OURS, figure)?;
        Some(cost_ratio(
            figure.better,
            ours,
            self.best_peer(row, figure)?.median,
        ))
    }

    /// Returns the cost of brigade relative to the limit, which is the same work without a runtime. At 1.00,
    /// both cost the same.
    #[must_use]
    pub fn against_limit(&self, row: &Row, figure: &Figure) -> Option<f64> {
        let ours = self.median(row, OURS, figure)?;
        Some(cost_ratio(
            figure.better,
            ours,
            self.median(row, LIMIT, figure)?,
        ))
    }

    /// Returns whether any row of this group was measured.
    #[must_use]
    pub fn any(&self, group: Group) -> bool {
        self.values
            .keys()
            .any(|(id, _, _)| row(id).is_some_and(|row| row.group == group))
    }

    /// Returns whether this column has a figure in any of these rows.
    #[must_use]
    pub fn has(&self, rows: &[&Row], runtime: &'static str) -> bool {
        self.values
            .keys()
            .any(|(id, column, _)| *column == runtime && rows.iter().any(|row| row.id == *id))
    }
}

/// Returns the cost of `ours` divided by the cost of `theirs`. For rates the ratio is inverted. So for every
/// figure, `ours` is better if the ratio is below 1.
#[must_use]
pub fn cost_ratio(better: Better, ours: f64, theirs: f64) -> f64 {
    match better {
        Better::Less => ours / theirs,
        Better::More => theirs / ours,
    }
}

/// Returns the median, which is the middle value. For an even number of values, returns the mean of the two
/// middle values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Returns a percentile: the value below which the given share of the values lies.
#[must_use]
pub fn percentile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "within the slice"
    )]
    let at = (last as f64 * share).round() as usize;
    values.get(at.min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::row;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(
            percentile((0..=100).map(f64::from).collect(), 0.99),
            Some(99.0)
        );
    }

    #[test]
    fn the_best_peer_is_neither_ours_nor_the_limit_nor_over_io_uring() {
        let row = row("echo1").unwrap();
        let rate = &row.figures[0];
        let mut results = Results::default();
        for (runtime, value) in [
            ("brigade", 90.0),
            ("tokio", 60.0),
            ("smol", 75.0),
            ("monoio", 95.0),
            ("limit", 99.0),
        ] {
            results.add(row, runtime, rate, value);
        }
        let best = Best {
            runtime: "smol",
            median: 75.0,
        };
        assert_eq!(results.best_peer(row, rate), Some(best));
        assert_eq!(results.against_best(row, rate), Some(75.0 / 90.0));
        assert_eq!(results.against_limit(row, rate), Some(99.0 / 90.0));
    }
}
