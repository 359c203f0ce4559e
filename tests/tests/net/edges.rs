//! Compares sockets with a model of the bytes that they hold. The test reads from the sockets, writes to
//! them, fills them and shuts them down, in any order. An operation must be ready if and only if the model
//! predicts that it is. A task that waits must be woken.
//!
//! The OS reports each change of a socket only once (edge-triggered), so brigade must not forget a report.
#![cfg(unix)]

use std::future::Future;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use brigade::Executor;
use brigade::net::UnixStream;
use brigade_tests::{CountingWaker, Kitchen, on_both};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// A step of the test. The peer performs the steps whose names begin with `Peer`. The end under test
/// performs all other steps.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The peer writes this number of bytes.
    PeerWrites(usize),
    /// The peer closes its write half.
    PeerEnds,
    /// Reads into a buffer of this size.
    Read(usize),
    /// Reads with `try_read`, which does not wait.
    TryRead(usize),
    /// Waits for `readable`.
    Readable,
    /// Writes until the socket's buffer is full.
    Fill,
    /// The peer reads everything that has arrived.
    PeerDrains,
    /// Writes one byte.
    Write,
    /// Gives the executor time to poll the OS.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..2_000).prop_map(Step::PeerWrites),
        1 => Just(Step::PeerEnds),
        6 => (1_usize..1_500).prop_map(Step::Read),
        3 => (1_usize..1_500).prop_map(Step::TryRead),
        3 => Just(Step::Readable),
        1 => Just(Step::Fill),
        2 => Just(Step::PeerDrains),
        3 => Just(Step::Write),
        4 => Just(Step::Look),
    ]
}

/// The maximum time to wait for an event that must come.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns byte number `n` of the bytes that the peer writes.
fn byte(n: usize) -> u8 {
    (n % 253) as u8
}

/// The two ends of a connection: the one under test and its peer. The counts below are the model.
struct Ends {
    here: UnixStream,
    peer: std::os::unix::net::UnixStream,
    /// The number of bytes that the peer has written.
    written: usize,
    /// The number of the peer's bytes that the end under test has read.
    read: usize,
    ended: bool,
    /// The number of bytes that the end under test has written.
    sent: usize,
    /// The number of bytes from the end under test that the peer has read.
    drained: usize,
    full: bool,
}

impl Ends {
    fn new() -> Self {
        let (here, peer) = std::os::unix::net::UnixStream::pair().unwrap();
        peer.set_nonblocking(true).unwrap();
        Ends {
            here: UnixStream::try_from(here).unwrap(),
            peer,
            written: 0,
            read: 0,
            ended: false,
            sent: 0,
            drained: 0,
            full: false,
        }
    }

    fn something_to_read(&self) -> bool {
        self.written > self.read || self.ended
    }

    /// Checks that one read into a buffer of `room` bytes has returned the next bytes of the stream.
    fn take(&mut self, bytes: &[u8], room: usize) {
        let there = self.written - self.read;
        assert_eq!(
            bytes.len(),
            room.min(there),
            "the number of bytes in one read"
        );
        assert!(
            !bytes.is_empty() || self.ended,
            "an end of the stream that the model does not have"
        );
        for &got in bytes {
            assert_eq!(got, byte(self.read));
            self.read += 1;
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::PeerWrites(count) if !self.ended => {
                let bytes: Vec<u8> = (self.written..self.written + count).map(byte).collect();
                // The socket's buffer may have space for only some of the bytes. The other bytes are not
                // written.
                match std::io::Write::write(&mut &self.peer, &bytes) {
                    Ok(count) => self.written += count,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            Step::PeerEnds => {
                self.ended = true;
                self.peer.shutdown(Shutdown::Write).unwrap();
            }
            Step::Read(room) => {
                let mut buffer = vec![0; room];
                let expected = self.something_to_read();
                let count = comes_about(expected, self.here.read(&mut buffer)).await;
                if let Some(count) = count {
                    self.take(&buffer[..count.unwrap()], room);
                }
            }
            Step::TryRead(room) => {
                let mut buffer = vec![0; room];
                match self.here.try_read(&mut buffer) {
                    Ok(count) => self.take(&buffer[..count], room),
                    // The executor may not have processed the event yet.
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            Step::Readable => {
                if self.something_to_read() {
                    comes_about(true, self.here.readable())
                        .await
                        .unwrap()
                        .unwrap();
                }
            }
            Step::Fill if !self.full => {
                comes_about(true, self.here.writable())
                    .await
                    .unwrap()
                    .unwrap();
                let block = [0; 4096];
                loop {
                    match self.here.try_write(&block) {
                        Ok(count) => self.sent += count,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                self.full = true;
            }
            Step::PeerDrains => {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = std::io::Read::read(&mut &self.peer, &mut buffer) {
                    self.drained += count;
                }
                assert_eq!(self.drained, self.sent);
                self.full = false;
            }
            Step::Write => {
                let count = comes_about(!self.full, self.here.write(&[0])).await;
                if let Some(count) = count {
                    self.sent += count.unwrap();
                }
            }
            Step::Look => {
                for _ in 0..3 {
                    brigade::yield_now().await;
                }
            }
            Step::PeerWrites(_) | Step::Fill => {}
        }
    }
}

/// Polls an operation with a counting waker. If `expected` is true, the operation must become ready. If it
/// has to wait first, its waker must be called. If `expected` is false, the operation must wait.
async fn comes_about<F: Future>(expected: bool, operation: F) -> Option<F::Output> {
    let counting = CountingWaker::new();
    let waker = Waker::from(Arc::clone(&counting));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(operation);
    let began = Instant::now();
    loop {
        let heard = counting.count();
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => {
                assert!(
                    expected,
                    "the operation is ready, but the model says that it waits"
                );
                return Some(output);
            }
            Poll::Pending if !expected => return None,
            Poll::Pending => {}
        }
        // Poll again only after a wake, because this test checks the wakes.
        while counting.count() == heard {
            assert!(began.elapsed() < PATIENCE, "no wake came");
            brigade::yield_now().await;
        }
    }
}

/// tokio #6133, #2886 and #5866 lost readiness, and mio #933 took a half-closed socket for a closed one. For
/// steps in any order, the sockets must agree with the model.
fn sockets_do_what_the_model_of_edges_says<K: Kitchen>() {
    let executor = K::open();
    let mut runner = TestRunner::new(Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = prop::collection::vec(step(), 0..40);
    let result = runner.run(&steps, |steps| {
        executor.block_on(async {
            let mut ends = Ends::new();
            for &step in &steps {
                ends.step(step).await;
            }
            // All bytes that were written arrive, and then the end of the stream.
            ends.step(Step::PeerEnds).await;
            while ends.read < ends.written {
                ends.step(Step::Read(700)).await;
            }
            ends.step(Step::Read(1)).await;
        });
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

on_both! {
    sockets_do_what_the_model_of_edges_says,
}
