//! Timers: a clock, and timing [`wheel`]s that keep wakers until their deadlines.
//!
//! Workers, threads in `block_on` and jobs of the blocking pool may all arm, poll, reset and drop timers. So
//! each wheel is behind a lock. Each worker arms its timers in its own wheel, so that workers do not contend
//! for a lock. With one wheel for all workers, arming and dropping a timer takes six times as long on two
//! workers as on one. Threads that are not workers use the first wheel. No waker is cloned, called or
//! dropped under the lock, because wakers may run user code.
//!
//! # The race between arming a timer and parking
//!
//! ```text
//!   a thread that arms a timer            the driver
//!   A1  lock a wheel, insert              B1  parked_until := for ever
//!   A2  earlier than parked_until?        B2  for each wheel: lock, read its next deadline, unlock
//!   A3  unlock; if so, notify the driver  B3  parked_until := the earliest of them
//!                                         B4  park until then, or until a notification
//!                                         B5  parked_until := 0, awake
//! ```
//!
//! If A1 locks the wheel before B2 does, B2 sees the timer (tokio #6682). Otherwise the lock makes the
//! write of B1 visible to A2, so A2 reads what B1, B3 or B5 wrote. If A2 reads the value of B1 or B3, it
//! notifies the driver if necessary. If A2 reads the value of B5, the driver is awake and will reach B2
//! again.
//!
//! # Timers that outlive their executor
//!
//! A [`Sleep`](crate::time::Sleep) may be dropped after its executor, and then it still locks its wheel. So
//! no wheel is ever freed: the next executor uses the wheel again. To free wheels, the runtime would have
//! to count each wheel's timers, with an atomic read-modify-write for each timer. Keys from an earlier use
//! of a wheel are stale.

pub(crate) mod wheel;

use std::cell::Cell;
use std::task::Waker;
use std::time::{Duration, Instant};

use self::wheel::{Key, Wheel};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock, thread_local};
use crate::task::waker::{drop_quietly, is_own};

/// The maximum number of timers of one wheel that fire in one poll of the driver. Other due timers fire in
/// the next polls. Arbitrary: not measured.
const FIRED_PER_TURN: usize = 1024;

thread_local! {
    /// The index of the wheel that this thread uses.
    static OWN_WHEEL: Cell<usize> = const { Cell::new(0) };
}

/// Makes the calling worker thread arm its timers in the wheel with this index.
pub(crate) fn use_wheel(index: usize) {
    OWN_WHEEL.set(index);
}

pub(crate) struct Timers {
    alarm: Arc<Alarm>,
    wheels: Box<[&'static LockedWheel]>,
}

/// Wakes the driver if a new timer is due before the driver's sleep ends.
struct Alarm {
    clock: Arc<Clock>,
    /// The latest time at which the driver's sleep ends; 0 while the driver is awake.
    parked_until: AtomicU64,
    /// Ends the sleep of the driver. The caller must hold no lock.
    notify: Box<dyn Fn() + Send + Sync>,
}

/// The wheels that no executor uses.
#[cfg(not(loom))]
static UNUSED: Mutex<Vec<&'static LockedWheel>> = Mutex::new(Vec::new());

/// A wheel on cache lines of its own.
#[repr(align(128))]
struct LockedWheel {
    state: Mutex<WheelState>,
    /// Mirrors `wheel.is_empty()`, so that a poll of the driver takes no lock if there are no timers.
    empty: AtomicBool,
}

struct WheelState {
    wheel: Wheel<Waker>,
    /// The alarm of the executor that uses the wheel. `None` once the executor has closed: then no timer can
    /// be armed.
    alarm: Option<Arc<Alarm>>,
}

/// A timer that was armed, and may have fired since.
pub(crate) struct Armed {
    wheel: &'static LockedWheel,
    /// [`Key::NONE`] once a poll has found that the timer has fired.
    key: Key,
}

/// The state of a timer that was armed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Polled {
    Pending,
    Fired,
    /// The timer must be armed again, because it has another waker, or belongs to another executor, or its
    /// executor has closed.
    Stale,
}

