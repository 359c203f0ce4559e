//! Time: sleep, ticks and timeouts.
//!
//! **Job.** The futures that wait for the clock: a key into the wheel of the current executor, armed by
//! the first poll and taken out again when the future is dropped.
//!
//! **Owns** a key into the wheel. **Never** fires early, and never has a thread of its own.
//!
//! How late timers are depends on what else there is to do, and on the
//! precision of the OS: about a millisecond. `Duration::MAX` is a sleep without end.
//!
//! All of it goes by the clock of the current executor, which may be virtual (see
//! [`SingleThreadBuilder::virtual_time`](crate::SingleThreadBuilder::virtual_time)).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::budget;
use crate::context;
use crate::shared::Shared;
use crate::sync::Arc;
use crate::timer::Timers;
use crate::timer::wheel::Key;

/// The time by the clock of the current executor; outside of one, the machine's.
///
/// ```
/// let before = brigade::time::now();
/// assert!(brigade::time::now() >= before);
/// ```
pub fn now() -> Instant {
    context::with(|shared| shared.map_or_else(Instant::now, |shared| shared.timers.now()))
}

/// Waits until `duration` has passed.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// brigade::run(async {
///     let before = Instant::now();
///     brigade::time::sleep(Duration::from_millis(5)).await;
///     assert!(before.elapsed() >= Duration::from_millis(5));
/// });
/// ```
///
/// # Panics
/// Outside of an executor.
pub fn sleep(duration: Duration) -> Sleep {
    context::expect("brigade::time::sleep", |shared| {
        Sleep::new(shared.timers.now().checked_add(duration))
    })
}

/// Waits until `deadline`. One that is past is over after a turn of the event loop.
///
/// ```
/// use std::time::Duration;
/// use brigade::time::{now, sleep_until};
///
/// brigade::run(async {
///     let deadline = now() + Duration::from_millis(5);
///     sleep_until(deadline).await;
///     assert!(now() >= deadline);
/// });
/// ```
///
/// # Panics
/// Outside of an executor.
pub fn sleep_until(deadline: Instant) -> Sleep {
    context::expect("brigade::time::sleep_until", |_| Sleep::new(Some(deadline)))
}

/// The future of [`sleep`].
///
/// It may be polled on any executor of brigade and dropped on any thread; the timer is armed by the
/// first poll. To use it again, [`reset`](Self::reset) it:
///
/// ```
/// use std::pin::pin;
/// use std::time::Duration;
/// use brigade::time::{now, sleep};
///
/// brigade::run(async {
///     let mut pause = pin!(sleep(Duration::from_secs(3600)));
///     let sooner = now() + Duration::from_millis(2);
///     pause.reset(sooner);
///     pause.await;
///     assert!(now() >= sooner);
/// });
/// ```
///
/// # Panics
/// Polling it outside of an executor of brigade panics, and so does polling it in a closure that the
/// blocking pool of a `SingleThread` runs.
///
/// # Cancel safety
/// Dropping it disarms the timer; nothing else is lost.
#[must_use = "a future does nothing until it is polled"]
pub struct Sleep {
    /// `None`: further off than an `Instant` can say.
    deadline: Option<Instant>,
    state: State,
}

enum State {
    Idle,
    Armed(Arc<Timers>, Key),
    Elapsed,
}

impl Sleep {
    pub(crate) fn new(deadline: Option<Instant>) -> Self {
        Sleep {
            deadline,
            state: State::Idle,
        }
    }

    /// When it ends; `None` if never.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # brigade::run(async {
    /// let deadline = brigade::time::now() + Duration::from_secs(1);
    /// assert_eq!(brigade::time::sleep_until(deadline).deadline(), Some(deadline));
    /// assert_eq!(brigade::time::sleep(Duration::MAX).deadline(), None);
    /// # });
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether it has ended, as far as a poll has noticed.
    ///
    /// ```
    /// # brigade::run(async {
    /// let mut pause = brigade::time::sleep(std::time::Duration::from_millis(1));
    /// assert!(!pause.is_elapsed());
    /// (&mut pause).await;
    /// assert!(pause.is_elapsed());
    /// # });
    /// ```
    pub fn is_elapsed(&self) -> bool {
        matches!(self.state, State::Elapsed)
    }

    /// Sets another deadline, whether or not the old one has passed. Poll it again afterwards: the
    /// task is not woken for the new deadline before.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # brigade::run(async {
    /// let mut pause = brigade::time::sleep(Duration::from_millis(1));
    /// (&mut pause).await;
    /// let later = brigade::time::now() + Duration::from_millis(1);
    /// pause.reset(later);
    /// assert_eq!((pause.deadline(), pause.is_elapsed()), (Some(later), false));
    /// # });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.disarm();
        self.deadline = Some(deadline);
        self.state = State::Idle;
    }

    fn disarm(&mut self) {
        if let State::Armed(timers, key) = std::mem::replace(&mut self.state, State::Idle) {
            timers.disarm(key);
        }
    }
}

impl Sleep {
    /// As `poll`; `None` where no timer can be armed: outside of an executor, and on a thread of the
    /// blocking pool of a `SingleThread`.
    pub(crate) fn poll_anywhere(&mut self, cx: &mut Context<'_>) -> Option<Poll<()>> {
        context::with(|shared| self.poll_on(shared?, cx))
    }

