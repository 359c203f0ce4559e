//! Searches every interleaving of one task's life. The executor, the handle, wakers, aborts and the
//! shutdown of the executor take their steps in every possible order. Each action after a transition (drop
//! the future, write the slot, release the reference) is a separate step. So these actions are interleaved
//! with every transition of the other sides.

use std::collections::HashSet;

use super::super::state::{ABORTED, Pend, QUEUED, RUNNING, Snapshot, Start, Wake};
use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Exec {
    Idle,
    Polling,
    DropFuture,
    Finish,
    HandOver,
    TakeWaker,
    Release,
    DropOutput,
    EndReference,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Hand {
    Idle,
    Reclaim,
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
    run: Snapshot,
    join: Word,
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
    freed: bool,
    /// A wake came, and no poll has begun after it.
    owed: bool,
    wakes: u8,
    aborts: u8,
    joins: u8,
}

/// The answers seen in any interleaving.
type Seen = HashSet<String>;

const BORN: World = World {
    run: Snapshot::SPAWNED,
    join: Word::JOINED,
    exec: Exec::Idle,
    hand: Hand::Idle,
    output: Output::NotYet,
    future: true,
    slot: false,
    waiting: false,
    queued: true,
    closed: false,
    freed: false,
    owed: true,
    wakes: 2,
    aborts: 2,
    joins: 3,
};

impl World {
    fn run<R: std::fmt::Debug>(
        &mut self,
        seen: &mut Seen,
        name: &str,
        step: impl Fn(Snapshot) -> (Snapshot, R),
    ) -> R {
        let (next, answer) = step(self.run);
        self.run = next;
        seen.insert(format!("{name} {answer:?}"));
        answer
    }

    fn join<R: std::fmt::Debug>(
        &mut self,
        seen: &mut Seen,
        name: &str,
        step: impl Fn(Word) -> (Word, R),
    ) -> R {
        let (next, answer) = step(self.join);
        self.join = next;
        seen.insert(format!("{name} {answer:?}"));
        answer
    }

    fn submit(&mut self) {
        assert!(!self.queued, "in a queue twice: {self:?}");
        assert!(
            self.exec == Exec::Idle,
            "queued while it is running: {self:?}"
        );
        // A closed executor accepts no tasks.
        self.queued = !self.closed;
    }

    fn end_reference(&mut self) {
        assert!(!self.freed, "freed twice: {self:?}");
        assert!(!self.future, "freed with its future: {self:?}");
        assert!(
            matches!(self.output, Output::Taken | Output::Dropped),
            "freed with its output: {self:?}"
        );
        self.freed = true;
    }

    /// Returns every state that one step of the executor leads to.
    fn execute(mut self, seen: &mut Seen) -> Vec<World> {
        match self.exec {
            Exec::Idle if self.queued => {
                self.queued = false;
                self.owed = false;
                self.exec = match self.run(seen, "start", Snapshot::start) {
                    Start::Poll => Exec::Polling,
                    Start::Cancel => Exec::DropFuture,
                };
            }
            Exec::Idle | Exec::Done => return Vec::new(),
            Exec::Polling => {
                let mut ready = self;
                ready.exec = Exec::DropFuture;
                self.exec = Exec::Idle;
                match self.run(seen, "pend", Snapshot::pend) {
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
                self.run = Snapshot::FINISHED;
                self.exec = Exec::HandOver;
            }
            Exec::HandOver => {
                self.exec = match self.join(seen, "complete", Word::complete) {
                    Complete::LeaveToHandle => Exec::Done,
                    Complete::WakeJoiner => Exec::TakeWaker,
                    Complete::DropOutput => Exec::DropOutput,
                };
            }
            Exec::TakeWaker => {
                assert!(
                    !matches!(
                        self.hand,
                        Hand::WriteSlot | Hand::EmptySlot | Hand::EmptyThenTake
                    ),
                    "two sides have the slot: {self:?}"
                );
                assert!(self.slot && !self.freed, "{self:?}");
                self.slot = false;
                self.waiting = false;
                self.exec = Exec::Release;
            }
            Exec::Release => {
                assert!(!self.freed, "released after it was freed: {self:?}");
                let last = self.join(seen, "release", Word::release);
                self.exec = if last { Exec::EndReference } else { Exec::Done };
            }
            Exec::DropOutput => {
                assert_eq!(self.output, Output::Stored, "{self:?}");
                self.output = Output::Dropped;
                self.exec = Exec::EndReference;
            }
            Exec::EndReference => {
                self.end_reference();
                self.exec = Exec::Done;
            }
        }
        vec![self]
    }

    /// Returns every state that one step of the handle leads to.
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
                // `poll_join` and `wait` read the word in this way.
                self.hand = if self.join.has(DONE) {
                    Hand::Take
                } else if self.join.has(WAKER) {
                    Hand::Reclaim
                } else {
                    Hand::WriteSlot
                };
                return vec![detach, self];
            }
            Hand::Reclaim => {
                let done = self.join(seen, "reclaim", Word::reclaim);
                self.hand = if done { Hand::Take } else { Hand::WriteSlot };
            }
            Hand::WriteSlot => {
                self.slot = true;
                self.hand = Hand::Offer;
            }
            Hand::Offer => {
                let done = self.join(seen, "offer", Word::offer);
                self.waiting |= !done;
                self.hand = if done {
                    Hand::EmptyThenTake
                } else {
                    Hand::Idle
                };
            }
            Hand::EmptyThenTake => {
                self.slot = false;
                self.hand = Hand::Take;
            }
            Hand::Take => {
                if self.join(seen, "take", Word::take) {
                    assert_eq!(self.output, Output::Stored, "{self:?}");
                    self.output = Output::Taken;
                }
                self.waiting = false;
                self.hand = Hand::Idle;
            }
            Hand::Detach => {
                assert!(
                    !self.freed,
                    "the handle has no output and no task: {self:?}"
                );
                if self.join.has(RELEASED) && self.join.has(TAKEN) {
                    assert!(!self.slot, "a waker is left in the slot: {self:?}");
                    self.end_reference();
                    self.hand = Hand::Gone;
                } else {
                    self.hand = Hand::DetachAs;
                }
            }
            Hand::DetachAs => {
                assert!(
                    !self.freed,
                    "the handle has no output and no task: {self:?}"
                );
                self.hand = match self.join(seen, "detach", Word::detach) {
                    Detach::SlotFirst => Hand::EmptySlot,
                    Detach::OutputFirst => Hand::DropOutput,
                    Detach::EndReference => {
                        self.end_reference();
                        Hand::Gone
                    }
                    Detach::Nothing => {
                        self.waiting = false;
                        Hand::Gone
                    }
                };
            }
            Hand::DropOutput => {
                if self.join(seen, "take", Word::take) {
                    assert_eq!(self.output, Output::Stored, "{self:?}");
                    self.output = Output::Dropped;
                }
                self.hand = Hand::DetachAs;
            }
            Hand::EmptySlot => {
                assert!(!self.freed, "the slot is gone: {self:?}");
                self.slot = false;
                self.waiting = false;
                self.hand = Hand::DetachAs;
            }
        }
        vec![self]
    }

    /// Returns every state that a wake, an abort, or the closing of the executor leads to.
    fn outside(self, seen: &mut Seen) -> Vec<World> {
        let mut next = Vec::new();
        if self.wakes > 0 {
            let mut world = self;
            world.wakes -= 1;
            world.owed |= !world.run.is_done();
            if world.run(seen, "wake", Snapshot::wake) == Wake::Submit {
                world.submit();
            }
            next.push(world);
        }
        if self.aborts > 0 {
            let mut world = self;
            world.aborts -= 1;
            if world.run(seen, "abort", Snapshot::abort) == Wake::Submit {
                world.submit();
            }
            next.push(world);
        }
        // The executor closes between two polls, not during one.
        if !self.closed && matches!(self.exec, Exec::Idle | Exec::Done) {
            let mut world = self;
            world.closed = true;
            world.queued = false;
            if world.run(seen, "seize", Snapshot::seize) {
                assert!(world.future, "{world:?}");
                world.exec = Exec::DropFuture;
            }
            next.push(world);
        }
        next
    }

    fn check_words(self) {
        let (run, join) = (self.run, self.join);
        assert!(!run.is_done() || run == Snapshot::FINISHED, "{self:?}");
        assert!(run.is_done() || !join.has(DONE), "{self:?}");
        assert!(join.has(DONE) || !join.has(RELEASED | TAKEN), "{self:?}");
        assert!(join.has(HANDLE | DONE) || !join.has(WAKER), "{self:?}");
        if !self.closed {
            let in_poll = run.has(RUNNING);
            assert_eq!(self.queued, run.has(QUEUED) && !in_poll, "{self:?}");
        }
    }

    /// Checks a state in which only wakers and aborts could take another step.
    fn check_rest(self) {
        if self.exec == Exec::Idle {
            assert!(!self.owed, "a wake was lost: {self:?}");
            assert!(!self.run.has(ABORTED), "an abort was lost: {self:?}");
            assert!(self.future && !self.closed, "{self:?}");
        } else {
            assert!(!self.waiting, "the joining task is never woken: {self:?}");
        }
        if self.exec == Exec::Done && self.hand == Hand::Gone {
            assert!(self.freed, "leaked: {self:?}");
            assert!(!self.slot, "a waker was left behind: {self:?}");
        } else {
            assert!(!self.freed, "freed while it is held: {self:?}");
        }
    }
}

