//! One registered source: a [`Readiness`] for reading, one for writing, and the loop of try and wait.
//!
//! The two directions are separate in everything. A write that would block tells nothing about reading (tokio
//! #2886), and each has a tick of its own, so that events for writing do not hinder the clearing of reading
//! (tokio #8054). Only `WouldBlock` means that a direction is not ready any more, with one exception: a short
//! read of a TCP stream, see [`short_read_drains`].

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use mio::event::Event;
use mio::{Interest, Token};

use super::pause::Pause;
use super::readiness::{Readiness, ReadySnapshot, WaiterKey};
use crate::coop;
use crate::sync::Arc;

/// Which direction an operation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// Returns whether a short read of a source registered with `interest` means that there is no more until the
/// next event. A server that answers request after request on one connection then makes three system calls
/// for each (wait, read, write) and not four.
///
/// This holds for TCP on Linux, where `recv` takes everything up to the end, an error or an urgent byte, and
/// each of these raises an event of its own: [`Readiness::set_last`] ends the exception for the connection.
/// Only sources registered for PRIORITY hear of urgent bytes, so those are the ones. It does not hold for
/// Unix streams, where `recv` stops at each message that carries descriptors, nor for whatever a user may
/// have made a `std::net::TcpStream` of. mio's emulation by poll(2) arms an event only after `WouldBlock`, and
/// Miri makes reads short at random. (A user who turns on kernel TLS reads by `async_io`.)
fn short_read_drains(interest: Interest) -> bool {
    cfg!(all(
        any(target_os = "linux", target_os = "android"),
        not(mio_unsupported_force_poll_poll),
        not(miri)
    )) && is_priority(interest)
}

/// What a TCP stream is registered for: see [`short_read_drains`]. Miri's epoll refuses PRIORITY.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) const TCP_STREAM: Interest = BOTH.add(Interest::PRIORITY);
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
pub(crate) const TCP_STREAM: Interest = BOTH;

/// Both directions.
pub(crate) const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_priority(interest: Interest) -> bool {
    interest.is_priority()
}
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_priority(_: Interest) -> bool {
    false
}

/// One registered source.
pub(crate) struct Source {
    pub(super) token: Token,
    read: Readiness,
    pub(super) write: Readiness,
    pub(super) pause: Pause,
}

/// The error of a socket whose runtime is gone.
pub(super) fn gone() -> io::Error {
    io::Error::other("the brigade executor that this source belongs to was dropped")
}

fn unless_gone(seen: ReadySnapshot) -> io::Result<()> {
    if seen.is_gone() { Err(gone()) } else { Ok(()) }
}

/// The error of a source in a world that is closed.
pub(super) fn sealed() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "inside of brigade::explore there are no sockets, signals or other sources of events: no seed \
         decides when they are ready; use channels, or pipes in memory",
    )
}

impl Direction {
    /// Returns the directions that `interest` names; urgent data is read.
    fn of(interest: Interest) -> impl Iterator<Item = Direction> {
        let write = interest.is_writable().then_some(Direction::Write);
        let read = (interest != Interest::WRITABLE).then_some(Direction::Read);
        read.into_iter().chain(write)
    }
}

impl Source {
    /// A new source is not known to be readable before the first event. Its maker knows whether it may be
    /// written at once: a stream that is being connected may not.
    pub(super) fn new(token: Token, interest: Interest, writable: bool) -> Self {
        Source {
            token,
            read: Readiness::new(false, short_read_drains(interest)),
            write: Readiness::new(writable, false),
            pause: Pause::default(),
        }
    }

    fn readiness(&self, direction: Direction) -> &Readiness {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    /// Records an event of the OS. An error or a hang-up concerns both directions, whatever else the event
    /// contains: a pipe's end comes with neither `readable` nor `writable` (tokio-core #117).
    pub(super) fn receive(&self, event: &Event, woken: &mut Vec<Waker>) {
        if event.is_read_closed() || event.is_error() || event.is_priority() {
            self.read.set_last(woken);
        } else if event.is_readable() {
            self.read.set(woken);
        }
        if event.is_write_closed() || event.is_error() {
            self.write.set_last(woken);
        } else if event.is_writable() {
            self.write.set(woken);
        }
    }

    pub(super) fn set_gone(&self, woken: &mut Vec<Waker>) {
        self.read.set_gone(woken);
        self.write.set_gone(woken);
    }

    /// Gives up what would keep the source alive after its deregistration.
    pub(super) fn end(&self) {
        self.pause.end();
    }

    /// Tries once if the direction is ready.
    ///
    /// # Errors
    /// Returns `WouldBlock` if the direction is not ready or the OS returns it, and the other errors of
    /// `operation`. An interrupted call is made again.
    #[inline]
    pub(crate) fn try_io<R>(
        self: &Arc<Self>,
        direction: Direction,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        match self.readiness(direction).ready() {
            Some(seen) => self.attempt(direction, seen, &mut operation),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// As [`try_io`](Self::try_io) if one of the directions of `interest` is ready, for an operation that
    /// cannot be called twice. `WouldBlock` clears all of them.
    pub(crate) fn try_any<R>(
        self: &Arc<Self>,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let mut seen = [None; 2];
        for (seen, direction) in seen.iter_mut().zip(Direction::of(interest)) {
            *seen = self.readiness(direction).ready().map(|it| (direction, it));
        }
        if seen == [None; 2] {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut result = operation();
        for (direction, seen) in seen.into_iter().flatten() {
            result = self.settle(direction, seen, result);
        }
        result
    }

    /// The one loop of tries: repeats what a signal interrupted.
    #[inline]
    fn attempt<R>(
        self: &Arc<Self>,
        direction: Direction,
        seen: ReadySnapshot,
        operation: &mut impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return self.settle(direction, seen, result),
            }
        }
    }

    /// Records what a try that began with `seen` tells about its direction.
    #[inline]
    fn settle<R>(
        self: &Arc<Self>,
        direction: Direction,
        seen: ReadySnapshot,
        result: io::Result<R>,
    ) -> io::Result<R> {
        match &result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if seen.is_gone() {
                    return Err(gone());
                }
                let pauses = direction == Direction::Write && self.pause.failed(self);
                if !pauses {
                    self.readiness(direction).clear(seen);
                }
            }
            _ if direction == Direction::Write => self.pause.succeeded(),
            _ => {}
        }
        result
    }

