//! A handle is awaited while its task completes. The output is taken once, and the waiting task is woken
//! (tokio #4225, RUSTSEC-2021-0124; rayon #929).

use std::future::Future;
use std::task::{Context, Poll, Waker};

use loom::alloc::Track;
use loom::thread;

use super::{Line, Outcomes, Stranger, explore, spawn, wait_for};
use crate::sync::Ordering;
use crate::test_support;

#[test]
fn the_output_comes_once_and_who_waits_is_woken() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "the output was there at the first look",
        "the joiner was woken",
        "it came while the joiner left its waker",
    ]);
    explore(3, &SEEN, || {
        let (line, scheduler) = Line::open();
        let (handle, waker) = spawn(&scheduler, async { Track::new(7) });
        drop(waker);
        let runner = thread::spawn({
            let line = line.clone();
            move || test_support::run(line.pop().unwrap())
        });
        let mut handle = Box::pin(handle);
        let stranger = Stranger::new();
        let waker = Waker::from(stranger.clone());
        let mut waits = 0;
        let output = loop {
            let finished = handle.is_finished();
            match handle.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => {
                    waits += 1;
                    stranger.0.wait();
                }
                Poll::Ready(output) => {
                    SEEN.saw(match (waits, finished) {
                        (0, true) => "the output was there at the first look",
                        (0, false) => "it came while the joiner left its waker",
                        _ => "the joiner was woken",
                    });
                    break output.unwrap();
                }
            }
        };
        assert_eq!(*output.get_ref(), 7);
        runner.join().unwrap();
        drop((output, handle, scheduler, waker, stranger));
        line.assert_left();
    });
}

/// The waiter is a task of the same scheduler, as in most programs, so its waker is brigade's.
#[test]
fn also_where_a_task_waits_for_a_task() {
    static SEEN: Outcomes<2> = Outcomes::of(["the joiner waited", "the joiner did not wait"]);
    explore(3, &SEEN, || {
        let (line, scheduler) = Line::open();
        let (inner, waker) = spawn(&scheduler, async { Track::new(7) });
        drop(waker);
        let first = line.pop().unwrap();
        let polls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (outer, waker) = spawn(&scheduler, {
            let polls = polls.clone();
            let mut inner = inner;
            std::future::poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                std::pin::Pin::new(&mut inner).poll(cx)
            })
        });
        drop(waker);
        let runner = thread::spawn(move || test_support::run(first));
        line.run_until(|| outer.is_finished());
        runner.join().unwrap();
        SEEN.saw(match polls.load(Ordering::Relaxed) {
            1 => "the joiner did not wait",
            _ => "the joiner waited",
        });
        assert_eq!(wait_for(outer).unwrap().unwrap().into_inner(), 7);
        drop(scheduler);
        line.assert_left();
    });
}
