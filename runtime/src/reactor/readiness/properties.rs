//! Compares readiness with a model, in random orders of events, tries, waits and drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Readiness, ReadySnapshot, WaiterKey};

/// How many tasks there are. There are as many futures.
const MANY: usize = 3;

/// One step of a run.
#[derive(Clone, Copy, Debug)]
enum Step {
    Event,
    /// An event for the end of the stream, an error, or urgent data.
    Last,
    Gone,
    /// A pause begins after a try. The number selects the try's snapshot, among those that `Look` kept; 0 is the
    /// newest. If the flag is true, the try clears the readiness.
    Hold(usize, bool),
    /// A call asks for an event at the next release.
    RaiseAtRelease,
    Release,
    /// A task reads the word and keeps the snapshot, as it does while it makes a system call.
    Look,
    /// A call got `WouldBlock`. The number selects its snapshot, as in `Hold`.
    Clear(usize),
    /// A call that may write got `WouldBlock`. The number and the flag are as in `Hold`.
    Fail(usize, bool),
    /// A read filled only a part of its buffer. The number selects its snapshot, as in `Hold`.
    Drained(usize),
    /// The task with this number calls a poll function.
    Wait(usize),
    /// The future with the first number is polled by the task with the second number. The future 0 waits for
    /// an event, and the others wait until the source is ready.
    WaitKeyed(usize, usize),
    /// The future 0 is polled by the task with the first number, after a try that failed. The second number
    /// selects the snapshot of the try, as in `Hold`.
    WaitAfter(usize, usize),
    /// The future with this number is dropped.
    Forget(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Event),
        1 => Just(Step::Last),
        1 => (0_usize..4, any::<bool>()).prop_map(|(ago, clear)| Step::Hold(ago, clear)),
        1 => Just(Step::RaiseAtRelease),
        1 => Just(Step::Release),
        4 => Just(Step::Look),
        4 => (0_usize..4).prop_map(Step::Clear),
        2 => (0_usize..4, any::<bool>()).prop_map(|(ago, clear)| Step::Fail(ago, clear)),
        2 => (0_usize..4).prop_map(Step::Drained),
        4 => (0..MANY).prop_map(Step::Wait),
        4 => (0..MANY, 0..MANY).prop_map(|(future, waker)| Step::WaitKeyed(future, waker)),
        2 => (0..MANY, 0_usize..4).prop_map(|(waker, ago)| Step::WaitAfter(waker, ago)),
        3 => (0..MANY).prop_map(Step::Forget),
    ]
}

/// Generates steps. In some runs, the executor is dropped between two steps.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    (prop::collection::vec(step(), 0..60), 0_usize..120).prop_map(|(mut steps, gone)| {
        if gone < steps.len() {
            steps.insert(gone, Step::Gone);
        }
        steps
    })
}

/// The model: the state of the kernel and of the waiting tasks.
#[derive(Default)]
struct Model {
    ready: bool,
    /// True if no call that may write has failed since the last event.
    fresh: bool,
    held: bool,
    /// True if the next release is an event.
    put_off: bool,
    gone: bool,
    /// True if there may be more to read after a short read.
    doubtful: bool,
    events: usize,
    /// True for each task that called a poll function and now waits.
    tasks: [bool; MANY],
    /// For each future that waits, the index of its task.
    futures: [Option<usize>; MANY],
    /// For each future that has waited, how many events came before it began to wait.
    since: [Option<usize>; MANY],
    /// For each snapshot, how many events came before it, and the values of `doubtful` and `put_off` at that
    /// time.
    looks: Vec<(usize, bool, bool)>,
}

impl Model {
    /// An event wakes each task once for its poll functions, and once for each of its futures.
    fn event(&mut self) -> [usize; MANY] {
        self.events += 1;
        (self.ready, self.fresh) = (true, true);
        let mut woken = std::mem::take(&mut self.tasks).map(usize::from);
        for task in std::mem::take(&mut self.futures).into_iter().flatten() {
            woken[task] += 1;
        }
        woken
    }

