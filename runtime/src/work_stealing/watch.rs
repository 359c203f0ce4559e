//! The watch: what becomes of tasks, timers and events behind a poll that takes long.
//!
//! **Job.** Such a poll holds up what only its worker knows of: the task in its slot, and, if the worker
//! came from the driver, events and timers. It cannot be interrupted. So while any worker is awake, one of
//! the sleepers keeps *watch*: it sleeps with one eye open, for [`PERIOD`] only.
//!
//! **Owns** who keeps it. **Never** wakes or sleeps: the scheduler calls, and workers keep it.
//!
//! 1. *Who calls.* A worker that goes to sleep while others are awake begins it by itself
//!    ([`begin`](Watch::begin)), if nobody keeps it. If all who sleep went to sleep without, because nobody
//!    was awake then, whoever gets something to hold up calls (`Scheduler::call_watch`): who puts a task into
//!    an empty slot, and who has come from its sleep by itself and found a task, since it kept the watch or
//!    the driver itself until then. Neither does while somebody searches. The last searcher either finds
//!    nothing, and goes to sleep as above; or it finds a task that may be a long one, and looks for what
//!    nobody was called to (`Scheduler::hand_over`).
//! 2. *Who comes.* A call wakes a sleeper. It rises as searching, like any that is woken, most often finds
//!    nothing, and goes back to sleep; now with an end, since somebody is awake. That it was called is noted
//!    ([`call`](Watch::call)), and counts the same where the caller is asleep again by then: so a worker
//!    that is up often and shortly does not wake somebody each time.
//! 3. *What it does* (`Worker::take_from_the_stuck`). It takes the task out of the slot of each worker that
//!    began no poll since this one last looked. Then it looks for work as after any sleep; when it goes to
//!    sleep again it takes the driver, if nobody has it.
//! 4. *Where.* Whoever sleeps in the driver keeps it only until another goes to sleep outside, and takes it
//!    over: the next event gets the one in the driver up, and would cost a call each time.
//! 5. *When it ends.* A worker goes to sleep without an end when all others sleep: idle costs nothing.
//!
//! # Why nothing is left unwatched
//!
//! The operations are SeqCst, as are `Slot::put` and `Idle::counts`. Who puts a task into a slot, *then* asks
//! whether anybody keeps watch or searches. Who ceases to do either says so, *then* fences, or calls the
//! watch itself, and looks into the slots. In the one order of all these, one of the two comes first, and the
//! other sees what it did.

use std::time::Duration;

use crate::sync::{AtomicBool, AtomicU8, Ordering};

/// How long the watch sleeps. Twice as long, at worst, a task in a slot waits behind a poll that does
/// not end. Thin air: a person notices nothing, and 200 looks a second are few for a machine.
pub(super) const PERIOD: Duration = Duration::from_millis(5);

/// See the module.
pub(super) struct Watch {
    /// [`NOBODY`], or a [`Keeper`].
    kept: AtomicU8,
    /// It was called, and nobody has gone to sleep since while all others slept.
    called: AtomicBool,
}

const NOBODY: u8 = 0;

/// The worker that keeps watch; the later takes it over from the earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keeper {
    InDriver = 1,
    Outside = 2,
}

impl Watch {
    pub(super) fn new() -> Self {
        Watch {
            kept: AtomicU8::new(NOBODY),
            called: AtomicBool::new(false),
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::SeqCst) != NOBODY
    }

    /// For whoever is woken now: it keeps watch even if all others are asleep again by then.
    pub(super) fn call(&self) {
        self.called.store(true, Ordering::Relaxed);
    }

    /// Whether a worker that goes to sleep keeps watch: somebody is awake, or has called, or the one in the
    /// driver keeps it; and nobody does who is as good a place for it.
    pub(super) fn begin(&self, who: Keeper, somebody_is_awake: impl FnOnce() -> bool) -> bool {
        let kept = self.kept.load(Ordering::SeqCst);
        // `||` leaves the call noted while somebody is awake, for when nobody is.
        let needed =
            kept != NOBODY || somebody_is_awake() || self.called.swap(false, Ordering::Relaxed);
        needed
            && kept < who as u8
            && self
                .kept
                .compare_exchange(kept, who as u8, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    /// The keeper is up again. Nothing happens if another has taken it over.
    pub(super) fn end(&self, who: Keeper) {
        let _ = self
            .kept
            .compare_exchange(who as u8, NOBODY, Ordering::SeqCst, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::Keeper::{InDriver, Outside};
    use super::*;

    #[test]
    fn it_is_begun_while_somebody_is_awake_and_by_one() {
        let watch = Watch::new();
        assert!(!watch.begin(Outside, || false));
        assert!(watch.begin(Outside, || true));
        assert!(watch.is_kept());
        assert!(!watch.begin(Outside, || true));
        assert!(!watch.begin(InDriver, || true));
        watch.end(Outside);
        assert!(!watch.is_kept());
    }

    #[test]
    fn a_call_counts_for_the_first_who_sleeps_when_all_do() {
        let watch = Watch::new();
        watch.call();
        assert!(watch.begin(InDriver, || true));
        watch.end(InDriver);
        // Nobody needed the call.
        assert!(watch.begin(InDriver, || false));
        watch.end(InDriver);
        assert!(!watch.begin(InDriver, || false));
    }

    #[test]
    fn who_sleeps_outside_takes_it_over_from_the_driver() {
        let watch = Watch::new();
        assert!(watch.begin(InDriver, || true));
        assert!(watch.begin(Outside, || false));
        // It is not the driver's any more.
        watch.end(InDriver);
        assert!(watch.is_kept());
        watch.end(Outside);
        assert!(!watch.is_kept());
    }
}
