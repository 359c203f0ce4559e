//! The timing wheel keeps the pending deadlines and finds the next.
//!
//! Arming and disarming are cheap, and so is finding the next deadline. Pending entries are in [`slots`].
//! Time is a number that the caller passes in, so virtual time and tests cost nothing extra. The wheel reads
//! no clock, takes no lock, and calls nothing but the closure given to [`Wheel::expire`].
//!
//! # The naive version, and what it costs
//!
//! A sorted list finds the next deadline immediately, but an insert walks the list: O(n). A binary heap
//! inserts in O(log n), but cannot cheaply remove an entry from its middle. Such removals are the common
//! case, since nearly every timer of a network program is a timeout that is dropped because the answer came.
//! A balanced tree can remove too, at O(log n) cache misses for each operation. All three keep a total order,
//! but a runtime needs only its beginning.
//!
//! # The wheel
//!
//! Varghese and Lauck, *Hashed and Hierarchical Timing Wheels* (SOSP 1987),
//! scheme 7: sort coarsely now, and finely only what lives long enough. Time is
//! cut into ticks of 2^shift nanoseconds, and a tick number is read as digits
//! of base 64. Level 0 turns with the last digit, level 1 with the one before:
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
//! 1. [`insert`](Wheel::insert) appends to one slot, in the level of the highest digit in which the deadline
//!    differs from `elapsed`. O(1).
//! 2. `cascade`: when `elapsed` enters a slot of a higher level, each entry of
//!    it moves down at least one level. An entry can move 10 times in its life;
//!    one that is removed before its slot is entered never moves.
//! 3. `fire_slot`: when `elapsed` reaches a tick, the entries of its slot fire.
//! 4. [`remove`](Wheel::remove) unlinks. O(1).
//!
//! Two facts follow from (1) and save much code. In every level the occupied slots lie *ahead* of `elapsed`,
//! never wrapped around behind it, so the lowest set bit of a level's bitmap is its earliest slot. And every
//! entry of a level is due before every entry of the level above, so the lowest level that is not empty has
//! the earliest slot of all. Finding it is O(levels), whether `elapsed` jumps by a tick or by a century.
//!
//! Eleven digits hold every `u64`, so there is no overflow list and no longest
//! sleep. With a coarse tick the top levels stay empty.
//!
//! # Rules
//!
//! * **Never early.** Deadlines are rounded up to a tick, `now` is rounded down.
//! * **Order.** Entries fire by tick, and within a tick by insertion. Cascades keep this: slots are queues,
//!   and entries of the same tick are in the same slot, unless a cascade has already moved the older ones
//!   down. A deadline that is past when it is inserted counts as one for the tick that `elapsed` has reached.
//! * **Bounded turns.** One `expire` fires at most `limit` entries and moves at
//!   most `limit * MOVES_PER_FIRE`. A cascade may stop half-way and go on in
//!   the next call; the level is kept in `cascading`.
//! * **Stale keys are harmless.** Generations come from one counter for the whole wheel, so a place that is
//!   reused, or freed and allocated again, never gets an old generation. The counter wraps after 2^32
//!   inserts, so a key kept for exactly 2^32 inserts could match another entry.
//! * **Memory** of a peak is freed once no entry is left, see `Slots::trim`.
//!
//! The ignored test `cost_of_insert_and_remove` prints the costs beside those of a tree.

mod slots;

pub(crate) use self::slots::Key;
use self::slots::Slots;

/// The number of bits in a digit. A level has 64 slots, so one `u64` shows which of them are occupied.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// The number of digits in a `u64`.
const LEVELS: usize = u64::BITS.div_ceil(DIGIT) as usize;

/// The maximum number of entries in a slot in which `next_expiry` searches for the exact minimum. Arbitrary:
/// such a scan costs far less than the needless wakeup it saves.
const EXACT_SCAN: usize = 16;
/// The maximum number of moves in `expire`, per entry that it may fire. It exceeds the number of levels, so
/// that with a limit of 1, a single entry still gets down to level 0.
const MOVES_PER_FIRE: usize = 16;

