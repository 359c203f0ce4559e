//! Fairness: when other tasks, timers and sockets get their turn.
//!
//! The runtime cannot interrupt a task, so it limits each poll of a task to a *budget* of operations. When
//! the budget is used up, a socket that is still ready returns `Pending` and immediately wakes its task. Each
//! thread has a *pace*: the number of polls of tasks after which it polls the driver.
//! [`queue::local`](crate::queue::local) and `work_stealing::search` decide which ready task comes first.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::context;
use crate::sync::thread_local;

/// The maximum number of operations in one poll. Arbitrary: with a larger budget, ready tasks would wait
/// longer. With a smaller budget, the yields would cost more.
const OPERATIONS: u32 = 128;

/// The maximum number of coins that [`may_go_on`] tosses. All twelve show heads in one of 4,096 cases.
/// Arbitrary: hardly any task selects among thousands of futures that are always ready.
const MOST_COINS: u32 = 12;

/// If a task wakes itself, at most this many tasks overtake it: they become ready later, but are polled
/// earlier. Arbitrary: not measured.
pub(crate) const OVERTAKES: u32 = 16;

/// What is left of a poll's budget.
#[derive(Clone, Copy)]
struct Budget {
    /// The number of operations left.
    left: u32,
    /// How many times this poll has got a new budget, counted up to `MOST_COINS`.
    refills: u32,
}

const FULL: Budget = Budget {
    left: OPERATIONS,
    refills: 0,
};

thread_local! {
    static BUDGET: Cell<Budget> = const { Cell::new(FULL) };
    static COIN: Cell<u32> = const { Cell::new(0) };
    static YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// Refills the budget, because a new poll begins.
#[inline(always)]
pub(crate) fn refill() {
    BUDGET.set(FULL);
}

/// Calls `f` with a new budget, because `f` polls a task inside of another poll.
pub(crate) fn nested<R>(f: impl FnOnce() -> R) -> R {
    let outer = BUDGET.replace(FULL);
    let result = f();
    BUDGET.set(outer);
    result
}

/// Spends one operation, or denies it and wakes the task.
#[inline]
pub(crate) fn poll_spend(cx: &mut Context<'_>) -> Poll<()> {
    if try_spend() {
        return Poll::Ready(());
    }
    deny(cx)
}

/// Denies an operation: returns `Pending`, and wakes the task so that it is polled again.
pub(crate) fn deny<R>(cx: &mut Context<'_>) -> Poll<R> {
    note_yield();
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Spends one operation. If the operation is denied, returns `false`, and the caller must ensure that the
/// task is woken.
#[inline]
pub(crate) fn try_spend() -> bool {
    let Budget { left, refills } = BUDGET.get();
    if left == 0 {
        return may_go_on(refills);
    }
    let left = left - 1;
    BUDGET.set(Budget { left, refills });
    true
}

/// Decides whether to grant an operation after the budget is used up.
///
/// If such an operation were always denied, a task could starve one of its own futures: in every poll,
/// another future of the task may use up the budget first. So coin tosses decide whether the operation is
/// denied or the poll gets a new budget: it gets one if all coins show heads. The first new budget of a poll
/// takes one coin, the second takes two, and so on. With one coin each time, a task that selects among many
/// ready futures would not end its poll, because one of them would nearly always get a new budget. At most
/// [`MOST_COINS`] are tossed, because the poll of a task that runs another crate's executor needs many
/// budgets. On a thread that runs no executor, nothing is denied, because no other task waits.
#[cold]
fn may_go_on(refills: u32) -> bool {
    let coins = (refills + 1).min(MOST_COINS);
    let granted = !context::is_running() || all_heads(coins);
    if granted {
        BUDGET.set(Budget {
            left: OPERATIONS - 1,
            refills: coins,
        });
    }
    granted
}

/// Tosses coins, and returns whether all of them show heads. The coin is a linear congruential generator with
/// the constants of the book "Numerical Recipes".
fn all_heads(coins: u32) -> bool {
    let next = COIN
        .get()
        .wrapping_mul(1_664_525)
        .wrapping_add(1_013_904_223);
    COIN.set(next);
    next >> (u32::BITS - coins) == 0
}

/// Resets the coin, so that its tosses are the same in each run.
pub(crate) fn begin_run() {
    COIN.set(0);
}

/// Notes that the running task yields. Its executor polls the driver as soon as all tasks that are ready
/// now have been polled.
pub(crate) fn note_yield() {
    YIELDED.set(true);
}

/// Returns whether a task has yielded since the last call.
#[inline(always)]
pub(crate) fn take_yield() -> bool {
    YIELDED.get() && YIELDED.replace(false)
}

/// Spends one operation of the task's budget for this poll. If the budget is used up, yields first.
///
/// The sockets, join handles and elapsed sleeps of brigade do this themselves. Call this function between two
/// steps of a long computation. Also call it in a loop over a source that is always ready and spends no
/// budget. It costs much less than [`yield_now`].
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
/// Dropping the future loses nothing.
pub async fn consume_budget() {
    poll_fn(poll_spend).await;
}

/// The maximum number of polls of tasks between two polls of the driver. Arbitrary: polling the driver costs
/// about as much as a dozen short polls of tasks, which is little after 64 polls.
pub(crate) const LOOK_EVERY: usize = 64;

/// The longest time that a ready socket or timer should wait for the driver. A long poll of a task may exceed
/// it.
const LOOK_WITHIN: Duration = Duration::from_micros(500);

/// A bound on the polls of tasks between two polls of the driver. A system call after each poll of a task
/// would cost too much. After 64 polls of 10 ms each, the call would come too late. So the bound doubles
/// while the time between two polls of the driver is short. If that time was longer than [`LOOK_WITHIN`], the
/// bound shrinks to the number of polls that fit into `LOOK_WITHIN`.
pub(crate) struct Pace {
    /// The current bound, between 1 and [`LOOK_EVERY`].
    bound: usize,
    /// The time of the driver's last poll, in the clock's nanoseconds.
    looked: u64,
}

impl Pace {
    pub(crate) fn new(now: u64) -> Self {
        Pace {
            bound: 1,
            looked: now,
        }
    }

    /// Returns the maximum number of polls of tasks until the next poll of the driver.
    #[inline(always)]
    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    /// Notes that the driver was polled, after at most `bound` polls of tasks.
    pub(crate) fn looked(&mut self, now: u64) {
        let took = u128::from(now.saturating_sub(self.looked)).max(1);
        self.looked = now;
        let fitting = self.bound as u128 * LOOK_WITHIN.as_nanos() / took;
        let fitting = usize::try_from(fitting).unwrap_or(LOOK_EVERY);
        self.bound = fitting.clamp(1, self.bound * 2).min(LOOK_EVERY);
    }

    /// Notes that the thread was idle, so the time since the last poll of the driver is meaningless.
    pub(crate) fn resume(&mut self, now: u64) {
        self.looked = now;
    }
}

/// Lets other ready tasks run, and lets the executor poll the OS and the clock, before this task continues.
/// On `SingleThread`, all tasks that are ready now run first. On `WorkStealing`, the task goes to the end of
/// its worker's queue of yielded tasks. The worker alternates between that queue and its queue of woken
/// tasks.
///
/// A long computation should yield now and then. A task is never interrupted, so no other task runs on its
/// thread until the task waits or yields.
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
/// Dropping the future loses nothing.
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
