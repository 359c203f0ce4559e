//! The timing wheel: which deadlines are pending, and which is the next.
//!
//! **Job.** Keep deadlines such that arming and disarming one is cheap, and that the next is found at
//! once.
//!
//! **Owns** the pending entries and the time up to which they were served.
//! **Never** reads a clock, takes a lock, starts a thread or calls anything but
//! the closure given to [`Wheel::expire`]: time is a number that the caller
//! passes in, so virtual time and tests cost nothing extra.
//!
//! # The naive version, and what it costs
//!
//! A sorted list finds the next deadline at once, but an insert walks it: O(n).
//! A binary heap inserts in O(log n) and has no cheap way to take an entry out
//! of its middle, and this is what happens most: nearly every timer of a
//! network program is a timeout that is dropped because the answer came. A
//! balanced tree removes as well, at O(log n) cache misses for each operation.
//! All three keep a total order of which a runtime needs only the beginning.
//!
//! # The wheel
//!
//! Varghese and Lauck, *Hashed and Hierarchical Timing Wheels* (SOSP 1987),
//! scheme 7: sort coarsely now, and finely only what lives long enough. Time is
//! cut into ticks of 2^shift nanoseconds, and a tick number is read as digits
//! of base 64. Level 0 turns with the last digit, level 1 with the one before:
//!
//! ```text
//!   elapsed, in base 64:  0.0. ... .7.3.61
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
//!                     |  cascade (2), when elapsed turns to 7.4.0
//!                     v
//!   level 0   [0|..|61|62|63]       a slot is one tick
//!                     |
//!                     |  fire (3), at 7.3.62
//!                     v                     remove (4): from any slot
//!                   free
//! ```
//!
//! 1. [`insert`](Wheel::insert) appends to one slot: of the level of the
//!    highest digit in which the deadline differs from `elapsed`. O(1).
//! 2. `cascade`: when `elapsed` enters a slot of a higher level, each entry of
//!    it moves down at least one level. An entry can move 10 times in its life;
//!    one that is removed before its slot is entered never moves.
//! 3. `fire_slot`: when `elapsed` reaches a tick, the entries of the slot go out.
//! 4. [`remove`](Wheel::remove) unlinks. O(1).
//!
//! Two facts follow from (1) and save much code. In every level the occupied
//! slots lie *ahead* of `elapsed`, never wrapped around behind it, so the lowest
//! set bit of a level's bitmap is its earliest slot; and every entry of a level
//! is due before every entry of the level above, so the lowest level that is
//! not empty has the earliest slot of all. Finding it is O(levels), whether
//! `elapsed` jumps by a tick or by a century.
//!
//! Eleven digits hold every `u64`, so there is no overflow list and no longest
//! sleep. With a coarse tick the top levels stay empty.
//!
//! # Rules
//!
//! * **Never early.** Deadlines are rounded up to a tick, `now` is rounded down.
//! * **Order.** Entries fire by tick, and within a tick by insertion. Cascades
//!   keep this: slots are queues, and entries of the same tick are in the same
//!   slot, unless a cascade has taken the older ones of them down already. A
//!   deadline that is past when it is inserted counts as one for the tick that
//!   `elapsed` has reached.
//! * **Bounded turns.** One `expire` fires at most `limit` entries and moves at
//!   most `limit * MOVES_PER_FIRE`. A cascade may stop half-way and go on in
//!   the next call; the level is kept in `cascading`.
//! * **Stale keys are harmless.** Generations come from one counter for the
//!   whole wheel, so a place that is used again, or given back to the allocator
//!   and made anew, never repeats one. The counter wraps after 2^32 inserts: a
//!   key kept for exactly that many inserts could meet a stranger.
//! * **Memory** follows the load, see `trim`.
//!
//! What it costs in nanoseconds, beside a tree, is printed by the ignored test
//! `cost_of_insert_and_remove`.
//!
//! ---
//!
//! *Stop 20 of 42.*
//! *Previous: [`timer`](crate::timer); next: [`driver`](crate::driver).*

/// Bits of a digit: 64 slots a level, so that one `u64` says which are occupied.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// Digits in a `u64`.
const LEVELS: usize = u64::BITS.div_ceil(DIGIT) as usize;
/// The list behind the last slot: places without an entry.
const FREE: usize = LEVELS * SLOTS;
/// The end of a list.
const NIL: u32 = u32::MAX;

