//! Searches every interleaving of one task's life. The executor, the handle, wakers, aborts and the
//! shutdown of the executor take their steps in every possible order. Each action after a transition (drop
//! the future, call the waker, release the reference) is a separate step. So these actions are interleaved
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
    WakeJoiner,
    DropOutput,
    EndReference,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Hand {
    Idle,
    /// The handle has loaded this word. Its next step replaces the word with its waker.
    Wait(Word),
    Take,
    /// The handle has loaded this word. Its next step replaces the word with DETACHED.
    Detach(Word),
    DropOutput,
    EndReference,
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
    /// A poll of the handle returned `Pending`, and its waker has not been called since.
    waiting: bool,
    /// A `Runnable` or a `Ready` exists.
    queued: bool,
    /// The executor is a custom one: it may close during a poll, and a `Ready` may outlive the close.
    custom: bool,
    closed: bool,
    freed: bool,
    /// A wake came, and no poll has begun after it.
    owed: bool,
    wakes: u8,
    aborts: u8,
    joins: u8,
}

/// The wakers with which the handle is polled, the last one first.
const WAKERS: [Word; 3] = [Word::constant(8), Word::constant(16), Word::constant(24)];

/// The answers seen in any interleaving.
type Seen = HashSet<String>;

const BORN: World = World {
    run: Snapshot::SPAWNED,
    join: Word::JOINED,
    exec: Exec::Idle,
    hand: Hand::Idle,
    output: Output::NotYet,
    future: true,
    waiting: false,
    queued: true,
    custom: false,
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

    /// Replaces `from` in the join word, unless the word has changed.
    fn replace(&mut self, seen: &mut Seen, name: &str, from: Word, to: Word) -> bool {
        let replaced = self.join == from;
        if replaced {
            self.join = to;
        }
        seen.insert(format!("{name} {replaced}"));
        replaced
    }

    /// The handle takes or drops the output, if it is still there. Its state in the model is then `to`.
    fn take(&mut self, seen: &mut Seen, to: Output) {
        assert!(self.join.is_done() && !self.freed, "{self:?}");
        let there = self.join == Word::DONE;
        self.join = Word::TAKEN;
        seen.insert(format!("take {there}"));
        if there {
            assert_eq!(self.output, Output::Stored, "{self:?}");
            self.output = to;
        }
    }

    fn submit(&mut self) {
        assert!(!self.queued, "in a queue twice: {self:?}");
        assert!(
            self.exec == Exec::Idle,
            "queued while it is running: {self:?}"
        );
        // A closed executor accepts no tasks. After a custom executor has closed, no task may be queued.
        assert!(!(self.closed && self.custom), "queued too late: {self:?}");
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
                let start = match self.custom {
                    true => self.run(seen, "custom start", Snapshot::start_unless_seized),
                    false => Some(self.run(seen, "start", Snapshot::start)),
                };
                self.exec = match start.expect("no other thread owns the task") {
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
                self.run = self.run.finish();
                self.exec = Exec::HandOver;
            }
            Exec::HandOver => {
                assert!(!self.freed && !self.join.is_done(), "{self:?}");
                let before = std::mem::replace(&mut self.join, Word::DONE);
                self.exec = match before {
                    Word::JOINED => Exec::Done,
                    Word::DETACHED => Exec::DropOutput,
                    _ => Exec::WakeJoiner,
                };
                seen.insert(format!("complete {:?}", self.exec));
            }
            // The handle may have freed the task already, so only the waker is used.
            Exec::WakeJoiner => {
                self.waiting = false;
                self.exec = Exec::Done;
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
                assert!(!self.freed, "the handle has no task: {self:?}");
                let mut detach = self;
                detach.hand = match self.join {
                    Word::TAKEN => Hand::EndReference,
                    word => Hand::Detach(word),
                };
                if self.joins == 0 {
                    return vec![detach];
                }
                self.joins -= 1;
                self.hand = match self.join.is_done() {
                    true => Hand::Take,
                    false => Hand::Wait(self.join),
                };
                return vec![detach, self];
            }
            Hand::Wait(loaded) => {
                let registered = self.replace(seen, "wait", loaded, WAKERS[self.joins as usize]);
                self.waiting |= registered;
                self.hand = if registered { Hand::Idle } else { Hand::Take };
            }
            Hand::Take => {
                self.take(seen, Output::Taken);
                self.waiting = false;
                self.hand = Hand::Idle;
            }
            Hand::Detach(loaded) => {
                if !loaded.is_done() && self.replace(seen, "detach", loaded, Word::DETACHED) {
                    self.waiting = false;
                    self.hand = Hand::Gone;
                } else {
                    self.hand = Hand::DropOutput;
                }
            }
            Hand::DropOutput => {
                self.take(seen, Output::Dropped);
                self.hand = Hand::EndReference;
            }
            Hand::EndReference => {
                self.end_reference();
                self.waiting = false;
                self.hand = Hand::Gone;
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
        if self.custom {
            next.extend(self.outside_custom(seen));
            return next;
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

    /// Returns every state that follows if a custom executor closes, if a `Ready` is dropped, or if a `Ready`
    /// is run after the close.
    fn outside_custom(self, seen: &mut Seen) -> Vec<World> {
        let mut next = Vec::new();
        if !self.closed {
            let mut world = self;
            world.closed = true;
            if world.run(seen, "close", Snapshot::seize_or_abort) {
                assert!(world.future && world.exec == Exec::Idle, "{world:?}");
                world.exec = Exec::DropFuture;
            }
            next.push(world);
        }
        if self.queued {
            let mut world = self;
            world.queued = false;
            if world.run(seen, "drop", Snapshot::seize) {
                assert!(world.future && world.exec == Exec::Idle, "{world:?}");
                world.exec = Exec::DropFuture;
            }
            next.push(world);
            if self.exec != Exec::Idle {
                let mut world = self;
                world.queued = false;
                let start = world.run(seen, "custom start", Snapshot::start_unless_seized);
                assert_eq!(start, None, "two threads own the task: {world:?}");
                next.push(world);
            }
        }
        next
    }

    fn check_words(self) {
        let (run, join) = (self.run, self.join);
        assert!(!run.is_done() || run == run.finish(), "{self:?}");
        assert!(run.is_done() || !join.is_done(), "{self:?}");
        if !self.closed {
            let in_poll = run.has(RUNNING);
            assert_eq!(self.queued, run.has(QUEUED) && !in_poll, "{self:?}");
        }
    }

    /// Checks a state at rest: the executor has nothing to do, and the handle is idle or gone.
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
            assert!(self.join.is_done(), "a waker was left behind: {self:?}");
        } else {
            assert!(!self.freed, "freed while it is held: {self:?}");
        }
    }
}

/// Visits every state that can be reached from `BORN`, for both kinds of executors, and returns the answers
/// that were seen.
fn explore() -> (HashSet<World>, Seen) {
    let mut seen = Seen::new();
    let custom = World {
        custom: true,
        ..BORN
    };
    let mut known = HashSet::from([BORN, custom]);
    let mut left = vec![BORN, custom];
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

/// In every interleaving, the output is taken or dropped once, and the reference is released once, as the
/// last step. No wake and no abort is lost, and the task is in a queue at most once. Violations of these
/// rules were tokio #4225 (RUSTSEC-2021-0124), glommio #379 and rayon #929.
#[test]
#[cfg_attr(
    miri,
    ignore = "a search through thousands of states, without memory or threads"
)]
fn every_interleaving_keeps_the_books() {
    let (known, _) = explore();
    assert!(known.len() > 3_500, "{} states", known.len());
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
            .any(|world| world.waiting && world.exec == Exec::WakeJoiner)
    );
}

/// An answer that no interleaving gives is dead code, or shows that the search has a gap.
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
        "complete Done",
        "complete WakeJoiner",
        "complete DropOutput",
        "seize true",
        "seize false",
        "custom start None",
        "custom start Some(Poll)",
        "custom start Some(Cancel)",
        "close true",
        "close false",
        "drop true",
        "drop false",
        "wait true",
        "wait false",
        "take true",
        "take false",
        "detach true",
        "detach false",
    ]
    .into();
    missing.retain(|answer| !seen.contains(*answer));
    assert!(missing.is_empty(), "never seen: {missing:?}");
}
