//! Runs a test with its tasks in many orders. Each order can be repeated.
//!
//! A bug that occurs only if one task overtakes another may appear once in a thousand runs, but never in a
//! debugger. On a [`SingleThread`] with a seed and virtual time, the seed decides every order. [`explore`]
//! tries seeds until one breaks the program, and names that seed. A seed cannot decide the timing of sockets
//! and signals, so both return errors in `explore`.

use std::any::Any;
use std::cell::Cell;
use std::env;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crate::context;
use crate::single_thread::SingleThread;
use crate::task::spawn;
use crate::task::waker::drop_quietly;
use crate::time::sleep;

/// The environment variable that selects one seed.
const SEED: &str = "BRIGADE_SEED";

/// The length of a sleep that `explore` adds to each run. This sleep ends only if no other timer is left.
const END_OF_TIME: Duration = Duration::from_secs(200 * 365 * 24 * 3600);

/// Runs a program once for each seed, and panics at the first seed that makes it fail.
///
/// Each run uses a new [`SingleThread`]. Its [`seed`](crate::SingleThreadBuilder::seed) decides the order in
/// which ready tasks are polled. The executor has [`virtual_time`](crate::SingleThreadBuilder::virtual_time),
/// so hours of sleep take no time. The same seed gives exactly the same polls. `program` makes the future of
/// one run.
///
/// Returns the outputs in the order of the seeds. So a test can check that each expected outcome was reached.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// /// Two guests each put a coin into the jar. Each looks away between counting and writing down.
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
/// If the program panics, `explore` runs it again with the same seed. If the second run fails in the same
/// way, `explore` panics with the seed and the program's message. To run that seed alone, set `BRIGADE_SEED`:
/// every call of `explore` then runs only that seed.
///
/// ```console
/// $ BRIGADE_SEED=17 cargo test a_coin_is_lost
/// ```
///
/// The second run may pass, fail with another message or take a different number of polls. Then `explore`
/// panics and reports that the runs differ, because the result depends on something besides the seed.
///
/// # Randomness that does not come from the seed
///
/// - **`select!` of futures-util and of tokio** chooses at random which branch it polls first, with a random
///   generator of its own. Write `select_biased!` (futures-util) or `biased;` in the first line of
///   `tokio::select!`.
/// - The order of a `HashMap`, other random numbers, and the real clock. Fix them, or derive them from the
///   seed. [`brigade::time::now`](crate::time::now) is virtual here, but `Instant::now` is not.
/// - Static variables keep their values from one run to the next. Reset them at the start of `program`.
///
/// # What it does not try
///
/// - `explore` tries orders of polls, but not orders of threads or of memory accesses. Use loom for those.
/// - **Sockets, signals and all other event sources return errors** (`Unsupported`), because the virtual
///   clock would jump past their events. Use channels and pipes in memory, or be generic over the stream.
/// - [`spawn_blocking`](crate::spawn_blocking) runs its closure on this thread, in a task. So the closure
///   must not block on this executor, and `Handle::block_on` panics there.
/// - `explore` does not wait for a thread that the program starts. If such a thread wakes a task, the run is
///   not repeatable.
/// - A panic of a task goes to its handle. If the handle is not awaited, `explore` does not see the panic.
///
/// # Panics
/// Panics if the program panics; the message names the seed. Panics if the program *stands still*: tasks
/// wait, and no timer is armed (or none within two hundred years of virtual time). Panics if `BRIGADE_SEED`
/// is not a number, if `seeds` is empty, or if it is called inside an executor. If the program never ends,
/// neither does `explore`.
#[track_caller]
pub fn explore<F: Future>(
    seeds: impl IntoIterator<Item = u64>,
    mut program: impl FnMut() -> F,
) -> Vec<F::Output> {
    context::refuse_nested("brigade::explore");
    let mut outputs = Vec::new();
    match chosen() {
        Some(seed) => outputs.push(run(seed, &mut program)),
        // This is a loop, because a panic in a closure would not report the caller's line.
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

/// Returns the seed that the environment variable selects.
#[track_caller]
fn chosen() -> Option<u64> {
    let text = env::var_os(SEED)?;
    let text = text.to_string_lossy();
    match text.trim().parse() {
        Ok(seed) => Some(seed),
        Err(_) => panic!("brigade::explore: {SEED} must be a whole number, but is {text:?}"),
    }
}

/// Runs the program, and panics if it fails.
#[track_caller]
fn run<F: Future>(seed: u64, program: &mut impl FnMut() -> F) -> F::Output {
    match run_once(seed, program) {
        Ok(output) => output,
        Err(first) => match run_once(seed, program) {
            Err(second) if second == first => fail(seed, &first.why),
            second => differ(seed, &first, second.err()),
        },
    }
}

/// The reason why a run failed.
struct Failure {
    why: String,
    polls: u64,
}

/// Two failures are equal if their reasons are equal and the runs took equally many polls. Task ids, instants
/// and addresses in the reasons may differ.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.polls == other.polls && self.masked() == other.masked()
    }
}

impl Failure {
    /// Returns the reason without the numbers that differ between two runs.
    fn masked(&self) -> String {
        let markers = ["Id(", "tv_sec: ", "tv_nsec: ", "0x"];
        markers.iter().fold(self.why.clone(), |text, marker| {
            let mut parts = text.split(marker);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |text, part| {
                text + marker + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
            })
        })
    }
}

fn run_once<F: Future>(seed: u64, program: &mut impl FnMut() -> F) -> Result<F::Output, Failure> {
    let built = SingleThread::builder().seed(seed).closed_world().build();
    let executor = built.unwrap_or_else(|error| panic!("no executor could be built: {error}"));
    let main_polls = Cell::new(0);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        // A panic can damage only the state of the program, which ends with this run.
        executor.block_on(async { to_the_end(spawn::boxed!(program()), &main_polls).await })
    }));
    let why = match ran {
        Ok(Some(output)) => return Ok(output),
        Ok(None) => {
            "the program cannot continue: every task waits and no timer is armed".to_owned()
        }
        Err(payload) => {
            let text = text_of(&*payload).to_owned();
            drop_quietly(payload);
            text
        }
    };
    Err(Failure {
        why,
        polls: main_polls.get() + executor.metrics().workers[0].polls,
    })
}

/// Returns the future's output, or `None` if every task waits forever. The clock jumps to a timer only when
/// no task is ready. So the clock reaches `END_OF_TIME` only when no other timer is left.
async fn to_the_end<F: Future>(future: F, polls: &Cell<u64>) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut end = pin!(sleep(END_OF_TIME));
    std::future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => end.as_mut().poll(cx).map(|()| None),
        }
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
         to repeat this run alone: {SEED}={seed}{test}"
    )
}

#[track_caller]
fn differ(seed: u64, first: &Failure, second: Option<Failure>) -> ! {
    let second = second.map_or("passes".to_owned(), |Failure { why, polls }| {
        format!("fails after {polls} polls: {why}")
    });
    let Failure { why, polls } = first;
    panic!(
        "brigade::explore: two runs of seed {seed} differ, so the result depends on something besides the seed.\n\
         The first fails after {polls} polls: {why}\n\
         The second {second}\n\
         Write `select_biased!` in place of `futures_util::select!`, and `biased;` in the first line of \
         `tokio::select!`; fix the order of hash maps, random numbers and the real clock."
    )
}

/// Returns the message of a panic.
fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}
