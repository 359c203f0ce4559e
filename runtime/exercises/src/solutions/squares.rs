//! Exercise 2, solved: a computation that lets other tasks run.

/// Returns the sum of the squares below `end`.
pub async fn sum_of_squares(end: u64) -> u64 {
    let mut sum = 0;
    for n in 0..end {
        sum += n * n;
        if n % STRETCH == STRETCH - 1 {
            brigade::yield_now().await;
        }
    }
    sum
}

/// The task yields after at most this many squares.
pub const STRETCH: u64 = 1000;
