//! Tests of trying and waiting, with a simulated OS.

use std::collections::VecDeque;
use std::io::ErrorKind::{self, Interrupted, NotConnected, WouldBlock};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Direction::{Peek, Read, Write};
use super::*;
use crate::test_support::waiter;

/// The results of the simulated calls, in order. The test fails if there are more calls than results.
struct Os(VecDeque<Result<usize, ErrorKind>>);

impl Os {
    fn says<const N: usize>(answers: [Result<usize, ErrorKind>; N]) -> Self {
        Os(answers.into())
    }

    fn call(&mut self) -> io::Result<usize> {
        let answer = self.0.pop_front().expect("one call too many");
        answer.map_err(io::Error::from)
    }

    fn told_all(&self) -> bool {
        self.0.is_empty()
    }
}

fn source() -> Arc<Source> {
    Arc::new(Source::new(Token(0), true, SHORT_READ_DRAINS, None))
}

/// Raises an event for reading and wakes the waiting tasks.
fn event(source: &Source) {
    let mut woken = Vec::new();
    source.read.set(&mut woken);
    woken.into_iter().for_each(Waker::wake);
}

fn close(source: &Source) {
    let mut woken = Vec::new();
    source.set_gone(&mut woken);
    woken.into_iter().for_each(Waker::wake);
}

fn kind(result: io::Result<usize>) -> Result<usize, ErrorKind> {
    result.map_err(|error| error.kind())
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    coop::refill();
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Reads in two ways: with a poll function, which leaves its waker behind, and with a future.
fn two_ways(source: &Arc<Source>, os: &mut Os) -> [Poll<Result<usize, ErrorKind>>; 2] {
    coop::refill();
    let mut cx = Context::from_waker(Waker::noop());
    let polled = source.poll_io(Read, &mut cx, None, |_| os.call());
    let awaited = poll_once(source.io(Read, |_| os.call()));
    [polled, awaited].map(|read| read.map(kind))
}

#[test]
fn what_is_not_ready_is_not_tried() {
    let (source, mut os) = (source(), Os::says([]));
    assert_eq!(kind(source.try_io(Read, |_| os.call())), Err(WouldBlock));
    assert_eq!(two_ways(&source, &mut os), [Poll::Pending; 2]);
    assert!(poll_once(source.wait(Interest::READABLE)).is_pending());
    assert!(poll_once(source.wait(Interest::WRITABLE)).is_ready());
}

/// A peek is tried immediately, and then once for each event. If it would block, the source stays readable.
#[test]
fn a_peek_is_tried_once_for_each_event() {
    let source = source();
    let mut os = Os::says([Err(WouldBlock), Err(WouldBlock), Ok(5)]);
    let (count, waker) = waiter();
    let mut cx = Context::from_waker(&waker);
    coop::refill();
    let mut peek = Box::pin(source.io(Peek, |_| os.call()));
    assert!(peek.as_mut().poll(&mut cx).is_pending());
    for woken in 1..=2 {
        event(&source);
        assert_eq!(count.0.load(Ordering::SeqCst), woken);
        let polled = peek.as_mut().poll(&mut cx).map(kind);
        assert_eq!(polled.is_ready(), woken == 2);
        // Without an event, another poll does not try again.
        if polled.is_pending() {
            assert!(peek.as_mut().poll(&mut cx).is_pending());
        }
        assert!(source.read.ready().is_some());
    }
    drop(peek);
    assert!(os.told_all());
}

/// A call for both directions is tried after an event of either direction. Without an event, another poll
/// does not try again.
#[test]
fn a_call_for_both_directions_is_tried_once_for_each_event() {
    let source = source();
    let mut os = Os::says([Err(WouldBlock), Err(Interrupted), Err(WouldBlock), Ok(5)]);
    let mut cx = Context::from_waker(Waker::noop());
    coop::refill();
    let both = Interest::READABLE.add(Interest::WRITABLE);
    {
        let mut call = pin!(source.io_any(both, || os.call()));
        for direction in [&source.write, &source.read] {
            assert!(call.as_mut().poll(&mut cx).is_pending());
            assert!(call.as_mut().poll(&mut cx).is_pending());
            assert!(source.write.ready().is_none());
            direction.set(&mut Vec::new());
        }
        assert_eq!(call.as_mut().poll(&mut cx).map(kind), Poll::Ready(Ok(5)));
        assert!(source.read.ready().is_some());
    }
    assert!(os.told_all());
}

#[test]
fn what_would_block_is_not_tried_again_before_an_event() {
    for by_future in [false, true] {
        let (source, mut os) = (source(), Os::says([Err(WouldBlock), Ok(5)]));
        let (count, waker) = waiter();
        let mut cx = Context::from_waker(&waker);
        let mut read = |source: &Arc<Source>, cx: &mut Context<'_>| {
            let read = if by_future {
                // The future removes its waker when it is dropped.
                pin!(source.io(Read, |_| os.call())).poll(cx)
            } else {
                source.poll_io(Read, cx, None, |_| os.call())
            };
            read.map(kind)
        };
        coop::refill();
        event(&source);
        assert!(read(&source, &mut cx).is_pending());
        assert!(read(&source, &mut cx).is_pending());
        event(&source);
        assert_eq!(count.0.load(Ordering::SeqCst), usize::from(!by_future));
        assert_eq!(read(&source, &mut cx), Poll::Ready(Ok(5)));
        assert!(os.told_all());
        // The read does not change the readiness for writing.
        assert!(source.write.ready().is_some());
    }
}

