//! The timing wheel keeps the pending deadlines and finds the earliest one.
//!
//! Arming, disarming and finding the next deadline are cheap. Pending entries are in [`slots`]. The caller
//! passes the time as a number, so virtual time and tests need no extra code. The wheel reads no clock and
//! takes no lock. It calls no code of the caller except the closure given to [`Wheel::expire`].
//!
//! # The naive version, and what it costs
//!
//! A sorted list finds the next deadline immediately, but an insert walks the list: O(n). A binary heap
//! inserts in O(log n), but cannot cheaply remove an entry from its middle. Such removals are the common
//! case: in a network program, nearly every timer is a timeout that is dropped because the answer came. A
//! balanced tree can remove any entry, but each operation takes O(log n) cache misses. All three keep more
//! order than necessary: a runtime needs only the earliest entries.
//!
//! # The wheel
//!
//! This is scheme 7 of Varghese and Lauck, *Hashed and Hierarchical Timing Wheels* (SOSP 1987). The wheel
//! sorts new entries coarsely, and sorts them more finely when their deadlines come closer. Time is divided
//! into ticks of 2^shift nanoseconds, and the number of a tick is written in base 64. Level 0 has a slot
//! for each value of the last digit, level 1 a slot for each value of the digit before it, and so on:
//!
//! ```text
//!   elapsed, in base 64:  0.0. ... .7.3.61;  an entry is due at 8.4.62
//!
//!               insert (1): to the level of the highest digit that differs
//!                  |
//!                  v
//!   level 2   [0|..|7|8|9|..|63]    a slot spans 4096 ticks
//!                     |
//!                     |  cascade (2), when elapsed turns to 8.0.0
//!                     v
//!   level 1   [0|..|3|4|5|..|63]    a slot spans 64 ticks
//!                     |
//!                     |  cascade (2), when elapsed turns to 8.4.0
//!                     v
//!   level 0   [0|..|61|62|63]       a slot is one tick
//!                     |
//!                     |  fire (3), at 8.4.62
//!                     v                     remove (4): from any slot
//!                   free
//! ```
//!
//! 1. [`insert`](Wheel::insert) appends the entry to a slot. The slot belongs to the level of the highest
//!    digit in which the deadline differs from `elapsed`, the tick that time has reached. O(1).
//! 2. `cascade`: when `elapsed` enters a slot of a higher level, each entry of the slot moves down by at
//!    least one level. An entry moves at most 10 times, because there are 11 levels. Entries that are
//!    removed before `elapsed` enters their slot never move.
//! 3. `fire_slot`: when `elapsed` reaches a tick, the entries of the tick's slot fire.
//! 4. [`remove`](Wheel::remove) unlinks an entry. O(1).
//!
//! Two facts follow from (1) and save much code. First, in every level, the occupied slots are *ahead* of
//! `elapsed`: they never wrap around. So the lowest set bit in a level's bitmap of occupied slots marks the
//! level's earliest slot. Second, every entry of a level is due before every entry of the level above. So
//! the lowest level that is not empty has the earliest slot of all. Finding this slot is O(levels), even if
//! `elapsed` jumps by a century.
//!
//! Eleven digits hold every `u64`, so every deadline has a slot, and sleeps may have any length. With a
//! coarse tick the top levels stay empty.
//!
//! # Rules
//!
//! * **Never early.** Deadlines are rounded up to a tick, `now` is rounded down.
//! * **Order.** Entries fire in the order of their ticks, and within a tick in the order of insertion.
//!   Cascades keep this order, because slots are queues. Entries of the same tick are in the same slot,
//!   unless a cascade has already moved the older ones down. If a deadline is past when it is inserted, its
//!   entry belongs to the tick that `elapsed` has reached.
//! * **Bounded calls.** One call of `expire` fires at most `limit` entries, and moves at most `limit` times
//!   `MOVES_PER_FIRE` entries. A cascade may stop half-way and continue in the next call. The field
//!   `cascading` keeps the cascade's level.
//! * **Stale keys are harmless.** A key is an index and a generation. All generations come from one
//!   counter. So a new entry at the same index has a new generation, even if the memory was freed and
//!   allocated again. The counter wraps after 2^32 inserts. So a key that is kept for exactly 2^32 inserts
//!   could match another entry.

