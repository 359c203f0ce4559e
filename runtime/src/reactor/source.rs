//! One registered source: its two directions, and the loop of try and wait.
//!
//! **Job.** Let any number of tasks try an operation on a socket and wait for the next event when
//! the OS says `WouldBlock`.
//!
//! **Owns** a [`Readiness`] each for reading and for writing. They are separate in everything: a
//! write that would block says nothing about reading (tokio #2886), and an event for the one does
//! not excuse a stale look at the other (tokio #8054).
//!
//! **Never** takes anything but `WouldBlock` as a sign of being drained: a short read is none, on
//! systems without edge-triggered events (tokio #5866).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use mio::Token;
use mio::event::Event;

use super::readiness::{Readiness, Seen, WaiterKey};
use crate::budget;

/// Which direction an operation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// See the module.
pub(crate) struct Source {
    pub(super) token: Token,
    read: Readiness,
    write: Readiness,
}

/// The error of a socket whose runtime is gone.
pub(super) fn gone() -> io::Error {
    io::Error::other("the brigade executor that this source belongs to was dropped")
}

impl Source {
    /// A new source waits for the OS to call it readable. Whether it may be written at once its
    /// maker knows: a stream that is being connected may not.
    pub(super) fn new(token: Token, writable: bool) -> Self {
        Source {
            token,
            read: Readiness::new(false),
            write: Readiness::new(writable),
        }
    }

    fn readiness(&self, direction: Direction) -> &Readiness {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    pub(super) fn receive(&self, event: &Event, woken: &mut Vec<Waker>) {
        let (read, write) = super::directions(event);
        if read {
            self.read.set(woken);
        }
        if write {
            self.write.set(woken);
        }
    }

    pub(super) fn set_gone(&self, woken: &mut Vec<Waker>) {
        self.read.set_gone(woken);
        self.write.set_gone(woken);
    }

    /// Tries once if the direction is ready.
    ///
    /// # Errors
    /// `WouldBlock` if it is not, or if the OS says so; and whatever else the OS says. An
    /// interrupted call is made again.
    #[inline]
    pub(crate) fn try_io<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        let readiness = self.readiness(direction);
        let Some(seen) = readiness.ready() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        Self::attempt(readiness, seen, &mut operation)
    }

    fn attempt<R>(
        readiness: &Readiness,
        seen: Seen,
        operation: &mut impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if seen.is_gone() {
                        return Err(gone());
                    }
                    readiness.clear(seen);
                    return Err(error);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Tries until the OS says something other than `WouldBlock`, or registers the task to be
    /// woken at the next event.
    #[inline]
    pub(crate) fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let readiness = self.readiness(direction);
        loop {
            let seen = ready!(readiness.poll_ready(cx));
            ready!(budget::poll_spend(cx));
            match Self::attempt(readiness, seen, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// A future that tries and waits as [`poll_io`](Self::poll_io) does and takes its waker away
    /// when it is dropped.
    pub(crate) async fn io<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        let readiness = self.readiness(direction);
        loop {
            let seen = Ready::new(readiness).await;
            match Self::attempt(readiness, seen, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// Waits until the direction is worth a try.
    pub(crate) async fn wait(&self, direction: Direction) -> io::Result<()> {
        let seen = Ready::new(self.readiness(direction)).await;
        if seen.is_gone() { Err(gone()) } else { Ok(()) }
    }
}

/// A future of readiness that takes its waker away when it is dropped.
struct Ready<'a> {
    readiness: &'a Readiness,
    key: Option<WaiterKey>,
}

impl<'a> Ready<'a> {
    fn new(readiness: &'a Readiness) -> Self {
        Ready {
            readiness,
            key: None,
        }
    }
}

impl Future for Ready<'_> {
    type Output = Seen;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Seen> {
        let me = &mut *self;
        let seen = ready!(me.readiness.poll_ready_keyed(cx, &mut me.key));
        ready!(budget::poll_spend(cx));
        Poll::Ready(seen)
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.readiness.forget(key);
        }
    }
}
