//! Time: sleeps, intervals and timeouts.
//!
//! Each future of this module has a timer in a timer wheel of the current executor. The first poll arms the
//! timer, and dropping the future disarms the timer.
//!
//! No timer fires early. A timer may fire late, because the executor does other work, and because the OS is
//! precise only to about a millisecond. A sleep of `Duration::MAX` never ends.
//!
//! All times are those of the current executor's clock, which may be virtual (see
//! [`SingleThreadBuilder::virtual_time`](crate::SingleThreadBuilder::virtual_time)).

mod interval;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use crate::context;
use crate::coop;
use crate::handle::Shared;
use crate::sync::Arc;
use crate::timer::{Armed, Polled, Timers};

pub use self::interval::{Interval, MissedTicks, interval, interval_at};

/// If a sleep is at least this long, its first poll arms the timer without reading the clock. Not reading the
/// clock saves a third of the cost of arming and dropping the timer. If the deadline is already past at the
/// first poll, the timer fires in the next poll of the driver.
const LONG: Duration = Duration::from_secs(1);

/// The longest time that one call of [`Sleep::wait_alone`] blocks its thread. Arbitrary: other timers may
/// be late by about one millisecond too.
const NAP: Duration = Duration::from_millis(1);

/// Returns the time of the current executor's clock. Without an executor, returns the time of the machine's
/// clock.
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
/// Panics outside of an executor.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    context::expect("brigade::time::sleep", |shared| {
        Sleep::after(&shared.timers, duration)
    })
}

/// Waits until `deadline`. If the deadline is past, the first poll returns `Ready`.
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
/// Panics outside of an executor.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    context::expect("brigade::time::sleep_until", |_| Sleep::new(Some(deadline)))
}

/// The future of [`sleep`].
///
/// Any task of any executor of brigade may poll this future. A job of a blocking pool may also poll it. Any
/// thread may reset or drop it. The first poll arms the timer. If the deadline is past by then, the sleep is
/// ready immediately, and spends one operation of the [budget](crate::task::consume_budget). To use the sleep
/// again, [`reset`](Self::reset) it:
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
/// Polling it outside of an executor of brigade panics.
///
/// # Cancel safety
/// Dropping it disarms the timer; nothing else is lost.
#[must_use = "a future does nothing until it is polled"]
pub struct Sleep {
    /// `None` if the deadline is later than an `Instant` can express.
    deadline: Option<Instant>,
    state: State,
}

enum State {
    Idle,
    /// The sleep was not polled yet, and its duration is at least [`LONG`].
    Fresh,
    Armed(Armed),
    Elapsed,
}

impl Sleep {
    pub(crate) fn new(deadline: Option<Instant>) -> Self {
        Sleep {
            deadline,
            state: State::Idle,
        }
    }

    #[inline]
    fn after(timers: &Timers, duration: Duration) -> Self {
        // Virtual time may jump before the first poll, so the poll must read the clock.
        let is_long = duration >= LONG && !timers.clock().is_virtual();
        Sleep {
            deadline: timers.now().checked_add(duration),
            state: if is_long { State::Fresh } else { State::Idle },
        }
    }

    /// Returns when the sleep ends, or `None` if it never does.
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

    /// Returns whether a poll has found that the sleep has ended.
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