/// How long a list `next_expiry` searches for the exact minimum. Out of thin
/// air: a scan this long costs far less than the needless wakeup it saves.
const EXACT_SCAN: usize = 16;
/// Moves that `expire` may spend for each entry it may fire. More than there
/// are levels, so that a limit of 1 brings a lone entry all the way down.
const MOVES_PER_FIRE: usize = 16;
/// Up to so many places nothing is given back: they are worth less than the
/// trouble. Out of thin air: some tens of kilobytes.
const KEEP: usize = 1024;
/// Free places that one removal gives back at most: more than the one it frees,
/// so that giving back overtakes, and few enough not to be felt.
const TRIM: usize = 8;

/// Names one pending entry. Goes stale when the entry fires or is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

/// Pending entries by deadline. See the [module](self).
pub(crate) struct Wheel<T> {
    /// A tick is 2^shift nanoseconds.
    shift: u32,
    /// The tick up to which entries were served. Those *of* this tick are due.
    elapsed: u64,
    /// The level whose slot at `elapsed` is being emptied by a cascade, else 0.
    /// Changes only together with `elapsed`; may outlive the slot's last entry.
    cascading: usize,
    /// A bit for each slot that has an entry; the last word belongs to `FREE`.
    occupied: [u64; LEVELS + 1],
    /// The slots, level by level from 0, then `FREE`.
    lists: Box<[List; FREE + 1]>,
    /// All places: each is in exactly one of the lists.
    entries: Vec<Entry<T>>,
    /// Places that are not in `FREE`.
    len: usize,
    /// The generation of the next insert.
    generation: u32,
}

/// A queue threaded through `entries`.
#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

/// A place. Links, list and generation take 16 bytes, the deadline 8.
struct Entry<T> {
    prev: u32,
    next: u32,
    list: u32,
    generation: u32,
    tick: u64,
    /// `None` exactly while the place is in `FREE`.
    value: Option<T>,
}

/// The slot that is to be served next.
struct Earliest {
    level: usize,
    slot: usize,
    /// Its first tick: ahead of `elapsed`, or equal to it if the slot is of
    /// level 0 or being cascaded.
    start: u64,
}

impl<T> Wheel<T> {
    /// An empty wheel at time 0 with ticks of `2^shift` ns: 0 is exact, 20 is
    /// about a millisecond.
    ///
    /// # Panics
    ///
    /// If `shift` is 64 or more.
    pub(crate) fn new(shift: u32) -> Self {
        assert!(shift < u64::BITS, "a tick must fit into 64 bits");
        let empty = List {
            head: NIL,
            tail: NIL,
        };
        Wheel {
            shift,
            elapsed: 0,
            cascading: 0,
            occupied: [0; LEVELS + 1],
            lists: Box::new([empty; FREE + 1]),
            entries: Vec::new(),
            len: 0,
            generation: 0,
        }
    }

    /// How many entries are pending.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry that is due at `deadline`, in ns since the wheel's epoch.
    /// One that is past already, rounded up to a tick, is due at the next
    /// [`expire`](Self::expire).
    ///
    /// # Panics
    ///
    /// If 2^32 - 1 entries are pending.
    pub(crate) fn insert(&mut self, deadline: u64, value: T) -> Key {
        let tick = self.round_up(deadline).max(self.elapsed);
        // Below a cascade under way nothing may overtake the entries that still
        // wait for it, so a newcomer to its span queues up behind them.
        let level = level_of(self.elapsed, tick).max(self.cascading);
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        let index = self.take_place(tick, generation, value);
        self.append(index, slot_of(level, tick));
        self.len += 1;
        Key { index, generation }
    }

