//! One registered source: its two directions, and the loop of try and wait.
//!
//! **Job.** Let any number of tasks try an operation on a socket and wait for the next event when
//! the OS says `WouldBlock`.
//!
//! **Owns** a [`Readiness`] each for reading and for writing. They are separate in everything: a
//! write that would block says nothing about reading (tokio #2886), and each has a tick of its own, so
//! that events for writing do not hinder the clearing of reading (tokio #8054).
//!
//! **Never** takes anything but `WouldBlock` as a sign of being drained, with one exception: a short
//! read of a byte stream, on systems that report every new edge ([`SHORT_READ_DRAINS`]). On other
//! systems a short read is no such sign (tokio #5866). A server that answers request after request on
//! one connection makes four system calls for each without the exception (wait, read, write, and a read
//! that would block) and three with it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use mio::Token;
use mio::event::Event;

use super::readiness::{Readiness, Seen, WaiterKey};
use crate::coop;

/// Which direction an operation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// Whether a short read of a byte stream means that there is no more until the next event. epoll(7)
/// says so, in its questions and answers, and kqueue(2) counts bytes. mio's emulation by poll(2) arms
/// an event only after `WouldBlock`, and Miri makes reads short at random.
const SHORT_READ_DRAINS: bool = cfg!(all(
    any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        target_os = "freebsd"
    ),
    not(mio_unsupported_force_poll_poll),
    not(miri)
));

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

/// The error of a source in a world that is closed.
pub(super) fn sealed() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "inside of brigade::explore there are no sockets, signals or other sources of events: no seed \
         decides when they are ready; use channels, or pipes in memory",
    )
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

    /// An event of the OS. An error or a hang-up concerns both directions, whatever else the event
    /// says: a pipe's end comes with neither `readable` nor `writable` (tokio-core #117).
    pub(super) fn receive(&self, event: &Event, woken: &mut Vec<Waker>) {
        if event.is_read_closed() || event.is_error() {
            self.read.set_ended(woken);
        } else if event.is_readable() || event.is_priority() {
            self.read.set(woken);
        }
        if event.is_writable() || event.is_write_closed() || event.is_error() {
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
            ready!(coop::poll_spend(cx));
            match Self::attempt(readiness, seen, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// As [`poll_io`](Self::poll_io), for reading a byte stream into a buffer of `room` bytes.
    #[inline]
    pub(crate) fn poll_stream_read(
        &self,
        cx: &mut Context<'_>,
        room: usize,
        mut operation: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let seen = ready!(self.read.poll_ready(cx));
            ready!(coop::poll_spend(cx));
            match Self::attempt(&self.read, seen, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(self.note_short(seen, room, other)),
            }
        }
    }

    /// As [`io`](Self::io), for reading a byte stream into a buffer of `room` bytes.
    pub(crate) fn stream_read<R>(
        &self,
        room: usize,
        operation: R,
    ) -> impl Future<Output = io::Result<usize>>
    where
        R: FnMut() -> io::Result<usize>,
    {
        let mut read = self.io(Direction::Read, operation);
        poll_fn(move |cx| {
            let (seen, read) = ready!(read.poll_seen(cx));
            Poll::Ready(self.note_short(seen, room, read))
        })
    }

    #[inline]
    fn note_short(&self, seen: Seen, room: usize, read: io::Result<usize>) -> io::Result<usize> {
        if SHORT_READ_DRAINS && matches!(read, Ok(count) if 0 < count && count < room) {
            self.read.drained(seen);
        }
        read
    }

    /// A future that tries and waits as [`poll_io`](Self::poll_io) does and takes its waker away
    /// when it is dropped.
    pub(crate) fn io<F>(&self, direction: Direction, operation: F) -> Attempts<'_, F> {
        Attempts {
            ready: Ready::new(self.readiness(direction)),
            operation,
        }
    }

    /// Waits until the direction is worth a try.
    pub(crate) async fn wait(&self, direction: Direction) -> io::Result<()> {
        let seen = Ready::new(self.readiness(direction)).await;
        if seen.is_gone() { Err(gone()) } else { Ok(()) }
    }
}

/// See [`Source::io`]. Not an `async` block, which would take twice the room: every task that waits for
/// a socket carries one.
pub(crate) struct Attempts<'a, F> {
    ready: Ready<'a>,
    operation: F,
}

/// The operation is called, and never pinned.
impl<F> Unpin for Attempts<'_, F> {}

impl<F, R> Attempts<'_, F>
where
    F: FnMut() -> io::Result<R>,
{
    /// The result, and what the word was before the operation that had it.
    fn poll_seen(&mut self, cx: &mut Context<'_>) -> Poll<(Seen, io::Result<R>)> {
        loop {
            let seen = ready!(Pin::new(&mut self.ready).poll(cx));
            match Source::attempt(self.ready.readiness, seen, &mut self.operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready((seen, other)),
            }
        }
    }
}

impl<F, R> Future for Attempts<'_, F>
where
    F: FnMut() -> io::Result<R>,
{
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        self.poll_seen(cx).map(|(_, result)| result)
    }
}

/// A future of readiness that takes its waker away when it is dropped.
///
/// It may be polled again after it was ready: [`Attempts`] does so when the OS said `WouldBlock`. The
/// direction was cleared then, and the key of an older tick counts as none, so it waits anew.
///
/// (Not the `Ready` of `seam.rs`, which is a task that is ready to run.)
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
        ready!(coop::poll_spend(cx));
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

#[cfg(test)]
mod tests;
