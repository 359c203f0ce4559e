//! Tries and waits, with an OS that says what the test wants to hear.

use std::collections::VecDeque;
use std::io::ErrorKind::{self, Interrupted, NotConnected, WouldBlock};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Direction::{Read, Write};
use super::*;
use crate::test_support::waiter;

/// Its answers to calls, one after the other; a call too many is a failure.
struct Os(VecDeque<Result<usize, ErrorKind>>);

impl Os {
    fn says<const N: usize>(answers: [Result<usize, ErrorKind>; N]) -> Self {
        Os(answers.into())
    }

    fn call(&mut self) -> io::Result<usize> {
        let answer = self.0.pop_front().expect("a call too many");
        answer.map_err(io::Error::from)
    }

    fn told_all(&self) -> bool {
        self.0.is_empty()
    }
}

fn source() -> Source {
    Source::new(Token(0), true)
}

/// Lets an event for reading come and wakes who waited.
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

/// The three ways to read that wait: by a function that leaves its waker, and by futures.
fn three_ways(source: &Source, room: usize, os: &mut Os) -> [Poll<Result<usize, ErrorKind>>; 3] {
    coop::refill();
    let mut cx = Context::from_waker(Waker::noop());
    [
        source.poll_io(Read, &mut cx, || os.call()).map(kind),
        source
            .poll_stream_read(&mut cx, room, || os.call())
            .map(kind),
        poll_once(source.stream_read(room, || os.call())).map(kind),
    ]
}

#[test]
fn what_is_not_ready_is_not_tried() {
    let (source, mut os) = (source(), Os::says([]));
    assert_eq!(kind(source.try_io(Read, || os.call())), Err(WouldBlock));
    assert_eq!(three_ways(&source, 8, &mut os), [Poll::Pending; 3]);
    assert!(poll_once(source.wait(Read)).is_pending());
    assert!(poll_once(source.wait(Write)).is_ready());
}

#[test]
fn what_would_block_is_not_tried_again_before_an_event() {
    for way in 0..4 {
        let (source, mut os) = (source(), Os::says([Err(WouldBlock), Ok(5)]));
        let (count, waker) = waiter();
        let mut cx = Context::from_waker(&waker);
        let mut read = |source: &Source, cx: &mut Context<'_>| match way {
            0 => source.poll_io(Read, cx, || os.call()),
            1 => source.poll_stream_read(cx, 8, || os.call()),
            // These two take their wakers along.
            2 => pin!(source.io(Read, || os.call())).poll(cx),
            _ => pin!(source.stream_read(8, || os.call())).poll(cx),
        };
        coop::refill();
        event(&source);
        assert!(read(&source, &mut cx).is_pending());
        assert!(read(&source, &mut cx).is_pending());
        event(&source);
        assert_eq!(count.0.load(Ordering::SeqCst), usize::from(way < 2));
        assert_eq!(read(&source, &mut cx).map(kind), Poll::Ready(Ok(5)));
        assert!(os.told_all());
        // A write is none of its business.
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
        let mut read = pin!(source.io(Read, || os.call()));
        assert!(read.as_mut().poll(&mut cx).is_pending());
        assert_eq!(Arc::strong_count(&count), 3);
        event(&source);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(read.as_mut().poll(&mut cx).map(kind), Poll::Ready(Ok(5)));
    }
    source.read.clear(source.read.ready().unwrap());
    {
        let mut wait = pin!(source.wait(Read));
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
    assert_eq!(kind(source.try_io(Read, || os.call())), Ok(3));
    assert!(os.told_all());
}

/// An error says nothing about readiness.
#[test]
fn an_error_is_passed_on_and_the_source_stays_ready() {
    let source = source();
    event(&source);
    let mut os = Os::says([Err(NotConnected); 4]);
    let tried = kind(source.try_io(Read, || os.call()));
    assert_eq!(tried, Err(NotConnected));
    let error = Poll::Ready(Err(NotConnected));
    assert_eq!(three_ways(&source, 8, &mut os), [error; 3]);
    assert!(os.told_all() && source.read.ready().is_some());
}

#[test]
fn one_try_that_would_block_says_so() {
    let source = source();
    event(&source);
    let mut os = Os::says([Err(WouldBlock)]);
    assert_eq!(kind(source.try_io(Read, || os.call())), Err(WouldBlock));
    assert!(os.told_all() && source.read.ready().is_none());
}

/// Only between nothing, which is the end, and a full buffer, which may leave more behind.
#[test]
fn a_short_read_of_a_stream_drains_it() {
    for (count, short) in [(0, false), (1, true), (7, true), (8, false)] {
        for way in 1..3 {
            let source = source();
            event(&source);
            let mut os = Os::says([Ok(count)]);
            let mut cx = Context::from_waker(Waker::noop());
            coop::refill();
            let read = match way {
                1 => source.poll_stream_read(&mut cx, 8, || os.call()),
                _ => poll_once(source.stream_read(8, || os.call())),
            };
            assert_eq!(read.map(kind), Poll::Ready(Ok(count)));
            let drained = source.read.ready().is_none();
            assert_eq!(drained, short && SHORT_READ_DRAINS, "{count} of 8");
        }
    }
    // What is no stream of bytes is not read until it is empty: a datagram may be short.
    let source = source();
    event(&source);
    let mut os = Os::says([Ok(1)]);
    assert!(poll_once(source.io(Read, || os.call())).is_ready());
    assert!(source.read.ready().is_some());
}

/// After the executor the source may be tried, and is not waited for.
#[test]
fn without_its_executor_a_source_waits_for_nothing() {
    let source = source();
    let (count, waker) = waiter();
    {
        let mut wait = pin!(source.wait(Read));
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
    let mut os = Os::says([Err(WouldBlock), Err(WouldBlock), Err(WouldBlock)]);
    assert_eq!(three_ways(&source, 8, &mut os), [gone; 3]);
    let mut os = Os::says([Ok(1), Ok(2), Ok(3)]);
    let read = three_ways(&source, 8, &mut os);
    assert_eq!(read, [1, 2, 3].map(|count| Poll::Ready(Ok(count))));
    assert!(matches!(poll_once(source.wait(Write)), Poll::Ready(Err(_))));
}