    /// Tries until the OS returns something other than `WouldBlock`, or stores the task's waker until the next
    /// event.
    #[inline]
    pub(crate) fn poll_io<R>(
        self: &Arc<Self>,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<(ReadySnapshot, io::Result<R>)> {
        loop {
            let seen = ready!(self.poll_ready(direction, cx));
            match self.attempt(direction, seen, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready((seen, result)),
            }
        }
    }

    /// Waits as a poll function until the direction is worth a try.
    #[inline]
    pub(crate) fn poll_ready(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<ReadySnapshot> {
        let seen = ready!(self.readiness(direction).poll_ready(cx));
        ready!(coop::poll_spend(cx));
        Poll::Ready(seen)
    }

    /// As [`wait`](Self::wait), as a poll function.
    pub(crate) fn poll_wait(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_ready(direction, cx).map(unless_gone)
    }

    /// Notes what a read of `count` bytes of a byte stream into a buffer of `room` tells about reading.
    #[inline]
    pub(crate) fn note_short(&self, seen: ReadySnapshot, count: usize, room: usize) -> usize {
        if 0 < count && count < room {
            self.read.drained(seen);
        }
        count
    }

    /// A future that tries and waits as [`poll_io`](Self::poll_io) does and takes its waker away
    /// when it is dropped.
    pub(crate) fn io<F>(self: &Arc<Self>, direction: Direction, operation: F) -> IoFuture<'_, F> {
        IoFuture {
            wait: Wait::new(self, direction),
            operation,
        }
    }

    /// Waits until one of the directions of `interest` is worth a try.
    ///
    /// # Errors
    /// Returns an error if the executor was dropped.
    pub(crate) fn wait(
        self: &Arc<Self>,
        interest: Interest,
    ) -> impl Future<Output = io::Result<()>> {
        let mut waits = [None, None];
        for (wait, direction) in waits.iter_mut().zip(Direction::of(interest)) {
            *wait = Some(Wait::new(self, direction));
        }
        poll_fn(move |cx| {
            for wait in waits.iter_mut().flatten() {
                if let Poll::Ready(seen) = wait.poll_woken(cx) {
                    return Poll::Ready(unless_gone(seen));
                }
            }
            Poll::Pending
        })
    }
}

/// See [`Source::io`]. Not an `async` block, which would take twice the room: every task that waits for
/// a socket carries one.
pub(crate) struct IoFuture<'a, F> {
    wait: Wait<'a>,
    operation: F,
}

/// The operation is called, and never pinned.
impl<F> Unpin for IoFuture<'_, F> {}

impl<F> IoFuture<'_, F> {
    pub(crate) fn source(&self) -> &Source {
        self.wait.source
    }
}

impl<F, R> Future for IoFuture<'_, F>
where
    F: FnMut() -> io::Result<R>,
{
    /// The result, and the word before the operation that had it.
    type Output = (ReadySnapshot, io::Result<R>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let me = &mut *self;
        loop {
            let seen = ready!(me.wait.poll(cx));
            let Wait {
                source, direction, ..
            } = me.wait;
            match source.attempt(direction, seen, &mut me.operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready((seen, result)),
            }
        }
    }
}

/// What a future waits with. It takes its waker away when it is dropped.
///
/// It may be polled again after it was ready: [`IoFuture`] does so after `WouldBlock`. The direction was
/// cleared then, so it waits anew.
struct Wait<'a> {
    source: &'a Arc<Source>,
    direction: Direction,
    key: Option<WaiterKey>,
}

impl<'a> Wait<'a> {
    fn new(source: &'a Arc<Source>, direction: Direction) -> Self {
        Wait {
            source,
            direction,
            key: None,
        }
    }

    /// Waits until the direction is ready, for a future that tries by itself.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ReadySnapshot> {
        let readiness = self.source.readiness(self.direction);
        let seen = ready!(readiness.poll_ready_keyed(cx, &mut self.key));
        ready!(coop::poll_spend(cx));
        // An event has taken the waker out.
        self.key = None;
        Poll::Ready(seen)
    }

    /// Waits until the direction is ready or an event has come. Many tasks may wait in `readable()`: the
    /// event has woken them all, and the first to be polled may clear the direction. The others must
    /// return too, since their callers may wait for more than bytes.
    fn poll_woken(&mut self, cx: &mut Context<'_>) -> Poll<ReadySnapshot> {
        let readiness = self.source.readiness(self.direction);
        match self.key.and_then(|key| readiness.woken_since(key)) {
            Some(seen) => Poll::Ready(seen),
            None => self.poll(cx),
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.source.readiness(self.direction).forget(key);
        }
    }
}

#[cfg(test)]
mod tests;
