//! The work of the demos: computing, which needs a cook all the time, and waiting, which needs none.
//!
//! Computing is the sum of the squares of all numbers in a range, modulo 2^64, and its result is checked.
//! The work takes longer for a larger range, but the formula that checks it does not.
//!
//! Waiting is a timer. No computation in this file is imitated by a sleep.

use std::{
    future::Future,
    hint::black_box,
    ops::Range,
    panic::resume_unwind,
    sync::OnceLock,
    time::{Duration, Instant},
};

use brigade::{task::Builder, time::sleep, yield_now};

/// How long a task computes before it yields. A task that computes for longer in one poll delays all
/// other tasks on its thread.
pub(crate) const LOOK_UP: Duration = Duration::from_millis(1);

/// The number of squares in one batch of the calibration. A batch takes well under a millisecond.
const BATCH: u64 = 20_000;
/// The number of batches. The fastest batch counts, because an interruption can only slow a batch down.
const BATCHES: usize = 40;

/// Squares the numbers one after the other and adds them up.
pub(crate) fn sum_of_squares(numbers: Range<u64>) -> u64 {
    // The black box keeps the compiler from replacing the loop by a formula.
    let squares = numbers.map(|number| black_box(number).wrapping_mul(number));
    squares.fold(0, u64::wrapping_add)
}

/// Returns the result of [`sum_of_squares`] for all numbers below `n`, computed by a formula.
pub(crate) fn squares_below(n: u64) -> u64 {
    // The product of three factors may exceed 128 bits, so the division by 6 is done before the last
    // multiplication.
    let n = u128::from(n);
    let pairs = n * n.saturating_sub(1) / 2;
    let odd = (2 * n).saturating_sub(1);
    let sum = match pairs % 3 {
        0 => (pairs / 3).wrapping_mul(odd),
        _ => pairs.wrapping_mul(odd / 3),
    };
    sum as u64
}

/// Computes the same as [`sum_of_squares`], and yields to other tasks about every millisecond.
pub(crate) async fn squares(numbers: Range<u64>) -> u64 {
    let stretch = numbers_in(LOOK_UP);
    let (mut sum, mut from) = (0_u64, numbers.start);
    while numbers.end - from > stretch {
        sum = sum.wrapping_add(sum_of_squares(from..from + stretch));
        from += stretch;
        yield_now().await;
    }
    sum.wrapping_add(sum_of_squares(from..numbers.end))
}

/// Returns how many numbers one cook squares in this time.
///
/// The first call measures the speed of this machine for some milliseconds, so make that call before the
/// stopwatch starts.
pub(crate) fn numbers_in(time: Duration) -> u64 {
    static A_SECOND: OnceLock<f64> = OnceLock::new();
    let a_second = A_SECOND.get_or_init(|| {
        let batch = |_| {
            let begun = Instant::now();
            black_box(sum_of_squares(0..black_box(BATCH)));
            begun.elapsed()
        };
        let fastest = (0..BATCHES).map(batch).min().unwrap_or_default();
        BATCH as f64 / fastest.as_secs_f64().max(1e-9)
    });
    ((time.as_secs_f64() * a_second) as u64).max(1)
}

/// A pile of vegetables. A piece is chopped by squaring its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pile {
    pieces: u64,
}

impl Pile {
    /// Creates a pile that takes one cook about as long as `time`. Create piles before the stopwatch
    /// starts.
    pub(crate) fn of(time: Duration) -> Self {
        let pieces = numbers_in(time);
        Self { pieces }
    }

    /// Chops the pile and yields to other tasks about every millisecond.
    pub(crate) async fn chop(self) -> Chopped {
        self.checked(squares(0..self.pieces).await)
    }

    /// Chops the pile in one go. No other task on this thread runs meanwhile.
    pub(crate) fn chop_at_once(self) -> Chopped {
        self.checked(sum_of_squares(0..self.pieces))
    }

    fn checked(self, sum: u64) -> Chopped {
        Chopped {
            pieces: self.pieces,
            right: sum == squares_below(self.pieces),
        }
    }
}

/// The result of chopping a pile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "chopping can go wrong"]
pub(crate) struct Chopped {
    pub(crate) pieces: u64,
    /// True if the sum of the squares is correct.
    pub(crate) right: bool,
}

/// Begins a step as a separate task, with a name for the drawing, and returns a future of its result. If
/// a step panics, so does the task that awaits it.
pub(crate) fn begin<T, F>(name: &str, step: F) -> impl Future<Output = T> + use<T, F>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let begun = Builder::new().name(name).spawn(step);
    async {
        begun
            .await
            .unwrap_or_else(|error| resume_unwind(error.into_panic()))
    }
}

/// Waits, as one waits for water to boil. No cook is needed.
pub(crate) async fn wait(time: Duration) {
    sleep(time).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_is_the_sum() {
        assert_eq!(squares_below(100), 328_350);
        for n in (0..20).chain([5_000_000]) {
            assert_eq!(squares_below(n), sum_of_squares(0..n), "{n}");
        }
        let n = u128::from(1_000_000_000_000_u64);
        assert_eq!(
            squares_below(n as u64),
            (((n - 1) * n / 2 * (2 * n - 1)) / 3) as u64
        );
        // The sum over a range equals the difference between the formula's values for its two ends.
        let end = u64::MAX;
        let last = sum_of_squares(end - 1000..end);
        let before = squares_below(end - 1000);
        assert_eq!(before.wrapping_add(last), squares_below(end));
    }

    #[test]
    fn a_pile_is_chopped_to_the_last_piece_and_a_piece_too_few_is_noticed() {
        let pile = Pile { pieces: 5000 };
        assert!(pile.chop_at_once().right);
        assert!(!pile.checked(sum_of_squares(0..4999)).right);
        let chopped = brigade::run(Pile::of(5 * LOOK_UP).chop());
        assert!(chopped.right);
    }

    /// The test counts polls and measures no time. On every machine there is one poll per millisecond of
    /// work.
    #[test]
    fn others_get_a_turn_meanwhile() {
        let executor = brigade::SingleThread::new().unwrap();
        let pile = Pile::of(10 * LOOK_UP);
        let chopped = executor.block_on(async { brigade::spawn(pile.chop()).await.unwrap() });
        assert!(chopped.right);
        let polls = executor.metrics().workers[0].polls;
        assert!((10..=11).contains(&polls), "{polls}");
    }
}