    #[inline]
    fn poll_on(&mut self, shared: &Shared, cx: &mut Context<'_>) -> Option<Poll<()>> {
        let Some(deadline) = self.deadline else {
            return Some(Poll::Pending);
        };
        if let State::Elapsed = self.state {
            return Some(Poll::Ready(()));
        }
        if let State::Armed(timers, key) = &self.state {
            if Arc::ptr_eq(timers, &shared.timers) {
                let polled = timers.poll(*key, cx.waker()).unwrap_or(Poll::Pending);
                if polled.is_ready() {
                    self.state = State::Elapsed;
                }
                return Some(polled);
            }
            // It has moved to another executor, and its timer with it.
            self.disarm();
        }
        let armed = shared.timers.arm(deadline, cx.waker())?;
        self.state = State::Armed(shared.timers.clone(), armed.key);
        if armed.ring {
            shared.reactor.ring();
        }
        Some(Poll::Pending)
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline.is_none() {
            return Poll::Pending;
        }
        let polled = context::expect("polling a brigade::time::Sleep", |shared| {
            self.poll_on(shared, cx)
        });
        // Current, and yet another thread's: only the blocking pool of a `SingleThread` is that, and
        // it polls nothing by itself.
        polled.expect(
            "a brigade::time::Sleep was polled on a thread of the blocking pool: await it in a task",
        )
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .field("is_elapsed", &self.is_elapsed())
            .finish()
    }
}

/// A tick every `period`, the first at once.
///
/// A tick that was missed, since nobody awaited it in time, is given late and at once; the ticks
/// after it keep to the original times, and those that are past as well are left out: a slow
/// consumer is not punished with a burst.
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
/// Outside of an executor, and if `period` is zero.
pub fn interval(period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "brigade::time::interval: the period must be longer than zero"
    );
    context::expect("brigade::time::interval", |shared| Interval {
        next: Some(shared.timers.now()),
        period,
        sleep: Sleep::new(Some(shared.timers.now())),
    })
}

/// Ticks at a fixed period: see [`interval`]. It is a stream that never ends:
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
    /// When the next tick is due; `None`: never.
    next: Option<Instant>,
    period: Duration,
    sleep: Sleep,
}

impl Interval {
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
    /// Polling it panics where polling a [`Sleep`] does.
    ///
    /// # Cancel safety
    /// Dropping the future loses no tick.
    pub async fn tick(&mut self) -> Instant {
        std::future::poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// [`tick`](Self::tick) as a poll function.
    ///
    /// # Panics
    /// Where polling a [`Sleep`] does.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        let Some(due) = self.next else {
            return Poll::Pending;
        };
        let now = now();
        if due > now {
            ready!(Pin::new(&mut self.sleep).poll(cx));
        } else {
            // A period shorter than the work between two ticks never waits.
            ready!(budget::poll_spend(cx));
        }
        self.next = following(due, self.period, now.max(due));
        match self.next {
            Some(next) => self.sleep.reset(next),
            None => self.sleep = Sleep::new(None),
        }
        Poll::Ready(due)
    }

    /// The time between two ticks.
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

/// The first of the ticks after `due` that is not past at `now`.
fn following(due: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let late = now.saturating_duration_since(due).as_nanos();
    let missed = late / period.as_nanos();
    let next = due.checked_add(period)?;
    let skipped = u64::try_from(missed * period.as_nanos()).ok()?;
    let next = next.checked_add(Duration::from_nanos(skipped))?;
    Some(next)
}

impl futures_core::Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("next", &self.next)
            .field("period", &self.period)
            .finish()
    }
}

/// Gives `future` at most `duration`.
///
/// The future is polled first: if it is ready, its output counts, also when the time is over. When
/// the time is over, the future is dropped with the [`Timeout`].
///
/// ```
/// use std::time::Duration;
/// use brigade::time::{sleep, timeout};
///
/// brigade::run(async {
///     assert_eq!(timeout(Duration::from_secs(5), async { 1 }).await, Ok(1));
///     let late = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
///     assert!(late.is_err());
/// });
/// ```
///
/// # Panics
/// Outside of an executor.
///
/// # Cancel safety
/// That of `future`.
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    context::expect("brigade::time::timeout", |shared| Timeout {
        future,
        sleep: Sleep::new(shared.timers.now().checked_add(duration)),
    })
}

/// The future of [`timeout`], where an example is. It panics where polling a [`Sleep`] does, unless
/// `future` is ready first.
#[must_use = "a future does nothing until it is polled"]
#[derive(Debug)]
pub struct Timeout<F> {
    future: F,
    sleep: Sleep,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is pinned with `self`: it is never moved out, `Timeout` has no `Drop`
        // and is `Unpin` only if `F` is.
        let (future, sleep) = unsafe {
            let me = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut me.future), &mut me.sleep)
        };
        if let Poll::Ready(output) = future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        ready!(Pin::new(sleep).poll(cx));
        Poll::Ready(Err(Elapsed(())))
    }
}

/// The time of a [`timeout`] was over. As an I/O error it is [`TimedOut`](std::io::ErrorKind::TimedOut):
///
/// ```
/// use std::time::Duration;
/// use brigade::net::TcpListener;
/// use brigade::time::timeout;
///
/// let waited = brigade::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let (_stream, peer) = timeout(Duration::from_millis(1), listener.accept()).await??;
///     std::io::Result::Ok(peer)
/// });
/// assert_eq!(waited.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over before the future was ready")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> Self {
        std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}

const _: () = {
    const fn send_and_sync<T: Send + Sync>() {}
    // hyper's `rt::Sleep` asks for it.
    send_and_sync::<Sleep>();
};
