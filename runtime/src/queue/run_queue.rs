//! The run queue of one thread: tasks that are ready, in the order in which they will run.
//!
//! **Job.** First in, first out; or, with a seed, in an order drawn from a generator, the same for
//! the same seed. **Owns** the right to run every task in it. **Never** locks: it belongs to one
//! thread.

use std::collections::VecDeque;

use crate::task::raw::{RawTask, Runnable};

/// See the module.
pub(crate) struct RunQueue {
    tasks: VecDeque<RawTask>,
    order: Option<Generator>,
}

impl RunQueue {
    /// A queue in order of arrival, or in an order drawn from `seed`.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        RunQueue {
            tasks: VecDeque::new(),
            order: seed.map(Generator::new),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, task: Runnable) {
        self.tasks.push_back(task.into_queue());
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Runnable> {
        let task = match &mut self.order {
            None => self.tasks.pop_front(),
            Some(order) => order
                .below(self.tasks.len())
                .and_then(|index| self.tasks.swap_remove_front(index)),
        };
        task.map(Runnable::from_queue)
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Takes one task out, wherever it is.
    pub(crate) fn remove(&mut self, task: RawTask) {
        self.tasks.retain(|other| *other != task);
    }

    pub(crate) fn clear(&mut self) {
        self.tasks.clear();
    }

    /// Gives back what a great crowd needed, when it has gone.
    pub(crate) fn forget_peak(&mut self) {
        /// Below this a queue is not worth giving back: 32 KiB. Thin air.
        const KEEP: usize = 4096;
        if self.tasks.is_empty() && self.tasks.capacity() > KEEP {
            self.tasks = VecDeque::new();
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): a
/// counter, scrambled. Every seed is a good one.
struct Generator(u64);

impl Generator {
    fn new(seed: u64) -> Self {
        Generator(seed)
    }

    /// A number below `bound`, or `None` if that is 0. The product's upper half, instead of a
    /// remainder, is as even as can be told from a queue's order.
    fn below(&mut self, bound: usize) -> Option<usize> {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let scaled = (u128::from(z) * bound as u128) >> 64;
        (bound > 0).then_some(scaled as usize)
    }
}