    /// Returns whether the snapshot is still up to date.
    fn is_now(&self, look: (usize, bool, bool)) -> bool {
        look == (self.events, self.doubtful, self.put_off)
    }
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn run(steps: &[Step]) {
    let readiness = Readiness::new(false, true);
    let mut model = Model::default();
    let counters: [Arc<Counter>; MANY] = Default::default();
    let wakers = counters.clone().map(Waker::from);
    let mut keys: [Option<WaiterKey>; MANY] = [None; MANY];
    let mut looks: Vec<ReadySnapshot> = Vec::new();
    for &step in steps {
        let mut told = [0; MANY];
        let mut woken = Vec::new();
        match step {
            Step::Event => {
                if model.held {
                    model.put_off = true;
                } else {
                    told = model.event();
                }
                readiness.set(&mut woken);
            }
            Step::Last => {
                model.doubtful = true;
                if model.held {
                    model.put_off = true;
                } else {
                    told = model.event();
                }
                readiness.set_last(&mut woken);
            }
            Step::Gone => {
                (model.held, model.put_off, model.gone) = (false, false, true);
                told = model.event();
                readiness.set_gone(&mut woken);
            }
            Step::Hold(ago, clear) => {
                let Some(number) = looks.len().checked_sub(1 + ago) else {
                    continue;
                };
                if !model.gone {
                    let (events, ..) = model.looks[number];
                    (model.held, model.fresh) = (true, false);
                    model.ready &= !clear;
                    model.put_off |= events != model.events;
                }
                readiness.hold(looks[number], clear);
            }
            Step::RaiseAtRelease => {
                model.put_off = true;
                readiness.raise_at_release();
            }
            Step::Release => {
                model.held = false;
                if std::mem::take(&mut model.put_off) {
                    told = model.event();
                }
                readiness.release(&mut woken);
            }
            Step::Look => {
                let seen = readiness.ready();
                assert_eq!(seen.is_some(), model.ready || model.gone);
                if let Some(seen) = seen {
                    assert_eq!(seen.is_gone(), model.gone);
                    looks.push(seen);
                    model
                        .looks
                        .push((model.events, model.doubtful, model.put_off));
                }
            }
            Step::Clear(ago) | Step::Fail(ago, _) | Step::Drained(ago) => {
                let Some(number) = looks.len().checked_sub(1 + ago) else {
                    continue;
                };
                let look @ (_, doubtful, _) = model.looks[number];
                if let Step::Clear(_) = step {
                    readiness.clear(looks[number]);
                    model.ready &= !model.is_now(look);
                } else if let Step::Fail(_, clear) = step {
                    readiness.note_failure(looks[number], clear);
                    model.fresh &= !model.is_now(look);
                    model.ready &= !(clear && model.is_now(look));
                } else {
                    readiness.note_read(looks[number], 1, 2);
                    if !doubtful {
                        model.ready &= !model.is_now(look);
                    }
                }
            }
            Step::Wait(task) => {
                let mut cx = Context::from_waker(&wakers[task]);
                let polled = readiness.poll_ready(&mut cx, None);
                assert_eq!(polled.is_ready(), model.ready || model.gone);
                model.tasks[task] |= polled.is_pending();
            }
            Step::WaitKeyed(..) | Step::WaitAfter(..) => {
                let (future, task, failed) = match step {
                    Step::WaitKeyed(future, task) => (future, task, None),
                    Step::WaitAfter(task, ago) => (0, task, looks.len().checked_sub(1 + ago)),
                    _ => unreachable!(),
                };
                let mut cx = Context::from_waker(&wakers[task]);
                let key = Some(&mut keys[future]);
                let tried = failed.map(|number| model.looks[number].0);
                let since = tried.or(model.since[future]);
                let may_try = match future {
                    0 => since.is_none_or(|it| it != model.events),
                    _ => model.ready || since.is_some_and(|it| it != model.events),
                };
                let polled = match future {
                    0 => readiness.poll_event(&mut cx, failed.map(|number| looks[number]), key),
                    _ => readiness.poll_ready(&mut cx, key),
                };
                assert_eq!(polled.is_ready(), may_try || model.gone, "{step:?}");
                match polled {
                    Poll::Ready(seen) => {
                        assert_eq!(seen.is_gone(), model.gone);
                        // A future that was woken forgets its key before it tries.
                        if model.since[future].is_some_and(|it| it != model.events) {
                            (keys[future], model.since[future]) = (None, None);
                        }
                    }
                    Poll::Pending => {
                        // A future has one slot, which holds the waker of the task that polled it last.
                        model.futures[future] = Some(task);
                        model.since[future] = Some(model.events);
                    }
                }
            }
            Step::Forget(future) => {
                if let Some(key) = keys[future].take() {
                    readiness.forget(key);
                }
                (model.futures[future], model.since[future]) = (None, None);
            }
        }
        woken.into_iter().for_each(Waker::wake);
        for (counter, told) in counters.iter().zip(told) {
            assert_eq!(counter.0.swap(0, Ordering::Relaxed), told, "{step:?}");
        }
        assert_eq!(
            readiness.ready().is_some(),
            model.ready || model.gone,
            "{step:?}"
        );
        assert_eq!(readiness.is_fresh(), model.fresh, "{step:?}");
    }
    // No waker is left.
    drop((readiness, wakers));
    for counter in counters {
        assert_eq!(Arc::strong_count(&counter), 1);
    }
}

#[test]
fn readiness_is_what_a_model_of_edges_says() {
    let mut runner = TestRunner::new(Config {
        cases: 2_000,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&steps(), |steps| {
        run(&steps);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
