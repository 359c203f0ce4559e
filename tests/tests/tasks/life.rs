//! Compares a task with a model that predicts the task's polls and drops. Wakers, the handle, the executor
//! and other threads act on the task in any order. The task must be polled as often as in the model, must end
//! in the same way, and must be freed.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use brigade::Executor;
use brigade::task::{JoinError, JoinHandle};
use brigade_tests::{Dropped, Kitchen, Tally, on_both};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The action that the future takes in one poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// The future stores a waker and waits.
    Wait,
    /// The future wakes itself.
    Again,
    Finish,
    Panic,
}

/// An operation that the test performs on the task.
#[derive(Clone, Copy, Debug)]
enum Step {
    Clone(usize),
    DropWaker(usize),
    Wake(usize),
    WakeByRef(usize),
    /// Wakes the task on another thread.
    WakeAfar(usize),
    Abort,
    AbortAfar,
    DropHandle,
    /// The executor runs until no task is ready.
    Turn,
    DropExecutor,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => Just(Act::Wait),
        3 => Just(Act::Again),
        1 => Just(Act::Finish),
        1 => Just(Act::Panic),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_usize..4).prop_map(Step::Clone),
        3 => (0_usize..4).prop_map(Step::DropWaker),
        3 => (0_usize..4).prop_map(Step::Wake),
        3 => (0_usize..4).prop_map(Step::WakeByRef),
        2 => (0_usize..4).prop_map(Step::WakeAfar),
        1 => Just(Step::Abort),
        1 => Just(Step::AbortAfar),
        1 => Just(Step::DropHandle),
        8 => Just(Step::Turn),
        1 => Just(Step::DropExecutor),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Panicked,
    Aborted,
}

/// The state that the task must have, according to the model.
struct Model {
    acts: VecDeque<Act>,
    queued: bool,
    aborted: bool,
    polls: usize,
    wakers: usize,
    end: Option<End>,
    executor: bool,
}

impl Model {
    fn wake(&mut self) {
        self.queued = true;
    }

    fn turn(&mut self) {
        while self.executor && self.queued && self.end.is_none() {
            self.queued = false;
            if self.aborted {
                self.end = Some(End::Aborted);
                return;
            }
            self.polls += 1;
            match self.acts.pop_front().unwrap_or(Act::Wait) {
                Act::Wait => self.wakers += 1,
                Act::Again => self.queued = true,
                Act::Finish => self.end = Some(End::Finished),
                Act::Panic => self.end = Some(End::Panicked),
            }
        }
    }
}

/// A future that takes the actions `acts` in turn, and counts its polls and drops.
struct Scripted {
    acts: VecDeque<Act>,
    polls: Tally,
    wakers: Arc<Mutex<Vec<Waker>>>,
    outputs: Tally,
    _life: Dropped<Box<dyn FnMut() + Send>>,
}

/// The task's output. Its drop is counted too.
type Output = Dropped<Box<dyn FnMut() + Send>>;

fn counted(tally: &Tally) -> Output {
    let tally = tally.clone();
    Dropped(Box::new(move || tally.add()))
}

impl Future for Scripted {
    type Output = Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        self.polls.add();
        match self.acts.pop_front().unwrap_or(Act::Wait) {
            Act::Wait => {
                self.wakers.lock().unwrap().push(cx.waker().clone());
                Poll::Pending
            }
            Act::Again => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Act::Finish => Poll::Ready(counted(&self.outputs)),
            // Unwind without the panic hook, which would print each panic.
            Act::Panic => resume_unwind(Box::new("as the script says")),
        }
    }
}

/// The real task, and the values through which the steps act on it.
struct Real<E> {
    executor: Option<E>,
    handle: Option<JoinHandle<Output>>,
    wakers: Arc<Mutex<Vec<Waker>>>,
    polls: Tally,
    drops: Tally,
    outputs: Tally,
}

impl<E: Executor> Real<E> {
    fn new(executor: E, acts: &[Act]) -> Self {
        let (polls, drops, outputs) = (Tally::new(), Tally::new(), Tally::new());
        let wakers = Arc::default();
        let handle = executor.spawn(Scripted {
            acts: acts.iter().copied().collect(),
            polls: polls.clone(),
            wakers: Arc::clone(&wakers),
            outputs: outputs.clone(),
            _life: counted(&drops),
        });
        Real {
            executor: Some(executor),
            handle: Some(handle),
            wakers,
            polls,
            drops,
            outputs,
        }
    }

    /// Runs the executor until the task is in the same state as the model. The watchdog limits the wait.
    fn turn(&self, model: &Model) {
        let Some(executor) = &self.executor else {
            return;
        };
        executor.block_on(async {
            let done = || {
                let ended = model.end.is_some();
                self.polls.get() == model.polls
                    && self.drops.get() == usize::from(ended)
                    && self.wakers.lock().unwrap().len() == model.wakers
                    && self
                        .handle
                        .as_ref()
                        .is_none_or(|it| it.is_finished() == ended)
            };
            while !done() {
                assert!(self.polls.get() <= model.polls, "too many polls");
                brigade::yield_now().await;
            }
            // The task must not be polled again now.
            for _ in 0..3 {
                brigade::yield_now().await;
            }
        });
    }

    /// Returns the index of one of the stored wakers, if there are any.
    fn waker(&self, number: usize) -> Option<usize> {
        let count = self.wakers.lock().unwrap().len();
        (count > 0).then(|| number % count)
    }

