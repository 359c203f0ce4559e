//! The work in a kitchen: chopping, which needs a cook all the time, and waiting, which needs none.
//!
//! Chopping is arithmetic, and its result is checked. A pile of N pieces is a sequence of N numbers, each
//! computed from the one before it. No compiler and no second cook can therefore take a short cut through
//! the pile. But the *last* number alone can be computed quickly, by repeated squaring, and this serves
//! as the check.
//!
//! Waiting is a timer. No computation in this file is imitated by a sleep.

use std::{
    future::Future,
    hint::black_box,
    panic::resume_unwind,
    sync::OnceLock,
    time::{Duration, Instant},
};

use brigade::{task::Builder, time::sleep, yield_now};

/// The constants of the sequence `x ← FACTOR · x + OFFSET` modulo 2⁶⁴. They are those of Knuth's MMIX;
/// other odd constants would do.
const FACTOR: u64 = 6_364_136_223_846_793_005;
const OFFSET: u64 = 1_442_695_040_888_963_407;

/// The interval at which a cook yields. A task that computes for longer in one poll delays all other
/// tasks on its thread.
pub(crate) const LOOK_UP: Duration = Duration::from_millis(1);

/// The number of pieces in one batch of the calibration, which takes well under a millisecond.
const BATCH: u64 = 50_000;
/// The number of batches. The fastest counts, because an interruption can only slow a batch down.
const BATCHES: usize = 40;

/// A pile of vegetables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pile {
    pieces: u64,
}

impl Pile {
    /// Creates a pile that takes one cook about as long as `time`.
    ///
    /// The first call measures the speed of this machine for some milliseconds, so create piles before
    /// the clock starts.
    pub(crate) fn of(time: Duration) -> Self {
        let pieces = (time.as_secs_f64() * speed()) as u64;
        Self {
            pieces: pieces.max(1),
        }
    }

    /// Chops the pile and yields to other tasks about every millisecond.
    pub(crate) async fn chop(self) -> Chopped {
        let stretch = Self::of(LOOK_UP).pieces;
        let (mut left, mut last) = (self.pieces, 0);
        while left > stretch {
            last = chop(last, stretch);
            left -= stretch;
            yield_now().await;
        }
        self.checked(chop(last, left))
    }

    /// Chops the pile in one go. No other task on this thread runs meanwhile.
    pub(crate) fn chop_at_once(self) -> Chopped {
        self.checked(chop(0, self.pieces))
    }

    fn checked(self, last: u64) -> Chopped {
        Chopped {
            pieces: self.pieces,
            right: last == nth(self.pieces),
        }
    }
}

/// The result of chopping a pile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "chopping can go wrong"]
pub(crate) struct Chopped {
    pub(crate) pieces: u64,
    /// True if the last piece is correct.
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

/// Computes `pieces` numbers of the sequence after `last`, and returns the last of them.
fn chop(last: u64, pieces: u64) -> u64 {
    (0..pieces).fold(last, |x, _| x.wrapping_mul(FACTOR).wrapping_add(OFFSET))
}

/// Returns the number after `pieces` steps from 0 by repeated squaring: one step composed with itself is
/// two steps, and two steps composed with themselves are four.
fn nth(mut pieces: u64) -> u64 {
    let (mut factor, mut offset, mut x) = (FACTOR, OFFSET, 0_u64);
    while pieces > 0 {
        if pieces % 2 == 1 {
            x = x.wrapping_mul(factor).wrapping_add(offset);
        }
        offset = offset.wrapping_mul(factor.wrapping_add(1));
        factor = factor.wrapping_mul(factor);
        pieces /= 2;
    }
    x
}

/// Returns how many pieces one cook chops per second on this machine, measured once.
fn speed() -> f64 {
    static SPEED: OnceLock<f64> = OnceLock::new();
    *SPEED.get_or_init(|| measure_speed(BATCH, || chop(black_box(0), BATCH)))
}

/// Returns the highest measured speed in units per second. One call of `batch` does `units` units.
pub(crate) fn measure_speed<T>(units: u64, batch: impl Fn() -> T) -> f64 {
    let time = |_| {
        let begun = Instant::now();
        black_box(batch());
        begun.elapsed()
    };
    let fastest = (0..BATCHES).map(time).min().unwrap_or_default();
    units as f64 / fastest.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_cut_leads_where_the_long_way_does() {
        for pieces in [0, 1, 2, 3, 17, 1000, 4097] {
            assert_eq!(nth(pieces), chop(0, pieces), "{pieces}");
        }
    }

    #[test]
    fn a_pile_is_chopped_to_the_last_piece_and_a_piece_too_few_is_noticed() {
        let pile = Pile { pieces: 5000 };
        assert!(pile.chop_at_once().right);
        assert!(!pile.checked(chop(0, 4999)).right);
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
