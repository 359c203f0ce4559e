//! The ids of tasks: numbers that are never used twice.
//!
//! An [`Id`] takes six bytes of a task's header. Each thread takes a batch of numbers at a time from one
//! counter, so threads rarely contend for the counter.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies a task among all tasks of this process, on any executor.
///
/// ```
/// # let executor = brigade::SingleThread::new().unwrap();
/// # executor.block_on(async {
/// let (a, b) = (brigade::spawn(async {}), brigade::spawn(async {}));
/// assert_ne!(a.id(), b.id());
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(u64);

impl Id {
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Id(number)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// An [`Id`] in six bytes. In the header, `state` and `sent` fill the other two bytes of an eight-byte word.
/// If a task is spawned every 100 ns, 2^48 ids last for eleven months.
#[derive(Clone, Copy)]
pub(super) struct PackedId([u8; 6]);

/// The number of ids that a thread takes at a time. Most ids then cost one addition. Arbitrary: not
/// measured.
const BATCH: u64 = 1024;

impl PackedId {
    /// Returns an id that no other task has.
    pub(super) fn next() -> Self {
        // This is std's atomic even under loom, because no race depends on an id.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        std::thread_local! {
            static MINE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        }
        PackedId::new(MINE.with(|mine| {
            let (mut next, mut end) = mine.get();
            if next == end {
                next = NEXT.fetch_add(BATCH, Ordering::Relaxed);
                end = next + BATCH;
            }
            mine.set((next + 1, end));
            next
        }))
    }

    fn new(number: u64) -> Self {
        let [a, b, c, d, e, f, _, _] = number.to_le_bytes();
        PackedId([a, b, c, d, e, f])
    }

    pub(super) fn get(self) -> Id {
        let [a, b, c, d, e, f] = self.0;
        Id(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The number of ids that each thread takes: several batches, or fewer in Miri, which is slow.
    const EACH: usize = if cfg!(miri) { 100 } else { 3000 };

    #[test]
    fn ids_are_unique_across_threads() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| -> Vec<Id> {
                    (0..EACH).map(|_| PackedId::next().get()).collect()
                })
            })
            .collect();
        let all: HashSet<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(all.len(), 4 * EACH);
    }

    #[test]
    fn ids_of_one_thread_increase() {
        let ids: Vec<_> = (0..EACH).map(|_| PackedId::next().get()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn packing_keeps_48_bits() {
        for id in [0, 1, u64::from(u32::MAX), 1 << 32, (1 << 48) - 1] {
            assert_eq!(PackedId::new(id).get(), Id(id));
            assert_eq!(Id(id).to_string(), format!("#{id}"));
        }
    }
}