impl Timers {
    /// Makes timers with one wheel per worker.
    pub(crate) fn new(
        clock: Arc<Clock>,
        workers: usize,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let alarm = Arc::new(Alarm {
            clock,
            parked_until: AtomicU64::new(0),
            notify: Box::new(notify),
        });
        let wheels = (0..workers).map(|_| LockedWheel::begin(LockedWheel::unused(), &alarm));
        Timers {
            wheels: wheels.collect(),
            alarm,
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.alarm.clock
    }

    pub(crate) fn now(&self) -> Instant {
        self.alarm.clock.now()
    }

    /// Arms a timer: the waker is called at the deadline or shortly after, never before. A timer without a
    /// deadline fires only if it is moved to a deadline. Returns `None` once the executor has closed.
    #[inline]
    pub(crate) fn arm(&self, deadline: Option<Instant>, waker: &Waker) -> Option<Armed> {
        self.arm_in(deadline, waker, true)
    }

    /// Does the same as [`arm`](Self::arm). If the calling thread runs no executor, a [held](Clock::hold)
    /// clock may then move up to the deadline.
    #[inline]
    pub(crate) fn arm_in(
        &self,
        deadline: Option<Instant>,
        waker: &Waker,
        runs_executor: bool,
    ) -> Option<Armed> {
        let wheel = self.wheels.get(OWN_WHEEL.get()).unwrap_or(&self.wheels[0]);
        let waker = waker.clone();
        let mut state = lock(&wheel.state);
        state.alarm.as_ref()?;
        let awaited = !runs_executor && self.alarm.clock.is_virtual();
        let (key, must_notify) =
            wheel.insert(&mut state.wheel, &self.alarm, deadline, waker, awaited);
        drop(state);
        if must_notify {
            (self.alarm.notify)();
        }
        Some(Armed { wheel, key })
    }

    /// Returns whether no timer is armed. It may miss a timer that another thread arms at this moment.
    pub(crate) fn is_empty(&self) -> bool {
        let mut wheels = self.wheels.iter();
        wheels.all(|wheel| wheel.empty.load(Ordering::Relaxed))
    }

    /// Returns when the next timer is due, in the clock's nanoseconds. The driver calls this before it
    /// sleeps. From now on, a thread that arms an earlier timer must notify the driver.
    pub(crate) fn park(&self) -> Option<u64> {
        let parked_until = &self.alarm.parked_until;
        // B1. This is a swap, not a store, so that it comes after every read-modify-write of an older value.
        parked_until.swap(u64::MAX, Ordering::Relaxed);
        // B2
        let next = |wheel: &&LockedWheel| lock(&wheel.state).wheel.next_expiry();
        let next = self.wheels.iter().filter_map(next).min();
        if let Some(next) = next {
            // B3. If another thread has stored an earlier time since B1, `fetch_min` keeps that time.
            parked_until.fetch_min(next, Ordering::Relaxed);
        }
        next
    }

    /// Collects the wakers of the timers that are due at `now`. The driver must be awake.
    pub(crate) fn fire(&self, now: u64, woken: &mut Vec<Waker>) {
        // B5
        self.alarm.parked_until.store(0, Ordering::Relaxed);
        for wheel in &self.wheels {
            if wheel.empty.load(Ordering::Relaxed) {
                continue;
            }
            let mut state = lock(&wheel.state);
            // If due timers remain, the next `park` returns a past time, so the driver does not sleep.
            let _more = (state.wheel).expire(now, FIRED_PER_TURN, |waker| woken.push(waker));
            wheel.empty.store(state.wheel.is_empty(), Ordering::Relaxed);
        }
    }

    /// Moves all wakers to `woken`, because the executor is being dropped. Afterwards no timer can be armed.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        for wheel in &self.wheels {
            let mut state = lock(&wheel.state);
            let alarm = state.alarm.take();
            woken.extend(state.wheel.drain());
            wheel.empty.store(true, Ordering::Relaxed);
            drop(state);
            drop(alarm);
        }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        let mut left = Vec::new();
        self.close(&mut left);
        left.into_iter().for_each(drop_quietly);
        // In a loom model, a wheel cannot be used again, because it belongs to one run of the model.
        #[cfg(not(loom))]
        lock(&UNUSED).extend(&self.wheels);
    }
}