    /// Sets another deadline, even if the old deadline has passed. A task that waits for the sleep is woken
    /// at the new deadline instead of the old deadline. If the task was woken already, poll the sleep again.
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
        self.move_to(Some(deadline));
    }

    fn move_to(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
        if let State::Armed(armed) = &mut self.state {
            if armed.rearm(deadline) {
                return;
            }
        }
        self.state = State::Idle;
    }

    #[inline]
    fn poll_on(&mut self, shared: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<()> {
        let timers = &*shared.timers;
        match &mut self.state {
            // A task that polls an elapsed sleep in a loop never waits, so each poll must spend budget.
            State::Elapsed => ready!(coop::poll_spend(cx)),
            State::Armed(armed) => match armed.poll(timers, cx.waker()) {
                Polled::Pending => return Poll::Pending,
                // A task that waits for many timers must yield when they fire together.
                Polled::Fired => ready!(coop::poll_spend(cx)),
                Polled::Stale => return self.arm(shared, cx),
            },
            State::Idle | State::Fresh => return self.arm(shared, cx),
        }
        self.state = State::Elapsed;
        Poll::Ready(())
    }

    #[inline]
    fn arm(&mut self, shared: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<()> {
        let timers = &*shared.timers;
        let is_fresh = matches!(self.state, State::Fresh);
        self.state = State::Idle;
        // A task that awaits sleeps with past deadlines in a loop never waits, so each of them must spend
        // budget.
        if !is_fresh && self.deadline.is_some_and(|it| it <= timers.now()) {
            ready!(coop::poll_spend(cx));
            self.state = State::Elapsed;
            return Poll::Ready(());
        }
        let inside = !timers.clock().is_virtual() || context::waits_inside(shared);
        match timers.arm_in(self.deadline, cx.waker(), inside) {
            Some(armed) => self.state = State::Armed(armed),
            None => self.wait_alone(timers, cx),
        }
        Poll::Pending
    }

    /// Blocks this thread for a short time. The thread runs a job that has outlived its executor, so no
    /// driver would end the sleep.
    #[cold]
    fn wait_alone(&self, timers: &Timers, cx: &mut Context<'_>) {
        let (clock, now) = (timers.clock(), timers.now());
        let Some(deadline) = self.deadline else {
            return;
        };
        let nap = deadline.saturating_duration_since(now).min(NAP);
        thread::sleep(nap);
        // The executor is gone, so only this poll moves its virtual clock.
        clock.jump(clock.to_nanos(now + nap));
        cx.waker().wake_by_ref();
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        context::expect("brigade::time::Sleep::poll", |shared| {
            self.poll_on(shared, cx)
        })
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let State::Armed(armed) = &mut self.state {
            context::with_running(|shared| armed.disarm(shared.map(|shared| &*shared.timers)));
        }
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

/// Limits `future` to `duration`.
///
/// The future is polled before the timer. If the future is ready, its output is returned, even if the time
/// is over. The future is dropped together with the [`Timeout`].
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
/// Panics outside of an executor.
///
/// # Cancel safety
/// The same as for `future`.
#[track_caller]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    let sleep = context::expect("brigade::time::timeout", |shared| {
        Sleep::after(&shared.timers, duration)
    });
    // Keep `future` out of the closure, which would copy it through the stack frames of two functions.
    Timeout { future, sleep }
}

/// Limits `future` to the time until `deadline`; see [`timeout`].
///
/// ```
/// use std::time::Duration;
/// use brigade::time::{now, timeout_at};
///
/// brigade::run(async {
///     let deadline = now() + Duration::from_millis(2);
///     assert_eq!(timeout_at(deadline, async { 1 }).await, Ok(1));
///     assert!(timeout_at(deadline, std::future::pending::<()>()).await.is_err());
///     assert!(now() >= deadline);
/// });
/// ```
///
/// # Panics
/// Panics outside of an executor.
///
/// # Cancel safety
/// The same as for `future`.
#[track_caller]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    let function = "brigade::time::timeout_at";
    let sleep = context::expect(function, |_| Sleep::new(Some(deadline)));
    Timeout { future, sleep }
}

/// The future of [`timeout`] and [`timeout_at`], which have examples. If `future` is not ready, the timeout
/// polls a [`Sleep`], which panics outside of an executor.
#[must_use = "a future does nothing until it is polled"]
#[derive(Debug)]
pub struct Timeout<F> {
    future: F,
    sleep: Sleep,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is pinned with `self`, because it is never moved out. `Timeout` has no `Drop`, and
        // is `Unpin` only if `F` is.
        let (future, sleep) = unsafe {
            let me = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut me.future), &mut me.sleep)
        };
        if let Poll::Ready(output) = future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(sleep).poll(cx).map(|()| Err(Elapsed(())))
    }
}

/// The error that a [`timeout`] returns if its time is over. It converts to the I/O error
/// [`TimedOut`](std::io::ErrorKind::TimedOut):
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
    // hyper's `rt::Sleep` requires these traits.
    send_and_sync::<Sleep>();
};
