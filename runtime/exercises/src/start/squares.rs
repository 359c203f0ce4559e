//! Exercise 2: a computation that lets other tasks run.

/// Returns the sum of the squares below `end`.
///
/// In this version, no other task runs on the thread until the sum is done. Yield after every [`STRETCH`]
/// numbers.
pub async fn sum_of_squares(end: u64) -> u64 {
    (0..end).map(|n| n * n).sum()
}

/// The task yields after at most this many squares.
pub const STRETCH: u64 = 1000;