impl LockedWheel {
    fn unused() -> &'static Self {
        #[cfg(not(loom))]
        if let Some(wheel) = lock(&UNUSED).pop() {
            return wheel;
        }
        Box::leak(Box::new(LockedWheel {
            state: Mutex::new(WheelState {
                wheel: Wheel::new(0),
                alarm: None,
            }),
            empty: AtomicBool::new(true),
        }))
    }

    /// Begins to use the wheel for the executor that has this alarm.
    fn begin(this: &'static Self, alarm: &Arc<Alarm>) -> &'static Self {
        let mut state = lock(&this.state);
        state.wheel.restart(alarm.clock.tick_shift());
        state.alarm = Some(alarm.clone());
        this
    }

    /// Inserts a timer. Returns the timer's key, and whether the caller must notify the driver after it has
    /// unlocked the wheel.
    #[inline]
    fn insert(
        &self,
        wheel: &mut Wheel<Waker>,
        alarm: &Alarm,
        deadline: Option<Instant>,
        waker: Waker,
        awaited: bool,
    ) -> (Key, bool) {
        let Alarm {
            clock,
            parked_until,
            ..
        } = alarm;
        let deadline = deadline.map_or(u64::MAX, |deadline| clock.to_nanos(deadline));
        // A1
        let key = match deadline {
            u64::MAX => wheel.insert_endless(waker),
            _ => wheel.insert(deadline, waker),
        };
        self.empty.store(false, Ordering::Relaxed);
        let is_held = awaited && clock.note_waiter(key, deadline);
        // A2. After this `fetch_min`, threads that arm later timers need not notify the driver.
        let is_earlier = deadline < parked_until.load(Ordering::Relaxed)
            && deadline < parked_until.fetch_min(deadline, Ordering::Relaxed);
        (key, is_earlier || is_held)
    }
}

impl Armed {
    /// Returns the state of the timer, which is `Stale` if it was armed with another waker or in the
    /// `Timers` of another executor.
    pub(crate) fn poll(&mut self, timers: &Timers, waker: &Waker) -> Polled {
        let state = lock(&self.wheel.state);
        let alarm = state.alarm.as_ref();
        if !alarm.is_some_and(|alarm| Arc::ptr_eq(alarm, &timers.alarm)) {
            return Polled::Stale;
        }
        match state.wheel.get(self.key) {
            Some(armed) if armed.will_wake(waker) => Polled::Pending,
            None if state.wheel.is_of_this_run(self.key) => {
                timers.clock().forget_waiter(self.key);
                self.key = Key::NONE;
                Polled::Fired
            }
            _ => Polled::Stale,
        }
    }

    /// Moves the timer, with its waker, to another deadline. Returns `false` if the timer has fired, or
    /// the executor has closed.
    #[must_use]
    pub(crate) fn rearm(&mut self, deadline: Option<Instant>) -> bool {
        let mut state = lock(&self.wheel.state);
        let WheelState { wheel, alarm } = &mut *state;
        let (Some(alarm), Some(waker)) = (alarm, wheel.remove(self.key)) else {
            return false;
        };
        let awaited = alarm.clock.forget_waiter(self.key);
        let (key, must_notify) = self.wheel.insert(wheel, alarm, deadline, waker, awaited);
        self.key = key;
        let alarm = must_notify.then(|| alarm.clone());
        drop(state);
        if let Some(alarm) = alarm {
            (alarm.notify)();
        }
        true
    }
}

impl Drop for Armed {
    /// Disarms the timer. If it has fired, nothing happens.
    #[inline]
    fn drop(&mut self) {
        if self.key == Key::NONE {
            return;
        }
        let mut state = lock(&self.wheel.state);
        let waker = state.wheel.remove(self.key);
        let empty = state.wheel.is_empty();
        self.wheel.empty.store(empty, Ordering::Relaxed);
        if let Some(alarm) = &state.alarm {
            alarm.clock.forget_waiter(self.key);
        }
        drop(state);
        match waker {
            Some(foreign) if !is_own(&foreign) => drop_quietly(foreign),
            own => drop(own),
        }
    }
}

/// The clock of an executor: the machine's clock, or a virtual clock.
///
/// The clock translates between [`Instant`] and the wheel's nanoseconds, and never goes backwards. *Virtual
/// time* stands still while any task can run. When no task can run, it jumps to the next deadline. So a
/// program that sleeps for hours runs in milliseconds, and every run is the same. While the blocking pool
/// is busy, a virtual clock is [held](Clock::hold): it stands still, so jobs take no virtual time. If a job
/// waits for a timer, the held clock may move up to the timer's deadline.
pub(crate) struct Clock {
    /// The instant of nanosecond 0.
    epoch: Instant,
    virtual_time: Option<VirtualTime>,
    tick_shift: u32,
}