    /// Takes an entry out before its time. `None` if the key is stale.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get_mut(key)?;
        let value = self.release(key.index);
        if self.entries.len() > KEEP {
            self.trim();
        }
        value
    }

    /// The value of a pending entry. `None` if the key is stale.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.index as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        entry.value.as_mut()
    }

    /// Moves time to `now` and hands at most `limit` due entries to `fire`, in
    /// the order of their ticks, those of one tick in the order of insertion.
    /// A `now` before the tick that was reached already counts as this tick.
    ///
    /// Returns whether work for `now` is left: then call again, as `next_expiry`
    /// will say too. Until a call
    /// returns `false`, time stands at the tick that is being served. With a
    /// crowd to cascade a call may return `true` without having fired anything.
    pub(crate) fn expire(&mut self, now: u64, limit: usize, mut fire: impl FnMut(T)) -> bool {
        let target = self.round_down(now).max(self.elapsed);
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

    /// When [`expire`](Self::expire) has to be called next, in ns since the
    /// epoch; not after `now` if it is to be called at once; `None` if the wheel
    /// is empty.
    ///
    /// This is the moment at which the earliest entry fires, unless this entry
    /// is in a slot of a higher level with more than [`EXACT_SCAN`] others.
    /// Then it is the start of the slot: one wakeup more, for the whole crowd.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        let first = self.earliest()?;
        let tick = if first.level == 0 || first.start == self.elapsed {
            first.start
        } else {
            self.exact_minimum(first.slot).unwrap_or(first.start)
        };
        // Only a tick that `now` reaches at `u64::MAX` can saturate.
        Some(tick.saturating_mul(1 << self.shift))
    }
}

/// Arithmetic of ticks and slots.
impl<T> Wheel<T> {
    /// The first tick not before `deadline`.
    fn round_up(&self, deadline: u64) -> u64 {
        let tick = deadline >> self.shift;
        // Cannot overflow: with a remainder, `shift` is at least 1.
        tick + u64::from(tick << self.shift != deadline)
    }

    /// The last tick not after `now`. The end of time counts as a full tick:
    /// deadlines of the last, incomplete one are rounded up to it.
    fn round_down(&self, now: u64) -> u64 {
        if now == u64::MAX {
            return self.round_up(now);
        }
        now >> self.shift
    }

    fn earliest(&self) -> Option<Earliest> {
        let under_way = (self.cascading > 0)
            .then(|| self.first_slot(self.cascading))
            .flatten()
            .filter(|first| first.start == self.elapsed);
        // A cascade comes first: it may yet add to the levels below.
        under_way.or_else(|| (0..LEVELS).find_map(|level| self.first_slot(level)))
    }

    /// The earliest occupied slot of a level.
    fn first_slot(&self, level: usize) -> Option<Earliest> {
        let occupied = self.occupied[level];
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
    }

    /// The earliest tick in a slot, or `None` if there are too many to look at.
    fn exact_minimum(&self, slot: usize) -> Option<u64> {
        let mut minimum = u64::MAX;
        let mut index = self.lists[slot].head;
        for _ in 0..EXACT_SCAN {
            let entry = &self.entries[index as usize];
            minimum = minimum.min(entry.tick);
            index = entry.next;
            if index == NIL {
                return Some(minimum);
            }
        }
        None
    }
}

/// The level of the highest digit in which `tick` differs from `elapsed`.
fn level_of(elapsed: u64, tick: u64) -> usize {
    // The `1` makes equal ticks differ in digit 0.
    (((elapsed ^ tick) | 1).ilog2() / DIGIT) as usize
}

/// The slot of `tick` in a level.
fn slot_of(level: usize, tick: u64) -> usize {
    level * SLOTS + (tick >> (DIGIT * level as u32)) as usize % SLOTS
}

/// Moving entries.
impl<T> Wheel<T> {
    /// Fires from the front of a slot of level 0 until it or `budget` is used up.
    fn fire_slot(&mut self, slot: usize, budget: &mut usize, fire: &mut impl FnMut(T)) {
        while *budget > 0 && self.lists[slot].head != NIL {
            *budget -= 1;
            // The entry is gone before `fire` runs: a panic there loses nothing.
            if let Some(value) = self.release(self.lists[slot].head) {
                fire(value);
            }
        }
        if self.entries.len() > KEEP {
            self.trim();
        }
    }

    /// Moves entries from the front of a slot to where they belong below, until
    /// it or `budget` is used up.
    fn cascade(&mut self, slot: usize, budget: &mut usize) {
        while *budget > 0 && self.lists[slot].head != NIL {
            *budget -= 1;
            let index = self.lists[slot].head;
            let tick = self.entries[index as usize].tick;
            self.unlink(index);
            self.append(index, slot_of(level_of(self.elapsed, tick), tick));
        }
    }

