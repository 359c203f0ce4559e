//! Intervals: sleeps that begin again at each tick.
//!
//! An interval stores only one time: the deadline of its sleep, which is the next tick. A tick whose time is
//! past is returned immediately, but spends some of the task's budget. So an interval that is always late
//! starves no other task.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::{Sleep, now};
use crate::context;

/// Returns an interval that ticks immediately and then every `period`.
///
/// If no task awaits a tick in time, the next poll returns the tick late. [`MissedTicks`] decides when the
/// ticks after a late tick are due. By default, ticks whose times are already past are skipped.
///
/// ```
/// use std::time::Duration;
///
/// brigade::run(async {
///     let mut interval = brigade::time::interval(Duration::from_millis(2));
///     let first = interval.tick().await;
///     let second = interval.tick().await;
///     assert_eq!(second - first, Duration::from_millis(2));
/// });
/// ```
///
/// # Panics
/// Panics outside of an executor, or if `period` is zero.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    let now = context::expect("brigade::time::interval", |shared| shared.timers.now());
    Interval::new("brigade::time::interval", now, period)
}

/// Returns an interval that ticks at `start` and then every `period`. If `start` is past, the first tick is
/// late.
///
/// ```
/// use std::time::Duration;
/// use brigade::time::{interval_at, now};
///
/// let executor = brigade::SingleThread::builder().virtual_time(true).build()?;
/// executor.block_on(async {
///     let start = now() + Duration::from_millis(3);
///     let mut interval = interval_at(start, Duration::from_millis(2));
///     assert_eq!(interval.tick().await, start);
///     assert_eq!(interval.tick().await, start + Duration::from_millis(2));
/// });
/// # std::io::Result::Ok(())
/// ```
///
/// # Panics
/// Panics outside of an executor, or if `period` is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    context::expect("brigade::time::interval_at", |_| ());
    Interval::new("brigade::time::interval_at", start, period)
}

/// Decides when the next tick of an [`Interval`] is due after a late tick.
///
/// ```
/// use std::time::Duration;
/// use brigade::time::{MissedTicks, interval, sleep};
///
/// let executor = brigade::SingleThread::builder().virtual_time(true).build()?;
/// executor.block_on(async {
///     let second = Duration::from_secs(1);
///     for (missed, expected) in [
///         (MissedTicks::Skip, [10, 40, 50]),
///         (MissedTicks::Burst, [10, 20, 30]),
///         (MissedTicks::Delay, [10, 45, 55]),
///     ] {
///         let mut ticks = interval(10 * second);
///         ticks.set_missed_ticks(missed);
///         let first = ticks.tick().await;
///         sleep(35 * second).await;
///         for due in expected {
///             assert_eq!(ticks.tick().await, first + due * second);
///         }
///     }
/// });
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MissedTicks {
    /// Ticks keep their original times, but times that are past are skipped. This is the default.
    #[default]
    Skip,
    /// Ticks keep their original times, even if the times are past. So all missed ticks follow immediately.
    Burst,
    /// The next tick is due one period after the late tick was returned, and later ticks are counted from
    /// there. So an interval that is always a little late drifts.
    Delay,
}

/// A stream that ticks at a fixed period and never ends; see also [`interval`].
///
/// ```
/// use std::time::Duration;
/// use futures_util::StreamExt;
///
/// brigade::run(async {
///     let ticks = brigade::time::interval(Duration::from_millis(1));
///     let three: Vec<_> = ticks.take(3).collect().await;
///     assert!(three.is_sorted());
/// });
/// ```
pub struct Interval {
    period: Duration,
    missed_ticks: MissedTicks,
    sleep: Sleep,
}

impl Interval {
    #[track_caller]
    fn new(function: &str, start: Instant, period: Duration) -> Self {
        assert!(
            !period.is_zero(),
            "{function}: the period must be longer than zero"
        );
        Interval {
            period,
            missed_ticks: MissedTicks::default(),
            sleep: Sleep::new(Some(start)),
        }
    }

    /// Waits for the next tick and returns the time at which it was due.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # brigade::run(async {
    /// let mut interval = brigade::time::interval(Duration::from_millis(1));
    /// for _ in 0..3 {
    ///     let due = interval.tick().await;
    ///     assert!(brigade::time::now() >= due);
    /// }
    /// # });
    /// ```
    ///
    /// # Panics
    /// Panics if the future is polled outside of an executor of brigade. The reported line is in this library.
    ///
    /// # Cancel safety
    /// Dropping the future loses no tick.
    pub async fn tick(&mut self) -> Instant {
        std::future::poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick, which [`tick`](Self::tick) waits for.
    ///
    /// # Panics
    /// Panics outside of an executor of brigade.
    #[track_caller]
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        // A tick that is due must cost budget. Otherwise a task whose work between two ticks takes longer
        // than a period would never yield.
        let function = "brigade::time::Interval::poll_tick";
        ready!(context::expect(function, |shared| self
            .sleep
            .poll_on(shared, cx)));
        let due = self.sleep.deadline.expect("a sleep without end never ends");
        let next = match self.missed_ticks {
            MissedTicks::Skip => following(due, self.period, now()),
            MissedTicks::Burst => due.checked_add(self.period),
            MissedTicks::Delay => now().checked_add(self.period),
        };
        self.sleep = Sleep::new(next);
        Poll::Ready(due)
    }

    /// Moves the next tick to one period from now. Later ticks are counted from there. A task that already
    /// waits for the tick is woken at the new time.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let executor = brigade::SingleThread::builder().virtual_time(true).build()?;
    /// executor.block_on(async {
    ///     let second = Duration::from_secs(1);
    ///     let mut interval = brigade::time::interval(10 * second);
    ///     let first = interval.tick().await;
    ///     brigade::time::sleep(3 * second).await;
    ///     interval.reset();
    ///     assert_eq!(interval.tick().await, first + 13 * second);
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reset(&mut self) {
        self.sleep.move_to(now().checked_add(self.period));
    }

    /// Returns the rule that applies after a late tick.
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::time::{MissedTicks, interval};
    ///
    /// let interval = interval(std::time::Duration::from_millis(1));
    /// assert_eq!(interval.missed_ticks(), MissedTicks::Skip);
    /// # });
    /// ```
    pub fn missed_ticks(&self) -> MissedTicks {
        self.missed_ticks
    }

    /// Sets the rule that applies after a late tick; see [`MissedTicks`] for an example. The new rule applies
    /// from the next tick on.
    pub fn set_missed_ticks(&mut self, missed_ticks: MissedTicks) {
        self.missed_ticks = missed_ticks;
    }

    /// Returns the time between two ticks.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use std::time::Duration;
    /// let interval = brigade::time::interval(Duration::from_millis(1));
    /// assert_eq!(interval.period(), Duration::from_millis(1));
    /// # });
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// Returns the first tick after `due` that is not past at `now`.
fn following(due: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let late = now.saturating_duration_since(due).as_nanos();
    let periods = late.div_ceil(period.as_nanos()).max(1);
    let nanos = u64::try_from(periods.checked_mul(period.as_nanos())?).ok()?;
    due.checked_add(Duration::from_nanos(nanos))
}

impl futures_core::Stream for Interval {
    type Item = Instant;

    #[track_caller]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("next", &self.sleep.deadline)
            .field("period", &self.period)
            .field("missed_ticks", &self.missed_ticks)
            .finish()
    }
}
