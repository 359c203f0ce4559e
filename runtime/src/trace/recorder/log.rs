//! The log of one thread: a chain of chunks.
//!
//! The thread appends to its log while other threads may read it. An entry has three atomic words:
//!
//! | word | holds |
//! |---|---|
//! | 0 | the time by the executor's clock, in nanoseconds |
//! | 1 | the kind (8 bits), the details (8 bits), the task's id or, for `CpuTime`, the run delay (48 bits) |
//! | 2 | another task's id, or a count or time that depends on the kind |

// Use std's atomics even under loom, because no race of the runtime depends on them.
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::Role;

/// The kind of an event, as a number of 8 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    Spawn,
    PollBegin,
    PollEnd,
    Cancel,
    Wake,
    Join,
    Abort,
    Steal,
    Park,
    Unpark,
    IoReady,
    TimersFired,
    Stranded,
    CpuTime,
}

impl Kind {
    const ALL: [Kind; 14] = [
        Kind::Spawn,
        Kind::PollBegin,
        Kind::PollEnd,
        Kind::Cancel,
        Kind::Wake,
        Kind::Join,
        Kind::Abort,
        Kind::Steal,
        Kind::Park,
        Kind::Unpark,
        Kind::IoReady,
        Kind::TimersFired,
        Kind::Stranded,
        Kind::CpuTime,
    ];
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The time by the executor's clock, in nanoseconds.
    pub(crate) at: u64,
    pub(crate) kind: Kind,
    /// The details, which depend on the kind.
    pub(crate) how: u8,
    /// A task's id. For `CpuTime`, the run delay. 0 for kinds without a task.
    pub(crate) task: u64,
    /// Another task's id, or a count or time that depends on the kind.
    pub(crate) other: u64,
}

/// The entries that one thread reported.
pub(crate) struct Log {
    /// The role of the thread. Not set for an outside thread.
    pub(super) role: OnceLock<Role>,
    pub(super) name: String,
    pub(super) first: OnceLock<Arc<Chunk>>,
}

pub(super) struct Chunk {
    length: AtomicUsize,
    pub(super) words: Box<[[AtomicU64; 3]]>,
    pub(super) next: OnceLock<Arc<Chunk>>,
}

const TASK: u64 = (1 << 48) - 1;

/// Returns the three words of an entry.
pub(super) fn entry(at: u64, kind: Kind, how: u8, task: u64, other: u64) -> [u64; 3] {
    let what = kind as u64 | u64::from(how) << 8 | (task & TASK) << 16;
    [at, what, other]
}

impl Log {
    pub(crate) fn role(&self) -> Role {
        self.role.get().copied().unwrap_or(Role::Outside)
    }

    /// Returns the name of the thread in the timeline.
    pub(crate) fn label(&self) -> String {
        match self.role() {
            Role::Worker(number) => format!("worker {number}"),
            Role::Blocking | Role::Outside => self.name.clone(),
        }
    }

    fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        std::iter::successors(self.first.get(), |chunk| chunk.next.get())
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.chunks().flat_map(|chunk| chunk.entries())
    }
}

impl Drop for Log {
    /// Frees the chunks in a loop. Otherwise each chunk would free the next one in a recursion, which needs
    /// a large stack.
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(chunk) = next {
            next = Arc::into_inner(chunk).and_then(|mut chunk| chunk.next.take());
        }
    }
}

impl Chunk {
    pub(super) fn new(length: usize) -> Self {
        let words = (0..length).map(|_| [const { AtomicU64::new(0) }; 3]);
        Chunk {
            length: AtomicUsize::new(0),
            words: words.collect(),
            next: OnceLock::new(),
        }
    }

    /// Appends an entry. Only the log's thread calls this. Returns `false` if the chunk is full.
    pub(super) fn append(&self, words: [u64; 3]) -> bool {
        let length = self.length.load(Ordering::Relaxed);
        let Some(entry) = self.words.get(length) else {
            return false;
        };
        for (place, word) in entry.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
        // Release pairs with the Acquire of `entries`.
        self.length.store(length + 1, Ordering::Release);
        true
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        let length = self.length.load(Ordering::Acquire);
        self.words[..length].iter().filter_map(|words| {
            let [at, what, other] = words.each_ref().map(|word| word.load(Ordering::Relaxed));
            Some(Entry {
                at,
                kind: *Kind::ALL.get(usize::from(what as u8))?,
                how: (what >> 8) as u8,
                task: what >> 16,
                other,
            })
        })
    }
}
