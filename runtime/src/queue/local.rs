//! The run queue of one thread: tasks that are ready, in the order in which they will run.
//!
//! First in, first out; or, with a seed, in an order drawn from a generator, the same for the same seed.

use std::collections::VecDeque;

use crate::task::raw::{RawTask, Runnable};

/// See the module.
pub(crate) struct LocalQueue {
    tasks: VecDeque<Runnable>,
    order: Option<Generator>,
}

impl LocalQueue {
    /// A queue in order of arrival, or in an order drawn from `seed`.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        LocalQueue {
            tasks: VecDeque::new(),
            order: seed.map(Generator::new),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, task: Runnable) {
        self.tasks.push_back(task);
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Runnable> {
        match &mut self.order {
            None => self.tasks.pop_front(),
            Some(order) => order
                .below(self.tasks.len())
                .and_then(|index| self.tasks.swap_remove_front(index)),
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Takes one task out, wherever it is.
    pub(crate) fn remove(&mut self, task: RawTask) {
        self.tasks.retain(|other| other.raw() != task);
    }

    /// Forgets all tasks. The caller cancels them.
    pub(crate) fn clear(&mut self) {
        self.tasks.clear();
    }

    /// Gives back the memory that a burst needed, when it is over.
    pub(crate) fn shrink_after_burst(&mut self) {
        /// Below this a queue is not worth giving back: 32 KiB. Arbitrary: not measured.
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
    /// remainder, is even enough for a queue's order.
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

    /// A queue of `count` tasks, these in order, and their handles.
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

    /// Takes all out, in order, by their index in `tasks`.
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
    fn without_a_seed_it_is_first_come_first_served() {
        let (mut queue, tasks, _handles) = queue_of(100, None);
        assert_eq!(queue.len(), 100);
        assert_eq!(drain(&mut queue, &tasks), (0..100).collect::<Vec<_>>());
        assert!(queue.pop().is_none() && queue.len() == 0);
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
            // It is not there any more: nothing happens.
            queue.remove(tasks[at]);
        }
    }

    /// As at shutdown: the registry knows the tasks too, and cancels them.
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
    #[cfg_attr(
        miri,
        ignore = "thousands of tasks, none of which does anything else than one"
    )]
    fn a_peak_is_given_back_once_it_is_over() {
        let (mut queue, tasks, _handles) = queue_of(5000, None);
        let first = queue.pop().unwrap();
        queue.shrink_after_burst();
        assert!(queue.tasks.capacity() >= 4999);
        first.cancel();
        let _ = drain(&mut queue, &tasks);
        queue.shrink_after_burst();
        assert_eq!(queue.tasks.capacity(), 0);
    }

    /// The generator's published first numbers, so that a seed which once found a bug finds it again in
    /// the next release.
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
        // Scaled to a bound just below 2^64 they lose one.
        assert_eq!(numbers, published.map(|number| number - 1));
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic, tens of thousands of times")]
    fn the_generator_is_even_and_keeps_its_bound() {
        let mut order = Generator::new(42);
        assert_eq!(order.below(0), None);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[order.below(7).unwrap()] += 1;
        }
        // Ten thousand each; five standard deviations are 460.
        assert!(
            counts.iter().all(|count| (9_500..10_500).contains(count)),
            "{counts:?}"
        );
        assert!((0..1000).all(|_| order.below(1) == Some(0)));
    }
}
