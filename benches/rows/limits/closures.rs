//! The work of the task benchmarks, done without tasks: boxed closures and futures, a queue, and channels.

use std::{
    collections::VecDeque,
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use async_channel::bounded;

use crate::{
    measure::{Job, Measured, Meter, check, repeat_plain, resident},
    work::{memory::park, turns::Yield},
};

type Boxed = Box<dyn FnOnce() -> usize>;

fn make_and_call(closures: usize, boxes: &mut Vec<Boxed>) {
    boxes.extend((0..closures).map(|number| {
        let number = black_box(number);
        Box::new(move || number) as Boxed
    }));
    let mut sum = 0;
    for closure in boxes.drain(..) {
        sum += closure();
    }
    check(
        sum == closures * (closures - 1) / 2,
        "the sum of the closures' results",
    );
}

/// Measures `spawn_join` without tasks: each task is replaced by one allocation and one indirect call.
pub(crate) fn all(job: Job) -> Measured {
    let closures = job.size(100_000);
    let mut boxes = Vec::new();
    repeat_plain(job, closures, || make_and_call(closures, &mut boxes)).nanos()
}

/// Measures `spawn_cold` without tasks.
pub(crate) fn cold(_: Job) -> Measured {
    let meter = Meter::start();
    make_and_call(100_000, &mut Vec::new());
    meter.stop().over(100_000).nanos()
}

/// Measures `spawn_batch` without tasks.
pub(crate) fn batch(job: Job) -> Measured {
    let mut boxes = Vec::new();
    let pass = || (0..100).for_each(|_| make_and_call(1_000, &mut boxes));
    repeat_plain(job, 100_000, pass).nanos()
}

/// Measures `yield` without tasks: polls a thousand boxed futures in turn, with a waker that does nothing.
pub(crate) fn ring(job: Job) -> Measured {
    const FUTURES: usize = 1_000;
    const YIELDS: usize = 1_000;
    let pass = || {
        let mut ring: VecDeque<Pin<Box<dyn Future<Output = usize>>>> = VecDeque::new();
        for _ in 0..FUTURES {
            let yields = black_box(YIELDS);
            ring.push_back(Box::pin(async move {
                for _ in 0..yields {
                    Yield::default().await;
                }
                yields
            }));
        }
        let mut cx = Context::from_waker(Waker::noop());
        let mut sum = 0;
        while let Some(mut next) = ring.pop_front() {
            match next.as_mut().poll(&mut cx) {
                Poll::Ready(yields) => sum += yields,
                Poll::Pending => ring.push_back(next),
            }
        }
        check(sum == FUTURES * YIELDS, "the sum of the yields");
    };
    repeat_plain(job, FUTURES * YIELDS, pass).nanos()
}

/// Measures `ping_pong` without tasks: the four channel operations of a round trip, without switching tasks.
pub(crate) fn channels(job: Job) -> Measured {
    const TRIPS: u64 = 50_000;
    let pass = || {
        let (to_pong, at_pong) = bounded::<u64>(1);
        let (to_ping, at_ping) = bounded::<u64>(1);
        let mut sum = 0;
        for number in 0..TRIPS {
            to_pong.try_send(number).expect("room for one");
            let number = at_pong.try_recv().expect("one message");
            to_ping.try_send(number + 1).expect("room for one");
            sum += at_ping.try_recv().expect("one message");
        }
        check(sum == TRIPS * (TRIPS + 1) / 2, "the sum of the answers");
    };
    repeat_plain(job, TRIPS as usize, pass).nanos()
}

/// Measures `idle_mem` without tasks: the same futures, boxed and polled, in a vector of exactly the right
/// size.
pub(crate) fn boxed_futures(job: Job) -> Measured {
    let tasks = job.size(1_000_000);
    let before = resident();
    let mut parked: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::with_capacity(tasks);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..tasks {
        let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(park());
        check(
            future.as_mut().poll(&mut cx).is_pending(),
            "a parked future waits",
        );
        parked.push(future);
    }
    Measured(vec![(
        "bytes",
        (resident() - before) / black_box(parked).len() as f64,
    )])
}