/// Visits every state that can be reached from `BORN` and returns the answers that were seen.
fn explore() -> (HashSet<World>, Seen) {
    let mut seen = Seen::new();
    let mut known = HashSet::from([BORN]);
    let mut left = vec![BORN];
    while let Some(world) = left.pop() {
        world.check_words();
        let mut next = world.execute(&mut seen);
        let executed = !next.is_empty();
        next.extend(world.handle(&mut seen));
        // A state with an idle handle is also at rest, because the handle may stay idle.
        if !executed && matches!(world.hand, Hand::Idle | Hand::Gone) {
            world.check_rest();
        }
        next.extend(world.outside(&mut seen));
        left.extend(next.into_iter().filter(|next| known.insert(*next)));
    }
    (known, seen)
}

/// tokio #4225 (RUSTSEC-2021-0124), glommio #379, rayon #929. In every interleaving the output is taken
/// or dropped once, and the reference is released once, as the last step. No wake and no abort is lost, and
/// the task is in a queue at most once.
#[test]
#[cfg_attr(
    miri,
    ignore = "a search through thousands of states, without memory or threads"
)]
fn every_interleaving_keeps_the_books() {
    let (known, _) = explore();
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
            .any(|world| world.waiting && world.exec == Exec::TakeWaker)
    );
}

/// An answer that no interleaving gives would be dead code, or a gap in the search.
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
        "release true",
        "release false",
        "seize true",
        "seize false",
        "reclaim true",
        "reclaim false",
        "offer true",
        "offer false",
        "take true",
        "take false",
        "detach SlotFirst",
        "detach EndReference",
        "detach Nothing",
        "detach OutputFirst",
    ]
    .into();
    missing.retain(|answer| !seen.contains(*answer));
    assert!(missing.is_empty(), "never seen: {missing:?}");
}
