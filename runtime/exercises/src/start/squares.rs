//! Exercise 2: a computation that lets others run.

/// Returns the sum of the squares below `end`.
///
/// While it computes, nothing else happens on its thread. Let it yield after every [`STRETCH`] numbers.
pub async fn sum_of_squares(end: u64) -> u64 {
    (0..end).map(|n| n * n).sum()
}

/// The maximum number of squares to compute between two yields.
pub const STRETCH: u64 = 1000;
