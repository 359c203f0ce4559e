//! Readiness against a model of what edges mean: any order of events, tries, waits and drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Readiness, Seen, WaiterKey};

/// Wakers, and futures with a key, that take part.
const MANY: usize = 3;

/// What may happen, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Event,
    Ended,
    Gone,
    /// Looks; what it saw is kept for later, as a task keeps it over a system call.
    Look,
    /// A call that began with look number so many said `WouldBlock`.
    Clear(usize),
    /// It got less than it had room for.
    Drained(usize),
    /// A task polls that leaves its waker.
    Wait(usize),
    /// A future with a key polls, with the waker of a task.
    WaitKeyed(usize, usize),
    /// Such a future is dropped.
    Forget(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Event),
        1 => Just(Step::Ended),
        4 => Just(Step::Look),
        4 => (0_usize..4).prop_map(Step::Clear),
        2 => (0_usize..4).prop_map(Step::Drained),
        4 => (0..MANY).prop_map(Step::Wait),
        4 => (0..MANY, 0..MANY).prop_map(|(future, waker)| Step::WaitKeyed(future, waker)),
        3 => (0..MANY).prop_map(Step::Forget),
    ]
}

/// A run: steps, and perhaps the end of the executor somewhere among them.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    (prop::collection::vec(step(), 0..60), 0_usize..120).prop_map(|(mut steps, gone)| {
        if gone < steps.len() {
            steps.insert(gone, Step::Gone);
        }
        steps
    })
}

/// What the kernel and whoever waits would say, without a word of bits.
#[derive(Default)]
struct Model {
    ready: bool,
    ended: bool,
    gone: bool,
    events: usize,
    /// Who waits: the waker, and the future if it has a key.
    waiting: Vec<(usize, Option<usize>)>,
    /// For each look: the events before it.
    looks: Vec<usize>,
}

impl Model {
    fn worth_a_try(&self) -> bool {
        self.ready || self.gone
    }

    /// An event wakes everybody who waits, once for each place.
    fn event(&mut self) -> [usize; MANY] {
        self.events += 1;
        self.ready = true;
        let mut woken = [0; MANY];
        for (waker, _) in self.waiting.drain(..) {
            woken[waker] += 1;
        }
        woken
    }

    /// Clearing holds only for what was seen: not if anything has happened since.
    fn clear(&mut self, events_seen: usize) {
        if events_seen == self.events {
            self.ready = false;
        }
    }

    fn wait(&mut self, waker: usize, future: Option<usize>) -> bool {
        if self.worth_a_try() {
            return true;
        }
        match future {
            // A task is told once, however often it has asked.
            None if self.waiting.iter().any(|&(other, _)| other == waker) => {}
            None => self.waiting.push((waker, None)),
            // A future has one place; the last waker counts.
            Some(_) => {
                self.waiting.retain(|&(_, other)| other != future);
                self.waiting.push((waker, future));
            }
        }
        false
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
    let readiness = Readiness::new(false);
    let mut model = Model::default();
    let counters: [Arc<Counter>; MANY] = Default::default();
    let wakers = counters.clone().map(Waker::from);
    let mut keys: [Option<WaiterKey>; MANY] = [None; MANY];
    let mut looks: Vec<Seen> = Vec::new();
    for &step in steps {
        let mut told = [0; MANY];
        let mut woken = Vec::new();
        match step {
            Step::Event => {
                told = model.event();
                readiness.set(&mut woken);
            }
            Step::Ended => {
                told = model.event();
                model.ended = true;
                readiness.set_ended(&mut woken);
            }
            Step::Gone => {
                told = model.event();
                model.gone = true;
                readiness.set_gone(&mut woken);
            }
            Step::Look => {
                let seen = readiness.ready();
                assert_eq!(seen.is_some(), model.worth_a_try());
                if let Some(seen) = seen {
                    assert_eq!(seen.is_gone(), model.gone);
                    looks.push(seen);
                    model.looks.push(model.events);
                }
            }
            Step::Clear(ago) | Step::Drained(ago) => {
                let Some(number) = looks.len().checked_sub(1 + ago) else {
                    continue;
                };
                if let Step::Clear(_) = step {
                    readiness.clear(looks[number]);
                    model.clear(model.looks[number]);
                } else {
                    readiness.drained(looks[number]);
                    if !model.ended {
                        model.clear(model.looks[number]);
                    }
                }
            }
            Step::Wait(waker) => {
                let mut cx = Context::from_waker(&wakers[waker]);
                let polled = readiness.poll_ready(&mut cx);
                assert_eq!(polled.is_ready(), model.wait(waker, None));
            }
            Step::WaitKeyed(future, waker) => {
                let mut cx = Context::from_waker(&wakers[waker]);
                let polled = readiness.poll_ready_keyed(&mut cx, &mut keys[future]);
                assert_eq!(polled.is_ready(), model.wait(waker, Some(future)));
                if let Poll::Ready(seen) = polled {
                    assert_eq!(seen.is_gone(), model.gone);
                }
            }
            Step::Forget(future) => {
                if let Some(key) = keys[future].take() {
                    readiness.forget(key);
                }
                model.waiting.retain(|&(_, other)| other != Some(future));
            }
        }
        woken.into_iter().for_each(Waker::wake);
        for (counter, told) in counters.iter().zip(told) {
            assert_eq!(counter.0.swap(0, Ordering::Relaxed), told, "{step:?}");
        }
        assert_eq!(readiness.ready().is_some(), model.worth_a_try(), "{step:?}");
    }
    // Nobody's waker stays behind.
    drop((readiness, wakers));
    for counter in counters {
        assert_eq!(Arc::strong_count(&counter), 1);
    }
}

#[test]
fn readiness_is_what_a_model_of_edges_says() {
    let cases = if cfg!(miri) { 10 } else { 2_000 };
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&steps(), |steps| {
        run(&steps);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