#[test]
fn a_future_that_waits_is_woken_and_takes_its_waker_along() {
    let (source, mut os) = (source(), Os::says([Err(WouldBlock), Ok(5)]));
    let (count, waker) = waiter();
    let mut cx = Context::from_waker(&waker);
    coop::refill();
    event(&source);
    {
        let mut read = pin!(source.io(Read, |_| os.call()));
        assert!(read.as_mut().poll(&mut cx).is_pending());
        assert_eq!(Arc::strong_count(&count), 3);
        event(&source);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        let polled = read.as_mut().poll(&mut cx);
        assert_eq!(polled.map(kind), Poll::Ready(Ok(5)));
    }
    source.read.clear(source.read.ready().unwrap());
    {
        let mut wait = pin!(source.wait(Interest::READABLE));
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        assert_eq!(Arc::strong_count(&count), 3);
    }
    assert_eq!(Arc::strong_count(&count), 2);
}

#[test]
fn an_interrupted_call_is_made_again() {
    let source = source();
    event(&source);
    let mut os = Os::says([Err(Interrupted), Err(Interrupted), Ok(3)]);
    assert_eq!(kind(source.try_io(Read, |_| os.call())), Ok(3));
    assert!(os.told_all());
}

/// An error other than `WouldBlock` does not change readiness.
#[test]
fn an_error_is_passed_on_and_the_source_stays_ready() {
    let source = source();
    event(&source);
    let mut os = Os::says([Err(NotConnected); 3]);
    let tried = kind(source.try_io(Read, |_| os.call()));
    assert_eq!(tried, Err(NotConnected));
    let error = Poll::Ready(Err(NotConnected));
    assert_eq!(two_ways(&source, &mut os), [error; 2]);
    assert!(os.told_all() && source.read.ready().is_some());
}

#[test]
fn one_try_that_would_block_says_so() {
    let source = source();
    event(&source);
    let mut os = Os::says([Err(WouldBlock)]);
    assert_eq!(kind(source.try_io(Read, |_| os.call())), Err(WouldBlock));
    assert!(os.told_all() && source.read.ready().is_none());
}

/// A read drains the source if it returns some bytes but does not fill the buffer. It does not drain the
/// source after an event for the end, an error or urgent data, or after its descriptor was lent.
#[test]
fn a_short_read_of_a_tcp_stream_drains_it() {
    for (count, short) in [(0, false), (1, true), (7, true), (8, false)] {
        let last: fn(&Source) = |source| source.read.set_last(&mut Vec::new());
        let lent: fn(&Source) = |source| source.read.drains_no_more();
        for (rule, before) in [
            (true, None),
            (true, Some(last)),
            (true, Some(lent)),
            (false, None),
        ] {
            let source = Arc::new(Source::new(Token(0), true, rule, None));
            event(&source);
            before.inspect(|before| before(&source));
            let mut os = Os::says([Ok(count)]);
            let read = poll_once(source.io(Read, |seen| {
                let count = os.call()?;
                source.read.note_read(seen, count, 8);
                Ok(count)
            }));
            assert_eq!(read.map(kind), Poll::Ready(Ok(count)));
            let drained = source.read.ready().is_none();
            let drains = rule && short && before.is_none();
            assert_eq!(drained, drains, "{count} of 8");
        }
    }
}

/// Without an executor's timers there is no pause, even if many writes fail, each after its own event.
#[test]
fn writes_that_fail_outside_of_an_executor_are_not_held() {
    let source = source();
    for _ in 0..100 {
        let failed = source.try_io(Write, |_| Err::<(), _>(WouldBlock.into()));
        assert_eq!(failed.unwrap_err().kind(), WouldBlock);
        assert!(source.write.ready().is_none());
        source.write.set(&mut Vec::new());
        assert!(source.write.ready().is_some());
    }
}

/// After the executor of a source is dropped, operations are still tried, but no task waits for the source.
#[test]
fn without_its_executor_a_source_waits_for_nothing() {
    let source = source();
    let (count, waker) = waiter();
    {
        let mut wait = pin!(source.wait(Interest::READABLE));
        let mut cx = Context::from_waker(&waker);
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        close(&source);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        let Poll::Ready(Err(error)) = wait.as_mut().poll(&mut cx) else {
            panic!("it waits for an executor that is gone");
        };
        assert_eq!(error.to_string(), gone().to_string());
    }
    let gone = Poll::Ready(Err(gone().kind()));
    let mut os = Os::says([Err(WouldBlock), Err(WouldBlock)]);
    assert_eq!(two_ways(&source, &mut os), [gone; 2]);
    let mut os = Os::says([Ok(1), Ok(2)]);
    let read = two_ways(&source, &mut os);
    assert_eq!(read, [1, 2].map(|count| Poll::Ready(Ok(count))));
    assert!(matches!(
        poll_once(source.wait(Interest::WRITABLE)),
        Poll::Ready(Err(_))
    ));
}

/// All calls for both directions that fail after one event count as one failure, even if a call for reading
/// fails first. A call that fails without an event is not counted, even if the source is readable.
#[test]
fn failures_after_one_event_count_once() {
    let source = source();
    let both = Interest::READABLE.add(Interest::WRITABLE);
    let fail = || Err::<(), _>(WouldBlock.into());
    for events in 1..4 {
        event(&source);
        assert!(poll_once(source.io(Peek, |_| fail())).is_pending());
        for _ in 0..10 {
            assert!(poll_once(source.io_any(both, fail)).is_pending());
        }
        assert_eq!(source.pause.failures.load(Ordering::Relaxed), events);
        assert!(source.read.ready().is_some());
    }
}
