//! Exploring: a program run under many orders, each of which can be had again.
//!
//! **Job.** A bug that needs one task to overtake another comes once in a thousand runs, and never
//! under a debugger. On a [`SingleThread`] with a seed and virtual time nothing is left to chance:
//! [`explore`] tries seeds until one breaks the program, and names it.
//!
//! **Owns** nothing: each run has an executor of its own.
//!
//! **Never** lets the world in. A socket, a signal, a thread take their own time, which no seed
//! decides; a run with them would claim to be repeatable and not be so. So in here they are errors.

use std::any::Any;
use std::env;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crate::single_thread::SingleThread;
use crate::time::sleep;

/// The variable that asks for one seed alone.
const SEED: &str = "BRIGADE_SEED";

/// Two centuries: when the clock gets there, nothing else was left to happen.
const END_OF_TIME: Duration = Duration::from_secs(200 * 365 * 24 * 3600);

/// Runs a program once for each seed, and says under which one it fails.
///
/// Each run is a new [`SingleThread`] with that [`seed`](crate::SingleThreadBuilder::seed), which
/// decides in what order ready tasks are polled, and with
/// [`virtual_time`](crate::SingleThreadBuilder::virtual_time), so that hours of sleep take no time.
/// The same seed gives the same run, to the poll. `program` makes the future of one run.
///
/// The outputs come back in the order of the seeds: a test may demand that each outcome it speaks of
/// was reached at least once.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// /// Two guests each put a coin into the jar, and look away between counting and writing down.
/// async fn jar() -> u32 {
///     let coins = Rc::new(Cell::new(0));
///     let guests = [(); 2].map(|()| {
///         let coins = coins.clone();
///         brigade::spawn_local(async move {
///             let counted = coins.get();
///             brigade::yield_now().await;
///             coins.set(counted + 1);
///         })
///     });
///     for guest in guests {
///         guest.await.unwrap();
///     }
///     coins.get()
/// }
///
/// let sums = brigade::explore(0..100, jar);
/// assert!(sums.contains(&2), "in some orders all is well");
/// assert!(sums.contains(&1), "and in others a coin is lost");
/// ```
///
/// # A failing seed
///
/// Where the program panics, `explore` panics with the seed and the program's words. To have that run
/// again, alone, set the variable `BRIGADE_SEED` to it: then every `explore` of the process runs that
/// seed and no other.
///
/// ```console
/// $ BRIGADE_SEED=17 cargo test a_coin_is_lost
/// ```
///
/// # What it sees and what not
///
/// - It tries orders of polls. Two threads at one instant, and what memory does then, it does not: that
///   is the business of loom.
/// - **Sockets, signals and any other source of events are errors** (`Unsupported`): the clock would
///   jump past what they are waiting for. Talk over channels and pipes in memory, or be generic over
///   the stream.
/// - [`spawn_blocking`](crate::spawn_blocking) runs its closure on this same thread, in a task.
/// - A thread that you start yourself is not waited for, and when it wakes a task is not repeatable.
/// - Randomness of your own, as that of `HashMap`'s order, should come from the seed too, or be fixed.
/// - A panic of a task goes to its handle: one whose handle nobody awaits stays unseen.
///
/// # Panics
/// With the seed, where the program panics, and where it *stands still*: tasks wait, no timer is armed,
/// and so nothing will ever happen again (or not for two hundred years of virtual time). Also if
/// `BRIGADE_SEED` is not a number, if there is no seed at all, and inside of an executor. A program
/// that is never done but always busy runs for ever, as anywhere else.
#[track_caller]
pub fn explore<F: Future>(
    seeds: impl IntoIterator<Item = u64>,
    mut program: impl FnMut() -> F,
) -> Vec<F::Output> {
    let mut outputs = Vec::new();
    match chosen() {
        Some(seed) => outputs.push(run(seed, &mut program)),
        // A loop, and no closure: the panic shall point to the caller's line.
        None => {
            for seed in seeds {
                outputs.push(run(seed, &mut program));
            }
        }
    }
    assert!(
        !outputs.is_empty(),
        "brigade::explore was given no seed: nothing was tried"
    );
    outputs
}

/// The seed that the environment asks for.
#[track_caller]
fn chosen() -> Option<u64> {
    let text = env::var(SEED).ok()?;
    match text.trim().parse() {
        Ok(seed) => Some(seed),
        Err(_) => panic!("brigade::explore: {SEED} must be a whole number, and is {text:?}"),
    }
}

#[track_caller]
fn run<F: Future>(seed: u64, program: &mut impl FnMut() -> F) -> F::Output {
    // What a panic leaves half done is the program's and goes with this run.
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let executor = SingleThread::builder()
            .seed(seed)
            .closed_world()
            .build()
            .unwrap_or_else(|error| panic!("no executor could be built: {error}"));
        executor.block_on(async { to_the_end(program()).await })
    }));
    match ran {
        Ok(Some(output)) => output,
        Ok(None) => fail(
            seed,
            "it stands still: every task waits and no timer is armed",
        ),
        Err(payload) => fail(seed, text_of(&*payload)),
    }
}

/// The future's output, or `None` if nothing will ever happen again: the clock jumps to a timer only
/// when no task is ready, so this one, the last of all, is reached only by a program that stands still.
async fn to_the_end<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut end = pin!(sleep(END_OF_TIME));
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => end.as_mut().poll(cx).map(|()| None),
    })
    .await
}

#[track_caller]
fn fail(seed: u64, why: &str) -> ! {
    let thread = thread::current();
    let test = thread.name().filter(|name| *name != "main");
    let test = test.map_or(String::new(), |name| format!(" cargo test {name}"));
    panic!(
        "brigade::explore: seed {seed} fails: {why}\n\
         to have this run again, alone: {SEED}={seed}{test}"
    )
}

/// What a panic said.
fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}
