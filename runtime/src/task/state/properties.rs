//! All interleavings of one task's life, by search: the executor, the handle, wakers, aborts and
//! the closing of the executor take their steps in every order there is. Between two arrows lie
//! the steps that the answers ask for (drop the future, write the slot, release), so that what
//! one side does *after* an arrow meets every arrow of the others.

use std::collections::HashSet;

use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Exec {
    Idle,
    Polling,
    DropFuture,
    Finish,
    TakeJoiner,
    Retire,
    DropOutput,
    Release,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Hand {
    Idle,
    WriteSlot,
    Offer,
    EmptyThenTake,
    Take,
    Detach,
    DetachAs,
    DropOutput,
    EmptySlot,
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Output {
    NotYet,
    Stored,
    Taken,
    Dropped,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct World {
    word: u8,
    exec: Exec,
    hand: Hand,
    output: Output,
    future: bool,
    /// A waker is in the joiner's slot.
    slot: bool,
    /// The handle was told to wait, and has not been woken since.
    waiting: bool,
    queued: bool,
    closed: bool,
    released: bool,
    /// A wake that no poll has begun after.
    owed: bool,
    wakes: u8,
    aborts: u8,
    joins: u8,
}

/// Which answers were given in some interleaving.
type Seen = HashSet<String>;

const BORN: World = World {
    word: Snapshot::SPAWNED.0,
    exec: Exec::Idle,
    hand: Hand::Idle,
    output: Output::NotYet,
    future: true,
    slot: false,
    waiting: false,
    queued: true,
    closed: false,
    released: false,
    owed: true,
    wakes: 2,
    aborts: 2,
    joins: 3,
};

impl World {
    fn apply<R: std::fmt::Debug>(
        &mut self,
        seen: &mut Seen,
        name: &str,
        arrow: impl Fn(Snapshot) -> (Snapshot, R),
    ) -> R {
        let (next, answer) = arrow(Snapshot(self.word));
        self.word = next.0;
        seen.insert(format!("{name} {answer:?}"));
        answer
    }

    fn submit(&mut self) {
        assert!(!self.queued, "in a queue twice: {self:?}");
        assert!(
            self.exec == Exec::Idle,
            "queued while it is running: {self:?}"
        );
        // A closed executor takes nothing any more.
        self.queued = !self.closed;
    }

    fn release(&mut self) {
        assert!(!self.released, "released twice: {self:?}");
        assert!(!self.future, "released with its future: {self:?}");
        assert!(
            matches!(self.output, Output::Taken | Output::Dropped),
            "released with its output: {self:?}"
        );
        self.released = true;
    }

    /// Every state that one step of the executor leads to.
    fn execute(mut self, seen: &mut Seen) -> Vec<World> {
        match self.exec {
            Exec::Idle if self.queued => {
                self.queued = false;
                self.owed = false;
                self.exec = match self.apply(seen, "start", Snapshot::start) {
                    Start::Poll => Exec::Polling,
                    Start::Cancel => Exec::DropFuture,
                };
            }
            Exec::Idle | Exec::Done => return Vec::new(),
            Exec::Polling => {
                let mut ready = self;
                ready.exec = Exec::DropFuture;
                self.exec = Exec::Idle;
                match self.apply(seen, "pend", Snapshot::pend) {
                    Pend::Idle => {}
                    Pend::Requeue => self.submit(),
                    Pend::Cancel => self.exec = Exec::DropFuture,
                }
                return vec![ready, self];
            }
            Exec::DropFuture => {
                assert!(self.future && self.output == Output::NotYet, "{self:?}");
                self.future = false;
                self.output = Output::Stored;
                self.exec = Exec::Finish;
            }
            Exec::Finish => {
                self.owed = false;
                self.exec = match self.apply(seen, "complete", Snapshot::complete) {
                    Complete::LeaveToHandle => Exec::Done,
                    Complete::WakeJoiner => Exec::TakeJoiner,
                    Complete::DropOutput => Exec::DropOutput,
                };
            }
            Exec::TakeJoiner => {
                assert!(
                    !matches!(
                        self.hand,
                        Hand::WriteSlot | Hand::EmptySlot | Hand::EmptyThenTake
                    ),
                    "two sides have the slot: {self:?}"
                );
                assert!(self.slot && !self.released, "{self:?}");
                self.slot = false;
                self.waiting = false;
                self.exec = Exec::Retire;
            }
            Exec::Retire => {
                assert!(!self.released, "retired after it was freed: {self:?}");
                let release = self.apply(seen, "retire", Snapshot::retire);
                self.exec = if release { Exec::Release } else { Exec::Done };
            }
            Exec::DropOutput => {
                assert_eq!(self.output, Output::Stored, "{self:?}");
                self.output = Output::Dropped;
                self.exec = Exec::Release;
            }
            Exec::Release => {
                self.release();
                self.exec = Exec::Done;
            }
        }
        vec![self]
    }

    /// Every state that one step of the handle leads to.
    fn handle(mut self, seen: &mut Seen) -> Vec<World> {
        match self.hand {
            Hand::Gone => return Vec::new(),
            Hand::Idle => {
                let mut detach = self;
                detach.hand = Hand::Detach;
                if self.joins == 0 {
                    return vec![detach];
                }
                self.joins -= 1;
                self.hand = match self.apply(seen, "reclaim", Snapshot::reclaim_slot) {
                    Join::Wait => Hand::WriteSlot,
                    Join::Complete => Hand::Take,
                };
                return vec![detach, self];
            }
            Hand::WriteSlot => {
                self.slot = true;
                self.hand = Hand::Offer;
            }
            Hand::Offer => {
                self.hand = match self.apply(seen, "offer", Snapshot::offer_slot) {
                    Join::Wait => {
                        self.waiting = true;
                        Hand::Idle
                    }
                    Join::Complete => Hand::EmptyThenTake,
                };
            }
            Hand::EmptyThenTake => {
                self.slot = false;
                self.hand = Hand::Take;
            }
            Hand::Take => {
                if self.apply(seen, "take", Snapshot::take) {
                    assert_eq!(self.output, Output::Stored, "{self:?}");
                    self.output = Output::Taken;
                }
                self.waiting = false;
                self.hand = Hand::Idle;
            }
            Hand::Detach => {
                assert!(!self.released, "the handle is left with nothing: {self:?}");
                if Snapshot(self.word).is_spent() {
                    assert!(!self.slot, "a waker is left in the slot: {self:?}");
                    self.release();
                    self.hand = Hand::Gone;
                } else {
                    self.hand = Hand::DetachAs;
                }
            }
            Hand::DetachAs => {
                assert!(!self.released, "the handle is left with nothing: {self:?}");
                self.hand = match self.apply(seen, "detach", Snapshot::detach) {
                    Detach::SlotFirst => Hand::EmptySlot,
                    Detach::OutputFirst => Hand::DropOutput,
                    Detach::Release => {
                        self.release();
                        Hand::Gone
                    }
                    Detach::Nothing => {
                        self.waiting = false;
                        Hand::Gone
                    }
                };
            }
            Hand::DropOutput => {
                if self.apply(seen, "take", Snapshot::take) {
                    assert_eq!(self.output, Output::Stored, "{self:?}");
                    self.output = Output::Dropped;
                }
                self.hand = Hand::DetachAs;
            }
            Hand::EmptySlot => {
                assert!(!self.released, "the slot is gone: {self:?}");
                self.slot = false;
                self.waiting = false;
                self.hand = Hand::DetachAs;
            }
        }
        vec![self]
    }

    /// A wake, an abort, or the closing of the executor.
    fn outside(self, seen: &mut Seen) -> Vec<World> {
        let mut next = Vec::new();
        if self.wakes > 0 {
            let mut world = self;
            world.wakes -= 1;
            world.owed |= !Snapshot(world.word).is_complete();
            if world.apply(seen, "wake", Snapshot::wake) == Wake::Submit {
                world.submit();
            }
            next.push(world);
        }
        if self.aborts > 0 {
            let mut world = self;
            world.aborts -= 1;
            if world.apply(seen, "abort", Snapshot::abort) == Wake::Submit {
                world.submit();
            }
            next.push(world);
        }
        // It closes between two turns, not within one.
        if !self.closed && matches!(self.exec, Exec::Idle | Exec::Done) {
            let mut world = self;
            world.closed = true;
            world.queued = false;
            if world.apply(seen, "seize", Snapshot::seize) {
                assert!(world.future, "{world:?}");
                world.exec = Exec::DropFuture;
            }
            next.push(world);
        }
        next
    }

    fn check_word(self) {
        let now = Snapshot(self.word);
        let complete = now.is_complete();
        assert!(!(complete && now.has(QUEUED | RUNNING)), "{self:?}");
        assert!(complete || !now.has(RETIRED | TAKEN), "{self:?}");
        assert!(now.has(HANDLE) || complete || !now.has(JOINER), "{self:?}");
        assert_eq!(complete, !self.future && self.exec != Exec::Finish);
        if !self.closed {
            let in_poll = now.has(RUNNING);
            assert_eq!(self.queued, now.has(QUEUED) && !in_poll, "{self:?}");
        }
    }

    /// What must hold where nobody but wakers and aborts could take another step.
    fn check_rest(self) {
        if self.exec == Exec::Idle {
            assert!(!self.owed, "a wake was lost: {self:?}");
            assert!(
                !Snapshot(self.word).has(ABORTED),
                "an abort was lost: {self:?}"
            );
            assert!(self.future && !self.closed, "{self:?}");
        } else {
            assert!(!self.waiting, "the joiner sleeps for ever: {self:?}");
        }
        if self.exec == Exec::Done && self.hand == Hand::Gone {
            assert!(self.released, "leaked: {self:?}");
            assert!(!self.slot, "a waker was left behind: {self:?}");
        } else {
            assert!(!self.released, "freed while it is held: {self:?}");
        }
    }
}

/// Visits every state that can be reached from `BORN` and returns the answers that were seen.
fn explore() -> (HashSet<World>, Seen) {
    let mut seen = Seen::new();
    let mut known = HashSet::from([BORN]);
    let mut left = vec![BORN];
    while let Some(world) = left.pop() {
        world.check_word();
        let mut next = world.execute(&mut seen);
        let executed = !next.is_empty();
        next.extend(world.handle(&mut seen));
        // Waiting for the other side counts as rest: detaching is a choice, not a duty.
        if !executed && matches!(world.hand, Hand::Idle | Hand::Gone) {
            world.check_rest();
        }
        next.extend(world.outside(&mut seen));
        left.extend(next.into_iter().filter(|next| known.insert(*next)));
    }
    (known, seen)
}

/// tokio #4225 (RUSTSEC-2021-0124), glommio #379, rayon #929: in every interleaving the output is
/// taken or dropped once, the reference released once and last, no wake and no abort is lost,
/// and the task is in a queue at most once.
#[test]
#[cfg_attr(
    miri,
    ignore = "a search through thousands of states, without memory or threads"
)]
fn every_interleaving_keeps_the_books() {
    let (known, _) = explore();
    // Some thousands: the search did search.
    assert!(known.len() > 5_000, "{} states", known.len());
    let outcome = |exec, output| {
        let ended = |world: &&World| world.exec == exec && world.hand == Hand::Gone;
        known
            .iter()
            .filter(ended)
            .any(|world| world.output == output)
    };
    assert!(outcome(Exec::Done, Output::Taken));
    assert!(outcome(Exec::Done, Output::Dropped));
    assert!(
        known
            .iter()
            .any(|world| world.waiting && world.exec == Exec::TakeJoiner)
    );
}

/// An answer that no interleaving gives would be dead code, or a hole in the search.
#[test]
#[cfg_attr(miri, ignore = "as above")]
fn every_answer_is_given_in_some_interleaving() {
    let (_, seen) = explore();
    let mut missing: Vec<_> = [
        "wake Submit",
        "wake Nothing",
        "wake Again",
        "abort Submit",
        "abort Nothing",
        "abort Again",
        "start Poll",
        "start Cancel",
        "pend Idle",
        "pend Requeue",
        "pend Cancel",
        "complete LeaveToHandle",
        "complete WakeJoiner",
        "complete DropOutput",
        "retire true",
        "retire false",
        "seize true",
        "seize false",
        "reclaim Wait",
        "reclaim Complete",
        "offer Wait",
        "offer Complete",
        "take true",
        "take false",
        "detach SlotFirst",
        "detach Release",
        "detach Nothing",
        "detach OutputFirst",
    ]
    .into();
    missing.retain(|answer| !seen.contains(*answer));
    assert!(missing.is_empty(), "never seen: {missing:?}");
}