    /// Fills the place that was freed last, whose memory is the warmest, or a
    /// new one. It is in no list yet.
    fn take_place(&mut self, tick: u64, generation: u32, value: T) -> u32 {
        let entry = Entry {
            prev: NIL,
            next: NIL,
            list: FREE as u32,
            generation,
            tick,
            value: Some(value),
        };
        let free = self.lists[FREE].tail;
        if free != NIL {
            self.unlink(free);
            self.entries[free as usize] = entry;
            return free;
        }
        assert!(self.entries.len() < NIL as usize, "too many pending timers");
        self.entries.push(entry);
        (self.entries.len() - 1) as u32
    }

    /// Empties a place, which goes to the free ones.
    fn release(&mut self, index: u32) -> Option<T> {
        self.unlink(index);
        self.append(index, FREE);
        self.len -= 1;
        self.entries[index as usize].value.take()
    }

    /// Gives memory back after a peak. Keys hold indices, so entries cannot be
    /// moved together: what can go is the free end of the vector, in small bites
    /// once three quarters of all places are free; and everything, at once, when
    /// the wheel is empty. Each place is given back once for being made once:
    /// inserts and removals stay O(1), amortized as those of a `Vec`.
    fn trim(&mut self) {
        if self.len == 0 {
            self.entries = Vec::new();
            self.lists[FREE] = List {
                head: NIL,
                tail: NIL,
            };
            self.occupied[LEVELS] = 0;
            return;
        }
        if self.len > self.entries.len() / 4 {
            return;
        }
        for _ in 0..TRIM {
            if self.entries.last().is_none_or(|last| last.value.is_some()) {
                break;
            }
            self.unlink((self.entries.len() - 1) as u32);
            self.entries.pop();
        }
        if self.entries.len() <= self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.capacity() / 2);
        }
    }

    fn append(&mut self, index: u32, list: usize) {
        let tail = std::mem::replace(&mut self.lists[list].tail, index);
        if tail == NIL {
            self.lists[list].head = index;
            self.occupied[list / SLOTS] |= 1 << (list % SLOTS);
        } else {
            self.entries[tail as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.prev = tail;
        entry.next = NIL;
        entry.list = list as u32;
    }

    fn unlink(&mut self, index: u32) {
        let Entry {
            prev, next, list, ..
        } = self.entries[index as usize];
        let list = list as usize;
        if prev == NIL {
            self.lists[list].head = next;
        } else {
            self.entries[prev as usize].next = next;
        }
        if next == NIL {
            self.lists[list].tail = prev;
        } else {
            self.entries[next as usize].prev = prev;
        }
        if prev == NIL && next == NIL {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, VecDeque};

    const MILLISECOND: u64 = 1_000_000;
    const DAY: u64 = 86_400_000 * MILLISECOND;
    const YEAR: u64 = 365 * DAY;

    /// Everything that is due at `now`.
    fn fired<T>(wheel: &mut Wheel<T>, now: u64) -> Vec<T> {
        let mut out = Vec::new();
        while wheel.expire(now, 1000, |value| out.push(value)) {}
        out
    }

    /// Panics unless the wheel is what the module's header says it is.
    fn check<T>(wheel: &Wheel<T>) {
        let mut seen = 0;
        for (list, ends) in wheel.lists.iter().enumerate() {
            let bit = wheel.occupied[list / SLOTS] >> (list % SLOTS) & 1;
            assert_eq!(bit == 1, ends.head != NIL);
            let (mut previous, mut index) = (NIL, ends.head);
            while index != NIL {
                let entry = &wheel.entries[index as usize];
                assert_eq!((entry.prev, entry.list as usize), (previous, list));
                assert_eq!(entry.value.is_none(), list == FREE);
                if list != FREE {
                    check_slot(wheel, list, entry.tick);
                }
                seen += 1;
                (previous, index) = (index, entry.next);
            }
            assert_eq!(ends.tail, previous);
        }
        assert_eq!(seen, wheel.entries.len());
    }

    fn check_slot<T>(wheel: &Wheel<T>, slot: usize, tick: u64) {
        assert!(tick >= wheel.elapsed);
        let level = level_of(wheel.elapsed, tick);
        let above = level.max(wheel.cascading);
        assert!(slot == slot_of(level, tick) || slot == slot_of(above, tick));
    }

    #[test]
    fn an_empty_wheel_has_nothing_to_do() {
        let mut wheel = Wheel::<u32>::new(20);
        assert!(wheel.is_empty());
        assert_eq!(wheel.next_expiry(), None);
        assert_eq!(fired(&mut wheel, u64::MAX), []);
        assert_eq!(wheel.next_expiry(), None);
    }

    #[test]
    fn an_entry_is_as_small_as_promised() {
        assert_eq!(size_of::<Entry<()>>(), 16 + 8 + 8);
        assert_eq!(size_of::<Entry<std::task::Waker>>(), 16 + 8 + 16);
    }

    #[test]
    fn fires_at_the_end_of_the_tick_and_not_before() {
        for shift in [0, 1, 4, 14, 20, 40, 62, 63] {
            let tick = 1u64 << shift;
            for deadline in [0, 1, tick - 1, tick, tick + 1, tick / 2 * 3, u64::MAX / 2] {
                let mut wheel = Wheel::new(shift);
                wheel.insert(deadline, ());
                let due = wheel.next_expiry().unwrap();
                assert!(
                    due >= deadline && due - deadline < tick,
                    "{shift} {deadline}"
                );
                if due > 0 {
                    assert_eq!(fired(&mut wheel, due - 1).len(), 0);
                    assert_eq!(wheel.next_expiry(), Some(due));
                }
                assert_eq!(fired(&mut wheel, due).len(), 1);
            }
        }
    }

    #[test]
    fn each_digit_and_its_neighbours_fire_exactly() {
        for level in 0..LEVELS as u32 {
            for deadline in [-1, 0, 1].map(|d| (1u64 << (DIGIT * level)).wrapping_add_signed(d)) {
                let mut wheel = Wheel::new(0);
                wheel.insert(deadline, deadline);
                assert_eq!(wheel.next_expiry(), Some(deadline));
                assert_eq!(
                    fired(&mut wheel, deadline.saturating_sub(1)).len(),
                    usize::from(deadline == 0)
                );
                check(&wheel);
                assert_eq!(
                    fired(&mut wheel, deadline).len(),
                    usize::from(deadline != 0)
                );
            }
        }
    }

    #[test]
    fn the_end_of_time_is_reached_and_never_early() {
        // 4, 10, 16: shifts at which the last rounded tick needs a digit more.
        for shift in [0, 1, 4, 10, 14, 16, 20, 63] {
            let mut wheel = Wheel::new(shift);
            wheel.insert(u64::MAX, "last");
            wheel.insert(u64::MAX - 1, "last but one");
            assert_eq!(fired(&mut wheel, u64::MAX - 2).len(), 0);
            let due = wheel.next_expiry().unwrap();
            assert_eq!(due, if shift <= 1 { u64::MAX - 1 } else { u64::MAX });
            let early = fired(&mut wheel, u64::MAX - 1).len();
            assert_eq!(early, usize::from(shift <= 1)); // an even number of ns is a tick of 2
            assert_eq!(wheel.next_expiry(), Some(u64::MAX));
            assert_eq!(fired(&mut wheel, u64::MAX).len(), 2 - early);
            // Time stands still, yet the wheel works.
            wheel.insert(u64::MAX, "again");
            wheel.insert(0, "past");
            check(&wheel);
            assert_eq!(fired(&mut wheel, u64::MAX), ["again", "past"]);
        }
    }

    #[test]
    fn the_past_is_due_at_once() {
        let mut wheel = Wheel::new(20);
        assert!(fired(&mut wheel, DAY).is_empty());
        wheel.insert(0, 1);
        wheel.insert(DAY >> 20 << 20, 2);
        assert!(wheel.next_expiry().unwrap() <= DAY);
        // An earlier `now` counts as the latest.
        assert_eq!(fired(&mut wheel, 5), [1, 2]);
    }

    #[test]
    fn stale_keys_do_nothing() {
        let mut wheel = Wheel::new(0);
        let removed = wheel.insert(10, 'a');
        assert_eq!(wheel.get_mut(removed), Some(&mut 'a'));
        assert_eq!(wheel.remove(removed), Some('a'));
        assert_eq!(wheel.remove(removed), None);
        let same_place = wheel.insert(10, 'b');
        assert_eq!(same_place.index, removed.index);
        assert_eq!(wheel.get_mut(removed), None);
        assert_eq!(wheel.remove(removed), None);
        assert_eq!(fired(&mut wheel, 10), ['b']);
        assert_eq!(wheel.get_mut(same_place), None);
        assert_eq!(wheel.remove(same_place), None);
        assert!(wheel.is_empty());
    }

    #[test]
    fn generations_wrap() {
        let mut wheel = Wheel::new(0);
        wheel.generation = u32::MAX - 1;
        let keys: Vec<_> = (0..4).map(|n| (wheel.insert(n, n), n)).collect();
        for (key, n) in keys {
            assert_eq!(wheel.remove(key), Some(n));
            assert_eq!(wheel.remove(key), None);
        }
    }

    #[test]
    fn memory_is_given_back_and_stale_keys_stay_stale() {
        let mut wheel = Wheel::new(0);
        let stale: Vec<_> = (0..100_000).map(|n| wheel.insert(n, n)).collect();
        assert!(wheel.entries.capacity() >= stale.len());
        assert_eq!(fired(&mut wheel, DAY).len(), stale.len());
        assert_eq!(wheel.entries.capacity(), 0);
        check(&wheel);
        let fresh: Vec<_> = (0..2000).map(|n| wheel.insert(DAY + n, n)).collect();
        assert!(stale.iter().all(|&key| wheel.remove(key).is_none()));
        assert_eq!(wheel.len(), fresh.len());
        // All but one early place go: the rest of the vector need not stay.
        let mut peak: Vec<_> = (0..100_000).map(|n| wheel.insert(YEAR, n)).collect();
        while let Some(key) = peak.pop() {
            wheel.remove(key).unwrap();
        }
        assert!(fresh[1..].iter().all(|&key| wheel.remove(key).is_some()));
        assert_eq!(wheel.len(), 1);
        assert!(
            wheel.entries.capacity() <= 4 * KEEP,
            "{}",
            wheel.entries.capacity()
        );
        check(&wheel);
    }

    #[test]
    fn long_sleeps_take_one_wakeup_each() {
        for shift in [0, 14, 20] {
            let mut wheel = Wheel::new(shift);
            let mut now = 0;
            for sleep in [
                12 * DAY,
                25 * DAY,
                50 * DAY,
                2 * YEAR,
                100 * YEAR,
                300 * YEAR,
            ] {
                let deadline = now + sleep;
                wheel.insert(deadline, sleep);
                now = wheel.next_expiry().unwrap();
                assert!((0..1 << shift).contains(&(now - deadline)));
                assert_eq!(fired(&mut wheel, now), [sleep]);
            }
        }
    }

    #[test]
    fn a_crowd_far_away_is_met_at_its_slot() {
        let (slot, deadline) = (64 * 64, 64 * 64 + 100);
        let mut wheel = Wheel::new(0);
        for n in 0..EXACT_SCAN {
            wheel.insert(deadline, n);
        }
        assert_eq!(wheel.next_expiry(), Some(deadline));
        wheel.insert(deadline, EXACT_SCAN);
        assert_eq!(wheel.next_expiry(), Some(slot));
        // At most a wakeup for each level below.
        let mut wakeups = 0;
        while wheel.len() > EXACT_SCAN {
            let now = wheel.next_expiry().unwrap();
            wakeups += 1;
            assert_eq!(fired(&mut wheel, now).is_empty(), now < deadline);
        }
        assert_eq!((wakeups, wheel.elapsed), (3, deadline));
    }

    #[test]
    fn order_survives_cascades_and_limits() {
        let mut wheel = Wheel::new(0);
        wheel.insert(300_000, 3);
        wheel.insert(300_000, 4);
        wheel.insert(299_999, 2);
        assert!(fired(&mut wheel, 290_000).is_empty());
        wheel.insert(300_000, 5);
        wheel.insert(290_001, 1);
        assert!(fired(&mut wheel, 299_990).len() == 1);
        wheel.insert(300_000, 6);
        let mut out = Vec::new();
        for expected in [2, 3, 4, 5] {
            assert!(wheel.expire(300_000, 1, |n| out.push(n)));
            assert_eq!(out.pop(), Some(expected));
        }
        wheel.insert(0, 7);
        assert!(wheel.expire(300_000, 0, |n| out.push(n)));
        assert!(!wheel.expire(300_000, 2, |n| out.push(n)));
        assert_eq!(out, [6, 7]);
    }

    #[test]
    fn a_cascade_stops_half_way_and_keeps_the_order() {
        let mut wheel = Wheel::new(0);
        let keys: Vec<_> = (0..100).map(|n| wheel.insert(5000 + n / 50, n)).collect();
        assert!(wheel.expire(5000, 1, |_| panic!("still cascading")));
        assert_ne!(wheel.cascading, 0);
        check(&wheel);
        // Of the same ticks, and later: behind all that wait for the cascade.
        wheel.insert(0, 100);
        wheel.insert(5000, 101);
        wheel.insert(5001, 102);
        assert!(wheel.next_expiry().unwrap() <= 5000);
        wheel.remove(keys[0]);
        wheel.remove(keys[99]);
        check(&wheel);
        let mut out = Vec::new();
        for _ in 0..200 {
            wheel.expire(5001, 1, |n| out.push(n));
            check(&wheel);
        }
        let first_tick = [100].into_iter().chain(1..50).chain([101]);
        assert_eq!(
            out,
            first_tick.chain(50..99).chain([102]).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_finished_cascade_leaves_no_trace() {
        let mut wheel = Wheel::new(0);
        wheel.insert(5050, 2);
        assert_eq!(fired(&mut wheel, 4096).len(), 0);
        wheel.insert(4100, 1);
        assert_eq!(wheel.next_expiry(), Some(4100));
        assert_eq!(fired(&mut wheel, 6000), [1, 2]);
    }

    #[test]
    fn removing_the_rest_of_a_cascade_ends_it() {
        let mut wheel = Wheel::new(0);
        let keys: Vec<_> = (0..20).map(|_| wheel.insert(5000, ())).collect();
        assert!(wheel.expire(4999, 1, drop));
        assert!(keys[1..].iter().all(|&key| wheel.remove(key).is_some()));
        check(&wheel);
        assert_eq!(wheel.next_expiry(), Some(5000));
        assert_eq!(fired(&mut wheel, 5000).len(), 1);
    }

    #[test]
    fn a_panic_in_fire_loses_only_its_own_entry() {
        let mut wheel = Wheel::new(0);
        for n in 0..3 {
            wheel.insert(7, n);
        }
        let call = std::panic::AssertUnwindSafe(|| wheel.expire(7, 9, |_| panic!("on purpose")));
        assert!(std::panic::catch_unwind(call).is_err());
        check(&wheel);
        assert_eq!(fired(&mut wheel, 7), [1, 2]);
    }

    /// Xorshift64: enough for tests, and the same everywhere.
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

        /// A span of any magnitude: from nothing to `2^bits` ns.
        fn span(&mut self, bits: u64) -> u64 {
            let magnitude = self.below(bits + 1);
            self.next() >> 1 >> (63 - magnitude)
        }
    }

    /// The wheel beside a tree that is too simple to be wrong.
    struct Model {
        wheel: Wheel<u64>,
        /// (tick, number of the insert) -> (deadline, key)
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
            assert_eq!(self.wheel.get_mut(key), Some(&mut { number }));
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

        /// One call; what fires must be the model's next, and due at `now`, or at
        /// the tick that the wheel has reached if this is later.
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

        /// When a tick is due, before it is cut off at the end of time.
        fn end_of(&self, tick: u64) -> u128 {
            (u128::from(tick) << self.wheel.shift).min(u128::from(u64::MAX))
        }

        /// Sleeps as a driver does, until something fires.
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
        wheel.generation = u32::MAX - 50;
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
        // From seconds, where entries crowd, to centuries.
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

    /// `cargo test --release -p brigade --lib cost_of -- --ignored --nocapture`
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
            let per_round = |started: std::time::Instant| {
                started.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
            };
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
            {
            }
            println!(
                "{pending} pending, wheel, fire all: {:.1} ns each",
                started.elapsed().as_nanos() as f64 / pending as f64
            );
        }
    }
}
