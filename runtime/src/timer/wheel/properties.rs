//! Compares the wheel with a tree, by random calls, and measures both.

use std::collections::{BTreeMap, VecDeque};

use super::tests::check;
use super::*;

const MILLISECOND: u64 = 1_000_000;

/// Xorshift64, which gives the same numbers on all machines.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// Returns a random number below `2^bits`. Small and large magnitudes are equally likely.
    fn span(&mut self, bits: u64) -> u64 {
        let magnitude = self.below(bits + 1);
        self.next() >> 1 >> (63 - magnitude)
    }
}

/// The wheel, and a simple tree as its model.
struct Model {
    wheel: Wheel<u64>,
    /// Maps (tick, index of the insert) to (deadline, key).
    tree: BTreeMap<(u64, u64), (u64, Key)>,
    stale: VecDeque<Key>,
    inserts: u64,
    now: u64,
}

impl Model {
    fn insert(&mut self, deadline: u64) {
        let number = self.inserts;
        self.inserts += 1;
        let tick = u128::from(deadline).div_ceil(1 << self.wheel.shift) as u64;
        let key = self.wheel.insert(deadline, number);
        assert_eq!(self.wheel.get(key), Some(&{ number }));
        self.tree
            .insert((tick.max(self.wheel.elapsed), number), (deadline, key));
    }

    fn remove(&mut self, random: &mut Random) {
        let nth = random.below(self.tree.len().max(1) as u64) as usize;
        let Some((&id, &(_, key))) = self.tree.iter().nth(nth) else {
            return;
        };
        self.tree.remove(&id);
        assert_eq!(self.wheel.remove(key), Some(id.1));
        self.retire(key);
    }

    fn retire(&mut self, key: Key) {
        self.stale.push_back(key);
        if self.stale.len() > 20 {
            self.stale.pop_front();
        }
        assert!(
            self.stale
                .iter()
                .all(|&key| self.wheel.remove(key).is_none())
        );
    }

    /// Calls `expire` once. The entries that fire must be the next ones of the model. They must be due by the
    /// later of two times: `now`, and the tick that the wheel has reached.
    fn expire(&mut self, now: u64, limit: usize) -> bool {
        self.now = now.max(self.end_of(self.wheel.elapsed) as u64);
        let mut out = Vec::new();
        let more = self.wheel.expire(now, limit, |number| out.push(number));
        assert!(out.len() <= limit);
        for number in out {
            let (id, (deadline, key)) = self.tree.pop_first().unwrap();
            assert_eq!(id.1, number);
            assert!(deadline <= self.now, "early");
            self.retire(key);
        }
        if !more {
            let left = self
                .tree
                .first_key_value()
                .map(|(&(tick, _), _)| self.end_of(tick));
            assert!(left.is_none_or(|end| end > u128::from(self.now)), "late");
        }
        assert_eq!(self.wheel.len(), self.tree.len());
        more
    }

    /// Returns the time at which a tick is due, which is at most `u64::MAX`.
    fn end_of(&self, tick: u64) -> u128 {
        (u128::from(tick) << self.wheel.shift).min(u128::from(u64::MAX))
    }

    /// Sleeps as a driver does, until an entry fires.
    fn wait(&mut self, limit: usize) {
        let pending = self.wheel.len();
        let Some((&(tick, _), _)) = self.tree.first_key_value() else {
            return assert_eq!(self.wheel.next_expiry(), None);
        };
        let due = self.end_of(tick) as u64;
        for _ in 0..=LEVELS {
            let next = self.wheel.next_expiry().unwrap();
            assert!(next <= due, "late");
            while self.expire(next, limit) && self.wheel.len() == pending {}
            if self.wheel.len() < pending {
                return assert!(self.now >= due, "early");
            }
        }
        panic!("more wakeups than levels");
    }
}

