//! How many polls a thread makes between two looks at the OS and the clock.
//!
//! **Job.** A look after every poll would be a system call a poll. A look after 64 polls may be
//! late: 64 polls of 10 ms each. So the bound follows the clock: it doubles as long as the time
//! between two looks is short, and shrinks to what would have fitted when it was too long.
//!
//! **Owns** the bound, of one thread.
//!
//! **Never** reads a clock: the caller does, who looks anyway.

use std::time::Duration;

/// Polls between two looks, at most. Thin air: a look costs about as much as a dozen short polls,
/// so at 64 it is hardly felt.
pub(crate) const LOOK_EVERY: usize = 64;

/// Longer than this no ready socket or timer should have to wait for a look, if single polls are
/// short enough.
const LOOK_WITHIN: Duration = Duration::from_micros(500);

/// See the module.
pub(crate) struct Pace {
    /// Between 1 and [`LOOK_EVERY`].
    bound: usize,
    /// When the last look was, in the clock's nanoseconds.
    looked: u64,
}

impl Pace {
    pub(crate) fn new(now: u64) -> Self {
        Pace {
            bound: 1,
            looked: now,
        }
    }

    /// Polls until the next look.
    #[inline(always)]
    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    /// A look was taken, after `bound` polls.
    pub(crate) fn looked(&mut self, now: u64) {
        let took = u128::from(now.saturating_sub(self.looked)).max(1);
        self.looked = now;
        let fitting = self.bound as u128 * LOOK_WITHIN.as_nanos() / took;
        let fitting = usize::try_from(fitting).unwrap_or(LOOK_EVERY);
        self.bound = fitting.clamp(1, self.bound * 2).min(LOOK_EVERY);
    }

    /// There was nothing to do for a while: the time since the last look says nothing.
    pub(crate) fn resume(&mut self, now: u64) {
        self.looked = now;
    }
}