struct VirtualTime {
    /// The nanoseconds that have passed.
    passed: AtomicU64,
    /// `jump_unless_held` holds this lock while the clock jumps.
    holders: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    /// True while jobs run.
    held: bool,
    /// The timers that threads without an executor await, with their deadlines. A held clock may move up to
    /// the latest of these deadlines.
    awaited: Vec<(Key, u64)>,
}

impl Holders {
    fn allow(&self, nanos: u64) -> bool {
        !self.held || self.awaited.iter().any(|(_, until)| nanos <= *until)
    }
}

impl Clock {
    pub(crate) fn new(virtual_time: bool) -> Self {
        // A loom model must not depend on the real time.
        let virtual_time = virtual_time || cfg!(loom);
        Clock {
            epoch: Instant::now(),
            virtual_time: virtual_time.then(|| VirtualTime {
                passed: AtomicU64::new(0),
                holders: Mutex::default(),
            }),
            // 2^20 ns is about a millisecond, to which mio rounds the timeouts of epoll.
            tick_shift: if virtual_time { 0 } else { 20 },
        }
    }

    /// Makes the tick finer, for an executor that uses a timer of the OS to sleep.
    pub(crate) fn precise(mut self) -> Self {
        // 2^13 ns are 8.2 us. Waking a thread takes longer.
        self.tick_shift = self.tick_shift.min(13);
        self
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_time.is_some()
    }

    /// Returns the binary logarithm of the wheel's tick in nanoseconds. A tick is no finer than the
    /// precision of the driver's sleep. So timers with nearly equal deadlines fire in one wakeup. In virtual
    /// time, a tick is 1 ns.
    pub(crate) fn tick_shift(&self) -> u32 {
        self.tick_shift
    }

    pub(crate) fn now(&self) -> Instant {
        match &self.virtual_time {
            None => Instant::now(),
            Some(it) => self.epoch + Duration::from_nanos(it.passed.load(Ordering::Relaxed)),
        }
    }

    pub(crate) fn now_nanos(&self) -> u64 {
        match &self.virtual_time {
            None => self.to_nanos(Instant::now()),
            Some(it) => it.passed.load(Ordering::Relaxed),
        }
    }

    /// Returns the nanoseconds since the epoch. The result is 0 for an earlier instant, and `u64::MAX` for an
    /// instant 584 years later or more.
    pub(crate) fn to_nanos(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Virtual time: jumps to `nanos`, but never back.
    pub(crate) fn jump(&self, nanos: u64) {
        if let Some(it) = &self.virtual_time {
            it.passed.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// Virtual time: stops the clock, or lets it move again. The caller holds the lock under which jobs
    /// begin and end, so that the calls are in the right order.
    pub(crate) fn hold(&self, held: bool) {
        if let Some(it) = &self.virtual_time {
            lock(&it.holders).held = held;
        }
    }

    /// Virtual time: jumps to `nanos`, unless a job has begun to run since [`may_jump`](Self::may_jump).
    pub(crate) fn jump_unless_held(&self, nanos: u64) {
        if let Some(it) = &self.virtual_time {
            let holders = lock(&it.holders);
            if holders.allow(nanos) {
                self.jump(nanos);
            }
        }
    }

    /// Virtual time: returns whether the clock may jump to `nanos` when no task is ready.
    pub(crate) fn may_jump(&self, nanos: u64) -> bool {
        self.virtual_time.as_ref().is_some_and(|it| {
            nanos <= it.passed.load(Ordering::Relaxed) || lock(&it.holders).allow(nanos)
        })
    }

    /// Virtual time: notes a timer that is awaited by a thread without an executor. The caller holds the
    /// lock of the timer's wheel. Returns true if the clock is held: then the driver must be notified.
    fn note_waiter(&self, key: Key, deadline: u64) -> bool {
        self.virtual_time.as_ref().is_some_and(|it| {
            // The clock need not move for a timer without a deadline.
            let until = if deadline == u64::MAX { 0 } else { deadline };
            let mut holders = lock(&it.holders);
            holders.awaited.push((key, until));
            holders.held
        })
    }

    /// Virtual time: forgets a timer that has fired, or is disarmed or moved. Returns whether the timer was
    /// noted.
    fn forget_waiter(&self, key: Key) -> bool {
        self.virtual_time.as_ref().is_some_and(|it| {
            let awaited = &mut lock(&it.holders).awaited;
            let position = awaited.iter().position(|(noted, _)| *noted == key);
            position
                .map(|position| awaited.swap_remove(position))
                .is_some()
        })
    }
}

#[cfg(test)]
mod tests;