fn run_model(shift: u32, seed: u64, steps: u32) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut wheel = Wheel::new(shift);
    wheel.slots = Slots::near_the_last_generation();
    let (tree, stale) = (BTreeMap::new(), VecDeque::new());
    let mut model = Model {
        wheel,
        tree,
        stale,
        inserts: 0,
        now: 0,
    };
    if random.below(4) == 0 {
        model.expire(u64::MAX - random.span(60), 1); // a very old wheel
    }
    // The longest duration in a run is between a microsecond and three centuries.
    let bits = 10 + random.below(54);
    for _ in 0..steps {
        let limit = 1 + random.span(6) as usize;
        match random.below(16) {
            0..=6 => model.insert(model.now.saturating_add(random.span(bits))),
            7 => model.insert(model.now.saturating_sub(random.span(bits))),
            8 => (0..40).for_each(|_| model.insert(model.now.saturating_add(1 << (bits - 1)))),
            9..=11 => model.remove(&mut random),
            12 => _ = model.expire(model.now.saturating_add(random.span(bits - 4)), limit),
            13 => _ = model.expire(random.span(63), 0),
            _ => model.wait(limit),
        }
        check(&model.wheel);
    }
    while !model.tree.is_empty() {
        model.wait(64);
    }
}

#[test]
fn agrees_with_a_tree() {
    let (seeds, steps) = if cfg!(miri) { (1, 10) } else { (60, 400) };
    for shift in [0, 4, 14, 20] {
        for seed in 0..seeds {
            run_model(shift, seed, steps);
        }
    }
}

/// Run this measurement with `cargo test --release -p brigade --lib cost_of -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_insert_and_remove() {
    const ROUNDS: u32 = 4_000_000;
    for pending in [10_000, 1_000_000] {
        let mut random = Random(7);
        let mut wheel = Wheel::new(20);
        let mut tree = BTreeMap::new();
        let mut keys = Vec::new();
        for n in 0..pending {
            let deadline = random.below(30_000 * MILLISECOND);
            keys.push((wheel.insert(deadline, [n; 2]), (deadline, n)));
            tree.insert((deadline, n), [n; 2]);
        }
        let per_round =
            |started: std::time::Instant| started.elapsed().as_nanos() as f64 / f64::from(ROUNDS);
        let mut timed = |name: &str, round: &mut dyn FnMut(&mut Random)| {
            let started = std::time::Instant::now();
            (0..ROUNDS).for_each(|_| round(&mut random));
            println!("{pending} pending, {name}: {:.1} ns", per_round(started));
        };
        timed("the random numbers alone", &mut |random| {
            std::hint::black_box((random.below(30_000 * MILLISECOND), random.below(pending)));
        });
        timed("wheel, arm and cancel", &mut |random| {
            let key = wheel.insert(random.below(30_000 * MILLISECOND), [0; 2]);
            wheel.remove(key);
        });
        timed("tree, arm and cancel", &mut |random| {
            let key = (random.below(30_000 * MILLISECOND), pending);
            tree.insert(key, [0; 2]);
            tree.remove(&key);
        });
        timed("wheel, cancel any and arm another", &mut |random| {
            let victim = &mut keys[random.below(pending) as usize].0;
            wheel.remove(*victim);
            *victim = wheel.insert(random.below(30_000 * MILLISECOND), [0; 2]);
        });
        timed("tree, cancel any and arm another", &mut |random| {
            let victim = &mut keys[random.below(pending) as usize].1;
            tree.remove(victim);
            victim.0 = random.below(30_000 * MILLISECOND);
            tree.insert(*victim, [0; 2]);
        });
        let started = std::time::Instant::now();
        let mut count = 0u32;
        while wheel
            .next_expiry()
            .is_some_and(|next| wheel.expire(next, 256, |_| count += 1) || count > 0)
        {}
        println!(
            "{pending} pending, wheel, fire all: {:.1} ns each",
            started.elapsed().as_nanos() as f64 / pending as f64
        );
    }
}
