//! When do other tasks, timers and sockets get their turn?
//!
//! The runtime cannot interrupt a task, so it counts. Each poll of a task has a *budget* of operations: when that
//! is used up, a socket that is still ready returns `Pending` and wakes its task at once. Each thread has a
//! *pace*: after so many polls of tasks it polls the driver. Which of the ready tasks comes first is decided in
//! [`queue::local`](crate::queue::local) and in `work_stealing::search`.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::context;
use crate::sync::thread_local;

/// Operations in one poll. Arbitrary: enough that the yield between costs nothing, few enough that 1,000 busy
/// tasks still come round in milliseconds.
const OPERATIONS: u32 = 128;

/// How many tasks that something else woke may come before a task that woke itself, once those that were ready
/// before it have been polled. So what the driver woke waits for one such task in 17 polls, however many of them
/// there are; and they come to at least one poll in 17. Arbitrary: not measured.
pub(crate) const OVERTAKES: u32 = 16;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(OPERATIONS) };
    static YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// A new poll begins.
#[inline(always)]
pub(crate) fn refill() {
    LEFT.set(OPERATIONS);
}

/// Spends one operation, or yields. Under another executor, which does not refill the budget, the yield does.
/// On a thread without an executor there is nobody to yield to.
#[inline]
pub(crate) fn poll_spend(cx: &mut Context<'_>) -> Poll<()> {
    let left = LEFT.get();
    if left > 0 {
        LEFT.set(left - 1);
        return Poll::Ready(());
    }
    refill();
    if !context::is_entered() {
        return Poll::Ready(());
    }
    note_yield();
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// The running task lets others run: its executor polls the driver as soon as all tasks that are ready now
/// have been polled.
pub(crate) fn note_yield() {
    YIELDED.set(true);
}

/// Returns whether a task has yielded since the last call.
#[inline(always)]
pub(crate) fn take_yield() -> bool {
    YIELDED.get() && YIELDED.replace(false)
}

/// Spends one operation of the budget that a task has in each poll; when it is used up, lets others run first.
///
/// Sockets, timers and joins of brigade do this by themselves. A task that computes for long, or takes from a
/// source that is always ready and knows no budget, may do it between two steps: this costs much less than a
/// [`yield_now`] each time.
///
/// ```
/// brigade::run(async {
///     let mut sum = 0_u64;
///     for number in 0..1_000 {
///         sum += number;
///         brigade::task::consume_budget().await;
///     }
///     assert_eq!(sum, 499_500);
/// });
/// ```
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
pub async fn consume_budget() {
    poll_fn(poll_spend).await;
}

/// Polls of tasks between two polls of the driver, at most. Arbitrary: polling the driver costs about as much as
/// a dozen short polls, so at 64 it is hardly felt.
pub(crate) const LOOK_EVERY: usize = 64;

/// No ready socket or timer should have to wait longer than this for the driver, if single polls are short
/// enough.
const LOOK_WITHIN: Duration = Duration::from_micros(500);

/// How many polls a thread makes before it polls the driver. A system call for each poll would be too much, and
/// 64 polls of 10 ms each would be too late. So the bound doubles as long as the time between two polls of the
/// driver is short, and shrinks to what would have fitted when it was too long.
pub(crate) struct Pace {
    /// Between 1 and [`LOOK_EVERY`].
    bound: usize,
    /// When the driver was polled last, in the clock's nanoseconds.
    looked: u64,
}

impl Pace {
    pub(crate) fn new(now: u64) -> Self {
        Pace {
            bound: 1,
            looked: now,
        }
    }

    /// Returns the polls until the driver is polled next.
    #[inline(always)]
    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    /// The driver was polled, after `bound` polls of tasks.
    pub(crate) fn looked(&mut self, now: u64) {
        let took = u128::from(now.saturating_sub(self.looked)).max(1);
        self.looked = now;
        let fitting = self.bound as u128 * LOOK_WITHIN.as_nanos() / took;
        let fitting = usize::try_from(fitting).unwrap_or(LOOK_EVERY);
        self.bound = fitting.clamp(1, self.bound * 2).min(LOOK_EVERY);
    }

    /// There was nothing to do for a while: the time since the driver was polled last means nothing.
    pub(crate) fn resume(&mut self, now: u64) {
        self.looked = now;
    }
}

/// Lets every other task that is ready run, and the executor look at the OS and the clock, before
/// this one goes on.
///
/// A long computation should do this now and then: a task is never interrupted, so nothing else
/// happens on its thread until it waits or yields.
///
/// ```
/// let one_cook = brigade::SingleThread::new().unwrap();
/// one_cook.block_on(async {
///     let other = brigade::spawn(async {});
///     brigade::yield_now().await;
///     assert!(other.is_finished());
/// });
/// ```
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
pub fn yield_now() -> impl Future<Output = ()> + Send {
    YieldNow { yielded: false }
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        note_yield();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
