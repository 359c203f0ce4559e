//! The run queue of one thread: ready tasks, in the order in which they will run.
//!
//! Without a seed, the queue is first come, first served. It has two parts: tasks that were spawned or
//! woken, and tasks that *yielded*. A task yields if it is woken during its own poll. It then goes behind
//! all tasks that are ready. Tasks that become ready later may overtake it: at most [`OVERTAKES`] of them
//! run before the first yielded task, and at most as many between two yielded tasks. So yielding tasks do
//! not starve, and hardly delay the tasks that the driver woke. With a seed, a pseudorandom generator
//! decides the order.

use std::collections::VecDeque;

use crate::coop::OVERTAKES;
use crate::task::raw::{RawTask, Runnable};

/// The ready tasks of one thread. The queue holds the right to run each of them.
pub(crate) struct LocalQueue {
    woken: VecDeque<Runnable>,
    /// Each yielded task, with a number. Once `taken` reaches this number, every task that was in `woken`
    /// before the yield has been taken.
    yielded: VecDeque<(Runnable, u64)>,
    /// Counts the tasks that were taken from `woken`.
    taken: u64,
    /// Counts the tasks that overtook the first yielded task.
    overtakes: u32,
    order: Option<Generator>,
}

impl LocalQueue {
    /// Makes a queue in order of arrival, or in an order decided by `seed`.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        LocalQueue {
            woken: VecDeque::new(),
            yielded: VecDeque::new(),
            taken: 0,
            overtakes: 0,
            order: seed.map(Generator::new),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, task: Runnable) {
        self.woken.push_back(task);
    }

    /// Adds a task that was woken during its own poll.
    #[inline]
    pub(crate) fn push_yielded(&mut self, task: Runnable) {
        if self.order.is_some() {
            return self.push(task);
        }
        let after = self.taken + self.woken.len() as u64;
        self.yielded.push_back((task, after));
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Runnable> {
        if let Some(order) = &mut self.order {
            let index = order.below(self.woken.len())?;
            return self.woken.swap_remove_front(index);
        }
        if self.woken.is_empty() {
            return self.yielded.pop_front().map(|(task, _)| task);
        }
        if let Some((_, after)) = self.yielded.front() {
            let is_next = self.taken >= *after;
            if is_next && self.overtakes == OVERTAKES {
                self.overtakes = 0;
                return self.yielded.pop_front().map(|(task, _)| task);
            }
            self.overtakes += u32::from(is_next);
        }
        self.taken += 1;
        self.woken.pop_front()
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.woken.len() + self.yielded.len()
    }

    pub(crate) fn remove(&mut self, task: RawTask) {
        self.woken.retain(|other| other.raw() != task);
        self.yielded.retain(|(other, _)| other.raw() != task);
    }

    /// Removes all tasks. The caller cancels them.
    pub(crate) fn clear(&mut self) {
        self.woken.clear();
        self.yielded.clear();
    }

    /// If the queue is empty, frees memory that a burst of tasks needed.
    pub(crate) fn shrink_after_burst(&mut self) {
        /// The largest capacity that is not freed: 32 KiB. Arbitrary: not measured.
        const KEEP: usize = 4096;
        if self.len() == 0 && self.woken.capacity() + self.yielded.capacity() > KEEP {
            self.woken = VecDeque::new();
            self.yielded = VecDeque::new();
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): a scrambled
/// counter. Any seed works.
struct Generator(u64);

impl Generator {
    fn new(seed: u64) -> Self {
        Generator(seed)
    }

    /// Returns a random number below `bound`, or `None` if `bound` is 0. The number is the upper half of a
    /// product, because a remainder costs more. The numbers are uniform enough for a queue.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::task::JoinHandle;
    use crate::task::raw::Unbound;
    use crate::test_support::{Nowhere, new_task};

    /// Returns a queue of `count` tasks, these tasks in order, and their handles.
    fn queue_of(
        count: usize,
        seed: Option<u64>,
    ) -> (LocalQueue, Vec<RawTask>, Vec<JoinHandle<()>>) {
        let mut queue = LocalQueue::new(seed);
        let (new, handles): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| new_task(Arc::new(Nowhere), async {}))
            .unzip();
        let raw = new.iter().map(Unbound::raw).collect();
        new.into_iter().for_each(|task| queue.push(task.bind()));
        (queue, raw, handles)
    }

    /// Takes all tasks out, in order, and returns their indices in `tasks`.
    fn drain(queue: &mut LocalQueue, tasks: &[RawTask]) -> Vec<usize> {
        std::iter::from_fn(|| {
            let next = queue.pop()?;
            let index = tasks.iter().position(|task| *task == next.raw()).unwrap();
            next.cancel();
            Some(index)
        })
        .collect()
    }

    #[test]
    fn a_queue_without_a_seed_is_first_come_first_served() {
        let (mut queue, tasks, _handles) = queue_of(100, None);
        assert_eq!(queue.len(), 100);
        assert_eq!(drain(&mut queue, &tasks), (0..100).collect::<Vec<_>>());
        assert!(queue.pop().is_none() && queue.len() == 0);
    }

    #[test]
    fn a_task_that_yields_is_overtaken_by_a_bounded_number_of_later_ones() {
        const EARLIER: usize = 5;
        let (new, _handles): (Vec<_>, Vec<_>) = (0..200)
            .map(|_| new_task(Arc::new(Nowhere), async {}))
            .unzip();
        let raw: Vec<RawTask> = new.iter().map(Unbound::raw).collect();
        let mut newborn = new.into_iter().map(Unbound::bind);
        let mut queue = LocalQueue::new(None);
        newborn
            .by_ref()
            .take(EARLIER)
            .for_each(|task| queue.push(task));
        let mut yields = newborn.by_ref().take(2);
        queue.push_yielded(yields.next().unwrap());
        queue.push_yielded(yields.next().unwrap());
        newborn.for_each(|task| queue.push(task));
        let order = drain(&mut queue, &raw);
        let place = |task| order.iter().position(|it| *it == task).unwrap();
        let first = EARLIER + OVERTAKES as usize;
        assert_eq!(place(EARLIER), first);
        assert_eq!(place(EARLIER + 1), first + 1 + OVERTAKES as usize);
        assert!((0..EARLIER).all(|task| place(task) == task));
        assert!(queue.len() == 0 && order.len() == 200);
    }

    #[test]
    fn a_seed_gives_an_order_and_always_the_same() {
        let order = |seed| {
            let (mut queue, tasks, _handles) = queue_of(50, Some(seed));
            let order = drain(&mut queue, &tasks);
            assert!(queue.pop().is_none());
            order
        };
        for seed in [0, 1, 2, u64::MAX] {
            let mut sorted = order(seed);
            assert_eq!(sorted, order(seed));
            sorted.sort_unstable();
            assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        }
        assert_ne!(order(0), order(1));
        assert_ne!(order(0), order(u64::MAX));
    }

    #[test]
    fn a_task_can_be_taken_out_of_the_middle() {
        for at in [0, 3, 6] {
            let (mut queue, tasks, _handles) = queue_of(7, None);
            queue.remove(tasks[at]);
            tasks[at].cancel();
            let expected: Vec<_> = (0..7).filter(|n| *n != at).collect();
            assert_eq!(drain(&mut queue, &tasks), expected);
            // The task is no longer in the queue, so `remove` does nothing.
            queue.remove(tasks[at]);
        }
    }

    /// At shutdown, the executor finds the removed tasks on its list and cancels them.
    #[test]
    fn clearing_forgets_the_tasks_and_does_not_cancel_them() {
        let (mut queue, tasks, handles) = queue_of(3, None);
        queue.clear();
        assert!(queue.pop().is_none() && queue.len() == 0);
        assert!(handles.iter().all(|handle| !handle.is_finished()));
        for task in tasks {
            task.cancel();
        }
        assert!(handles.iter().all(JoinHandle::is_finished));
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of tasks that all do the same")]
    fn memory_of_a_burst_is_freed_once_it_is_over() {
        let (mut queue, tasks, _handles) = queue_of(5000, None);
        let first = queue.pop().unwrap();
        queue.shrink_after_burst();
        assert!(queue.woken.capacity() >= 4999);
        first.cancel();
        let _ = drain(&mut queue, &tasks);
        queue.shrink_after_burst();
        assert_eq!(queue.woken.capacity(), 0);
    }

    /// Checks the generator against its published first numbers. A seed that found a bug must find this bug
    /// again in the next release.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_seed_means_the_same_in_every_release() {
        let mut order = Generator::new(1_234_567);
        let numbers = [(); 3].map(|()| order.below(usize::MAX).unwrap());
        let published: [usize; 3] = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        // Of each number x, `below` returns x · (2^64 - 1) / 2^64, rounded down, which is x - 1.
        assert_eq!(numbers, published.map(|number| number - 1));
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic, tens of thousands of times")]
    fn the_generator_is_uniform_and_stays_below_its_bound() {
        let mut order = Generator::new(42);
        assert_eq!(order.below(0), None);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[order.below(7).unwrap()] += 1;
        }
        // Each expected count is ten thousand. Five standard deviations are 460.
        assert!(
            counts.iter().all(|count| (9_500..10_500).contains(count)),
            "{counts:?}"
        );
        assert!((0..1000).all(|_| order.below(1) == Some(0)));
    }
}