mod slots;

pub(crate) use self::slots::Key;
use self::slots::Slots;

/// The number of bits in a digit. A level has 64 slots, so one `u64` shows which of them are occupied.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// The number of digits in a `u64`.
const LEVELS: usize = u64::BITS.div_ceil(DIGIT) as usize;

/// `next_expiry` searches a slot for its earliest entry only if the slot has at most this many entries.
/// Arbitrary: such a search costs far less than the needless wakeup that it saves.
const EXACT_SCAN: usize = 16;
/// The maximum number of moves in one `expire`, for each entry that the call may fire. It exceeds the number
/// of levels. So even with a limit of 1, one call can move an entry down to level 0.
const MOVES_PER_FIRE: usize = 16;

pub(crate) struct Wheel<T> {
    /// A tick is 2^shift nanoseconds.
    shift: u32,
    /// The tick that time has reached. Entries *of* this tick are due.
    elapsed: u64,
    /// The level of the slot that a cascade is emptying, or 0 if there is no cascade. The slot may be empty
    /// already, because this field changes only together with `elapsed`.
    cascading: usize,
    slots: Slots<T>,
}

/// The next slot to fire or to cascade.
struct Earliest {
    level: usize,
    slot: usize,
    /// The slot's first tick. It is ahead of `elapsed`, or equal to it if the slot is in level 0 or is being
    /// cascaded.
    start: u64,
}

impl<T> Wheel<T> {
    /// Makes an empty wheel at time 0 with ticks of `2^shift` ns. With `shift` 20, a tick takes about a
    /// millisecond.
    ///
    /// # Panics
    ///
    /// Panics if `shift` is 64 or more.
    pub(crate) fn new(shift: u32) -> Self {
        assert!(shift < u64::BITS, "a tick must fit into 64 bits");
        Wheel {
            shift,
            elapsed: 0,
            cascading: 0,
            slots: Slots::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len == 0
    }

    /// Adds an entry that is due at `deadline`, in ns since the wheel's epoch. If the rounded deadline is
    /// past, the entry is due at the next [`expire`](Self::expire).
    ///
    /// # Panics
    ///
    /// Panics if 2^32 - 1 entries are pending.
    pub(crate) fn insert(&mut self, deadline: u64, value: T) -> Key {
        let tick = self.round_up(deadline).max(self.elapsed);
        // No entry may overtake the entries that wait for a cascade in progress. So a new entry whose tick
        // lies in the slot that is being cascaded goes to the end of this slot.
        let level = level_of(self.elapsed, tick).max(self.cascading);
        self.slots.insert(slot_of(level, tick), tick, value)
    }

    /// Adds an entry that is never due. It can only be removed.
    pub(crate) fn insert_endless(&mut self, value: T) -> Key {
        self.slots.insert(slots::ENDLESS, u64::MAX, value)
    }

    /// Takes out all entries, in any order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.slots.drain()
    }

    /// Removes an entry before its deadline. Returns `None` if the key is stale.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.slots.remove(key)
    }

    /// Returns the value of a pending entry, or `None` if the key is stale.
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.slots.get(key)
    }

    /// Moves time to `now` and passes at most `limit` due entries to `fire`. If `now` is earlier than the
    /// tick already reached, `now` counts as that tick.
    ///
    /// Returns whether work for `now` is left. If work is left, call again. Until a call returns `false`,
    /// time stays at the tick in progress, and `next_expiry` returns a past time. If many entries must
    /// cascade, a call may return `true` before any entry has fired.
    pub(crate) fn expire(&mut self, now: u64, limit: usize, mut fire: impl FnMut(T)) -> bool {
        let target = match now {
            // Round `u64::MAX` up. Otherwise deadlines within the last tick, which are rounded up, would
            // never be reached.
            u64::MAX => self.round_up(now),
            _ => now >> self.shift,
        };
        let target = target.max(self.elapsed);
        let mut fires = limit;
        let mut moves = limit.saturating_mul(MOVES_PER_FIRE);
        while let Some(first) = self.earliest().filter(|first| first.start <= target) {
            let budget = if first.level == 0 {
                &mut fires
            } else {
                &mut moves
            };
            if *budget == 0 {
                return true;
            }
            self.elapsed = first.start;
            self.cascading = first.level;
            if first.level == 0 {
                self.fire_slot(first.slot, budget, &mut fire);
            } else {
                self.cascade(first.slot, budget);
            }
        }
        self.elapsed = target;
        self.cascading = 0;
        false
    }

    /// Returns when [`expire`](Self::expire) has to be called next, in ns since the epoch. Returns `None` if
    /// no entry will ever be due.
    ///
    /// This is the time at which the earliest entry fires, with one exception. If this entry is above level 0,
    /// in a slot with more than [`EXACT_SCAN`] entries, the result is the start of the slot. Then the slot
    /// costs one more wakeup.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        let first = self.earliest()?;
        let tick = if first.level == 0 || first.start == self.elapsed {
            first.start
        } else {
            self.exact_minimum(first.slot).unwrap_or(first.start)
        };
        // This saturates only for the last tick, which is reached when `now` is `u64::MAX`.
        Some(tick.saturating_mul(1 << self.shift))
    }
}