    fn take(&self, number: usize) -> Option<Waker> {
        let number = self.waker(number)?;
        Some(self.wakers.lock().unwrap().swap_remove(number))
    }

    fn share(&self, number: usize) -> Option<Waker> {
        let number = self.waker(number)?;
        Some(self.wakers.lock().unwrap()[number].clone())
    }
}

fn run<K: Kitchen>(acts: &[Act], steps: &[Step]) {
    let mut real = Real::new(K::open(), acts);
    let mut model = Model {
        acts: acts.iter().copied().collect(),
        queued: true,
        aborted: false,
        polls: 0,
        wakers: 0,
        end: None,
        executor: true,
    };
    if !K::ONE_COOK {
        // Workers poll the task even before `block_on`, so the model must poll it now.
        model.turn();
        real.turn(&model);
    }
    for &step in steps {
        // On the single-thread executor, an operation from another thread is a message, which may be
        // processed after a poll. The model must predict the exact number of polls. So all pending work is
        // finished before and after such a step.
        let far = matches!(step, Step::WakeAfar(_) | Step::AbortAfar);
        if K::ONE_COOK && far {
            model.turn();
            real.turn(&model);
        }
        match step {
            Step::Clone(number) => {
                if let Some(waker) = real.share(number) {
                    real.wakers.lock().unwrap().push(waker);
                    model.wakers += 1;
                }
            }
            Step::DropWaker(number) => {
                if let Some(waker) = real.take(number) {
                    drop(waker);
                    model.wakers -= 1;
                }
            }
            Step::Wake(number) => {
                if let Some(waker) = real.take(number) {
                    waker.wake();
                    model.wakers -= 1;
                    model.wake();
                }
            }
            Step::WakeByRef(number) => {
                if let Some(waker) = real.share(number) {
                    waker.wake_by_ref();
                    model.wake();
                }
            }
            Step::WakeAfar(number) => {
                if let Some(waker) = real.take(number) {
                    // On several workers, a poll could happen between two wakes, so wake only once.
                    let twice = K::ONE_COOK;
                    let far = thread::spawn(move || {
                        if twice {
                            waker.wake_by_ref();
                        }
                        waker.wake();
                    });
                    far.join().unwrap();
                    model.wakers -= 1;
                    model.wake();
                }
            }
            Step::Abort | Step::AbortAfar => {
                if let Some(handle) = &real.handle {
                    let abort = handle.abort_handle();
                    match step {
                        Step::Abort => handle.abort(),
                        _ => thread::spawn(move || abort.abort()).join().unwrap(),
                    }
                    model.aborted = true;
                    model.wake();
                }
            }
            Step::DropHandle => drop(real.handle.take()),
            Step::Turn => {}
            Step::DropExecutor => {
                // If the task is ready, let it run first. Otherwise a worker might poll it while the executor
                // is dropped.
                model.turn();
                real.turn(&model);
                drop(real.executor.take());
                model.executor = false;
                model.end.get_or_insert(End::Aborted);
                assert_eq!(real.drops.get(), 1);
            }
        }
        if matches!(step, Step::Turn) || far || !K::ONE_COOK {
            model.turn();
            real.turn(&model);
            assert_eq!(real.polls.get(), model.polls, "polls after {step:?}");
            assert_eq!(real.wakers.lock().unwrap().len(), model.wakers);
        }
    }
    finish(real, model);
}

/// Ends a test case. Checks that the handle returns the expected result, and that nothing is left.
fn finish<E: Executor>(mut real: Real<E>, mut model: Model) {
    model.turn();
    real.turn(&model);
    if let Some(handle) = real.handle.take() {
        assert_eq!(handle.is_finished(), model.end.is_some());
        if model.end.is_none() {
            handle.abort();
            model.aborted = true;
            model.wake();
            model.turn();
        }
        let result = match &real.executor {
            Some(executor) => executor.block_on(handle),
            None => brigade_tests::park_on(handle),
        };
        assert_eq!(Some(end_of(&result)), model.end);
    }
    drop(real.executor.take());
    assert_eq!(real.polls.get(), model.polls);
    assert_eq!(real.drops.get(), 1, "drops of the future");
    let finished = usize::from(model.end == Some(End::Finished));
    assert_eq!(real.outputs.get(), finished, "drops of the output");
    // Only wakers are left. Calling them must have no effect.
    for waker in std::mem::take(&mut *real.wakers.lock().unwrap()) {
        waker.wake();
    }
    assert_eq!(Arc::strong_count(&real.wakers), 1);
}

fn end_of(result: &Result<Output, JoinError>) -> End {
    match result {
        Ok(_) => End::Finished,
        Err(error) if error.is_panic() => End::Panicked,
        Err(error) => {
            assert!(error.is_aborted());
            End::Aborted
        }
    }
}

/// glommio #379, async-task #11, compio #948: for steps in any order, the task agrees with the model.
fn a_task_lives_as_the_model_says<K: Kitchen>() {
    let mut runner = TestRunner::new(Config {
        cases: if K::ONE_COOK { 300 } else { 100 },
        failure_persistence: None,
        ..Config::default()
    });
    let acts = prop::collection::vec(act(), 0..8);
    let steps = prop::collection::vec(step(), 0..30);
    let result = runner.run(&(acts, steps), |(acts, steps)| {
        run::<K>(&acts, &steps);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

on_both! {
    a_task_lives_as_the_model_says,
}