/// A timing wheel, which holds pending entries by deadline. See the [module](self).
pub(crate) struct Wheel<T> {
    /// A tick is 2^shift nanoseconds.
    shift: u32,
    /// The tick up to which entries were served. Entries *of* this tick are due.
    elapsed: u64,
    /// The level in which a cascade is emptying the slot at `elapsed`, or 0 without a cascade. It changes
    /// only together with `elapsed`, even if the slot becomes empty.
    cascading: usize,
    slots: Slots<T>,
}

/// The slot that is to be served next.
struct Earliest {
    level: usize,
    slot: usize,
    /// The slot's first tick. It is ahead of `elapsed`, or equal to it if the slot is in level 0 or is being
    /// cascaded.
    start: u64,
}

impl<T> Wheel<T> {
    /// Makes an empty wheel at time 0 with ticks of `2^shift` ns: 0 is exact, 20 is about a millisecond.
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

    /// Returns the number of pending entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.len
    }

    /// Returns whether no entry is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len == 0
    }

    /// Adds an entry that is due at `deadline`, in ns since the wheel's epoch. If the deadline, rounded up to
    /// a tick, is past, the entry is due at the next [`expire`](Self::expire).
    ///
    /// # Panics
    ///
    /// Panics if 2^32 - 1 entries are pending.
    pub(crate) fn insert(&mut self, deadline: u64, value: T) -> Key {
        let tick = self.round_up(deadline).max(self.elapsed);
        // Nothing may overtake the entries that wait for a cascade in progress, so a new entry in the span of
        // the cascade is put behind them.
        let level = level_of(self.elapsed, tick).max(self.cascading);
        self.slots.insert(slot_of(level, tick), tick, value)
    }

    /// Adds an entry that is never due. It can only be removed.
    pub(crate) fn insert_endless(&mut self, value: T) -> Key {
        self.slots.insert(slots::ENDLESS, u64::MAX, value)
    }

    /// Takes out all entries, in no order.
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

    /// Moves time to `now` and passes at most `limit` due entries to `fire`, in the order of their ticks, and
    /// within a tick in the order of insertion. A `now` before the tick already reached counts as this tick.
    ///
    /// Returns whether work for `now` is left. If so, call again; `next_expiry` reports this too. Until a
    /// call returns `false`, time stands at the tick that is being served. With many entries to cascade, a
    /// call may return `true` without having fired any.
    pub(crate) fn expire(&mut self, now: u64, limit: usize, mut fire: impl FnMut(T)) -> bool {
        let target = match now {
            // The end of time counts as a full tick: deadlines in the last, incomplete tick are rounded up to
            // it.
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

    /// Returns when [`expire`](Self::expire) has to be called next, in ns since the epoch, or `None` if the
    /// wheel is empty. If this time is not after `now`, `expire` has work to do already.
    ///
    /// This is the moment at which the earliest entry fires, unless this entry is in a slot of a higher level
    /// with more than [`EXACT_SCAN`] entries. Then the result is the start of the slot, which costs one more
    /// wakeup for all its entries.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        let first = self.earliest()?;
        let tick = if first.level == 0 || first.start == self.elapsed {
            first.start
        } else {
            self.exact_minimum(first.slot).unwrap_or(first.start)
        };
        // This saturates only for a tick that is reached when `now` is `u64::MAX`.
        Some(tick.saturating_mul(1 << self.shift))
    }
}

/// Arithmetic of ticks and slots.
impl<T> Wheel<T> {
    /// Returns the first tick not before `deadline`.
    fn round_up(&self, deadline: u64) -> u64 {
        let tick = deadline >> self.shift;
        // This cannot overflow. If there is a remainder, `shift` is at least 1.
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
    // The `1` makes equal ticks differ in digit 0.
    (((elapsed ^ tick) | 1).ilog2() / DIGIT) as usize
}

/// Returns the slot of `tick` in a level.
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