/// Arithmetic of ticks and slots.
impl<T> Wheel<T> {
    /// Returns the first tick at or after `deadline`.
    fn round_up(&self, deadline: u64) -> u64 {
        let tick = deadline >> self.shift;
        // This adds 1 only if `shift` is at least 1. Then `tick` is below 2^63, so the addition cannot
        // overflow.
        tick + u64::from(tick << self.shift != deadline)
    }

    fn earliest(&self) -> Option<Earliest> {
        if self.is_empty() {
            return None;
        }
        // Returns the earliest occupied slot of a level.
        let first_slot = |level: usize| {
            let occupied = self.slots.occupied[level];
            if occupied == 0 {
                return None;
            }
            let digit = occupied.trailing_zeros();
            let low_bits = DIGIT * level as u32;
            let above = (self.elapsed >> low_bits) & !(SLOTS as u64 - 1);
            Some(Earliest {
                level,
                slot: level * SLOTS + digit as usize,
                start: (above | u64::from(digit)) << low_bits,
            })
        };
        let under_way = (self.cascading > 0)
            .then(|| first_slot(self.cascading))
            .flatten()
            .filter(|first| first.start == self.elapsed);
        // A cascade in progress comes first, because it may still add entries to the levels below.
        under_way.or_else(|| (0..LEVELS).find_map(first_slot))
    }

    /// Returns the earliest tick in a slot, or `None` if the slot has too many entries to search.
    fn exact_minimum(&self, slot: usize) -> Option<u64> {
        let mut ticks = self.slots.ticks(slot);
        let minimum = ticks.by_ref().take(EXACT_SCAN).min();
        minimum.filter(|_| ticks.next().is_none())
    }
}

/// Returns the level of the highest digit in which `tick` differs from `elapsed`.
fn level_of(elapsed: u64, tick: u64) -> usize {
    // The `1` puts equal ticks on level 0; `ilog2` of 0 would panic.
    (((elapsed ^ tick) | 1).ilog2() / DIGIT) as usize
}

fn slot_of(level: usize, tick: u64) -> usize {
    level * SLOTS + (tick >> (DIGIT * level as u32)) as usize % SLOTS
}

/// Moving entries.
impl<T> Wheel<T> {
    /// Fires entries from the front of a slot of level 0 until the slot is empty or `budget` is used up.
    fn fire_slot(&mut self, slot: usize, budget: &mut usize, fire: &mut impl FnMut(T)) {
        while *budget > 0 {
            // The entry is removed before `fire` runs, so a panic in `fire` loses no other entry.
            let Some(value) = self.slots.pop(slot) else {
                break;
            };
            *budget -= 1;
            fire(value);
        }
        self.slots.trim();
    }

    /// Moves entries down from the front of a slot until it is empty or `budget` is used up.
    fn cascade(&mut self, slot: usize, budget: &mut usize) {
        let elapsed = self.elapsed;
        let below = |tick| slot_of(level_of(elapsed, tick), tick);
        while *budget > 0 && self.slots.move_first(slot, below) {
            *budget -= 1;
        }
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
