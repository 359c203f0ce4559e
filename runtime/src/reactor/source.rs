//! One registered source: a [`Readiness`] for reading and one for writing, and the loop that tries an
//! operation and waits.
//!
//! The two directions are independent. A write that would block does not affect reading (tokio #2886). Each
//! direction counts its own events, so a read can clear the readiness for reading even if an event for
//! writing came (tokio #8054). Only `WouldBlock` ends the readiness of a direction, with two exceptions: a
//! short read of a TCP stream also ends it ([`SHORT_READ_DRAINS`]), and the `WouldBlock` of a
//! [`Peek`](Direction::Peek) does not.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker, ready};

use mio::event::Event;
use mio::{Interest, Token};

use super::pause::Pause;
use super::readiness::{Readiness, ReadySnapshot, WaiterKey};
use crate::coop;
use crate::sync::{Arc, Weak};
use crate::task::waker::wake_quietly;
use crate::timer::Timers;

/// The direction that an operation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    /// For a call that reads, but may get `WouldBlock` although the source is readable: it reads the
    /// socket's error queue, for example, or the option `SO_PEEK_OFF` is set. The first try needs no event.
    /// After a failure, the call waits for the next event. A failure does not clear the readiness, because
    /// then a [`Read`](Self::Read) of another task would wait although there is data.
    Peek,
    Write,
}

/// True if a short read (one that does not fill its buffer) *drains* a TCP stream: it leaves no bytes behind.
/// The next read then waits for the next event. So a server makes three system calls for each request (wait,
/// read, write), and saves a second read, which would only get `WouldBlock`.
///
/// This rule holds for TCP on Linux, where `recv` takes all bytes up to the end, an error or an urgent byte.
/// Each of these three raises its own event, and [`Readiness::set_last`] then turns the rule off for the
/// connection. The rule holds only while brigade alone uses the descriptor. A program that has the descriptor
/// can take the urgent byte before the reactor sees its event, but `recv` still stops where the byte was. Or
/// the program can enable kernel TLS, and then `recv` may stop at the end of a record. So the rule is off for
/// streams from std, and [`Readiness::drains_no_more`] turns it off when the descriptor is lent. It is also
/// off for mio's emulation with poll(2), which arms an event only after `WouldBlock`, and under Miri, which
/// makes reads short at random.
pub(crate) const SHORT_READ_DRAINS: bool = cfg!(all(
    any(target_os = "linux", target_os = "android"),
    not(mio_unsupported_force_poll_poll),
    not(miri)
));

/// The interest of a stream, which may get urgent bytes. Miri's epoll refuses PRIORITY.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) const STREAM: Interest = BOTH.add(Interest::PRIORITY);
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
pub(crate) const STREAM: Interest = BOTH;

/// Both directions.
pub(crate) const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// One registered source.
pub(crate) struct Source {
    pub(super) token: Token,
    pub(crate) read: Readiness,
    write: Readiness,
    pub(super) pause: Pause,
}

/// Returns the error of a source whose executor is gone.
pub(super) fn gone() -> io::Error {
    io::Error::other("the brigade executor that this source belongs to was dropped")
}

fn unless_gone(seen: ReadySnapshot) -> io::Result<()> {
    if seen.is_gone() { Err(gone()) } else { Ok(()) }
}

impl Direction {
    /// Returns the directions of `interest`. Urgent data belongs to reading.
    fn of(interest: Interest) -> impl Iterator<Item = Direction> {
        let write = interest.is_writable().then_some(Direction::Write);
        let read = (interest != Interest::WRITABLE).then_some(Direction::Read);
        read.into_iter().chain(write)
    }
}

impl Source {
    /// Makes a source, which is not readable before the first event. If `writable`, a write may be tried
    /// immediately; for a stream that is still connecting, `writable` is false. For `drains`, see
    /// [`SHORT_READ_DRAINS`].
    pub(super) fn new(
        token: Token,
        writable: bool,
        drains: bool,
        timers: Option<Weak<Timers>>,
    ) -> Self {
        Source {
            token,
            read: Readiness::new(false, drains),
            write: Readiness::new(writable, false),
            pause: Pause::new(timers),
        }
    }

    fn readiness(&self, direction: Direction) -> &Readiness {
        match direction {
            Direction::Read | Direction::Peek => &self.read,
            Direction::Write => &self.write,
        }
    }

    /// Records an event of the OS. An error or a hang-up makes both directions ready. Such an event may
    /// contain neither `readable` nor `writable`, for example at a pipe's end (tokio-core #117).
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

    /// Tries `operation` once if the direction is ready.
    ///
    /// # Errors
    /// Returns `WouldBlock` if the direction is not ready. Otherwise returns the error of `operation`. An
    /// interrupted call is repeated.
    #[inline]
    pub(crate) fn try_io<R>(
        self: &Arc<Self>,
        direction: Direction,
        mut operation: impl FnMut(ReadySnapshot) -> io::Result<R>,
    ) -> io::Result<R> {
        match self.readiness(direction).ready() {
            Some(seen) => self.attempt(direction, seen, &mut operation),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Calls `operation` once if a direction of `interest` is ready. If `operation` returns `WouldBlock`,
    /// clears the readiness of all directions that were ready.
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
        let result = operation();
        self.settle(interest.is_writable(), &seen, result)
    }

    /// Tries once, after `seen` was read. Repeats the call if a signal interrupts it.
    #[inline]
    fn attempt<R>(
        self: &Arc<Self>,
        direction: Direction,
        seen: ReadySnapshot,
        operation: &mut impl FnMut(ReadySnapshot) -> io::Result<R>,
    ) -> io::Result<R> {
        let result = uninterrupted(|| operation(seen));
        self.settle(
            direction == Direction::Write,
            &[Some((direction, seen))],
            result,
        )
    }

    /// Updates the readiness after a try with this `result`. The directions in `seen` were ready before the
    /// try. If `may_write`, a failed try may itself cause the next event: see [`Pause`].
    #[inline]
    fn settle<R>(
        self: &Arc<Self>,
        may_write: bool,
        seen: &[Option<(Direction, ReadySnapshot)>],
        result: io::Result<R>,
    ) -> io::Result<R> {
        match &result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                for &(direction, seen) in seen.iter().flatten() {
                    unless_gone(seen)?;
                    if !may_write && direction != Direction::Peek {
                        self.readiness(direction).clear(seen);
                    }
                }
                if may_write {
                    self.note_failed_write(seen);
                }
            }
            _ if may_write => self.pause.succeeded(),
            _ => {}
        }
        result
    }

    /// Updates the directions in `seen` after a call that may write got `WouldBlock`. Counts the first failure
    /// after an event. If a pause then begins or is under way, holds the directions.
    #[cold]
    fn note_failed_write(self: &Arc<Self>, seen: &[Option<(Direction, ReadySnapshot)>]) {
        let counts = self.is_first_failure(seen);
        // The pause cannot end while its lock is held.
        let pause = counts.then(|| self.pause.failed(self)).flatten();
        for &(direction, seen) in seen.iter().flatten() {
            let clear = direction != Direction::Peek;
            let readiness = self.readiness(direction);
            match pause {
                Some(_) => readiness.hold(seen, clear),
                None => readiness.note_failure(seen, clear),
            }
        }
    }

    /// Returns whether, in some direction in `seen`, an event came after the last failure of a call that may
    /// write. So all failures after one event count as one failure.
    fn is_first_failure(&self, seen: &[Option<(Direction, ReadySnapshot)>]) -> bool {
        let mut seen = seen.iter().flatten();
        seen.any(|(direction, _)| self.readiness(*direction).is_fresh())
    }

    /// Tries `operation` until it returns something other than `WouldBlock`. If the direction is not ready,
    /// stores the task's waker until the next event: see [`Readiness::poll_ready`] for the `key`.
    /// The argument of `operation` is the readiness word as it was before the call.
    #[inline]
    pub(crate) fn poll_io<R>(
        self: &Arc<Self>,
        direction: Direction,
        cx: &mut Context<'_>,
        mut key: Option<&mut Option<WaiterKey>>,
        mut operation: impl FnMut(ReadySnapshot) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let mut failed = None;
        loop {
            let seen = ready!(self.poll_ready(direction, cx, failed, key.as_deref_mut()));
            match self.attempt(direction, seen, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => failed = Some(seen),
                result => return Poll::Ready(result),
            }
        }
    }

    /// Calls `send` once, even if the source is not known to be writable. `send` calls `sendto` on a Unix
    /// datagram socket. The datagram may go to any receiver, but the OS reports space only for the socket's
    /// own peer, if it has one. So if `send` would block, a pause begins, and at its end the source becomes
    /// writable even if no event came.
    pub(crate) fn try_send_to<R>(
        self: &Arc<Self>,
        mut send: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        let result = self.attempt(Direction::Write, self.write.now(), &mut |_| send());
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.write.raise_at_release();
            drop(self.pause.begin(self));
        }
        result
    }

    /// Calls [`try_send_to`](Self::try_send_to) in each poll: see [`poll_io`](Self::poll_io).
    pub(crate) fn poll_send_to<R>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        mut key: Option<&mut Option<WaiterKey>>,
        mut send: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(coop::poll_spend(cx));
            let before = self.write.now();
            match self.try_send_to(&mut send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            let key = key.as_deref_mut();
            ready!(self.write.poll_event(cx, Some(before), key));
        }
    }

    /// Returns a future that calls [`poll_send_to`](Self::poll_send_to).
    pub(crate) fn send_to<R>(
        self: &Arc<Self>,
        mut send: impl FnMut() -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        let mut wait = self.io(Direction::Write, ());
        poll_fn(move |cx| (wait.source).poll_send_to(cx, Some(&mut wait.key), &mut send))
    }

    /// Waits until a try may succeed, and spends one operation of the task's budget. `failed` is the word
    /// before the last try, if this poll has made a try.
    #[inline]
    fn poll_ready(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        failed: Option<ReadySnapshot>,
        mut key: Option<&mut Option<WaiterKey>>,
    ) -> Poll<ReadySnapshot> {
        let readiness = self.readiness(direction);
        let seen = ready!(match direction {
            Direction::Peek => readiness.poll_event(cx, failed, key.as_deref_mut()),
            _ => readiness.poll_ready(cx, key.as_deref_mut()),
        });
        ready!(coop::poll_spend(cx));
        // If the future stored a waker, an event has removed the waker, so the key is no longer needed.
        key.map(Option::take);
        Poll::Ready(seen)
    }

    /// Does the same as [`wait`](Self::wait), as a poll function.
    pub(crate) fn poll_wait(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = self.poll_ready(direction, cx, None, None);
        polled.map(unless_gone)
    }

    /// Returns a future that tries and waits as [`poll_io`](Self::poll_io) does. When dropped, the future
    /// removes its waker.
    pub(crate) fn io<F>(self: &Arc<Self>, direction: Direction, operation: F) -> IoFuture<'_, F> {
        IoFuture {
            source: self,
            direction,
            key: None,
            operation,
        }
    }

    /// Waits until a try in a direction of `interest` may succeed.
    ///
    /// # Errors
    /// Returns an error if the executor was dropped.
    pub(crate) fn wait(
        self: &Arc<Self>,
        interest: Interest,
    ) -> impl Future<Output = io::Result<()>> {
        let mut waits = self.waits(interest);
        poll_fn(move |cx| {
            for wait in waits.iter_mut().flatten() {
                if let Poll::Ready(seen) = wait.poll_ready(cx, None) {
                    return Poll::Ready(unless_gone(seen));
                }
            }
            Poll::Pending
        })
    }

    /// Does the same as [`io`](Self::io) for all directions of `interest`. In the direction of reading, the
    /// call is a [`Peek`](Direction::Peek). But if `interest` is only PRIORITY, even the first try needs an
    /// event, because a call for urgent data fails with `EINVAL` before urgent data has come.
    pub(crate) fn io_any<R>(
        self: &Arc<Self>,
        interest: Interest,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        let mut waits = self.waits(interest);
        for wait in waits.iter_mut().flatten() {
            if interest.is_readable() && wait.direction == Direction::Read {
                wait.direction = Direction::Peek;
            }
        }
        poll_fn(move |cx| {
            let mut seen = [None; 2];
            loop {
                for (seen, wait) in seen.iter_mut().zip(waits.iter_mut().flatten()) {
                    let failed = seen.take().map(|(_, failed)| failed);
                    if let Poll::Ready(now) = wait.poll_ready(cx, failed) {
                        if wait.direction == Direction::Read {
                            wait.direction = Direction::Peek;
                        }
                        *seen = Some((wait.direction, now));
                    }
                }
                if seen == [None; 2] {
                    return Poll::Pending;
                }
                let result = uninterrupted(&mut operation);
                match self.settle(interest.is_writable(), &seen, result) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            }
        })
    }

    /// Returns a future for each direction of `interest`.
    fn waits(self: &Arc<Self>, interest: Interest) -> [Option<IoFuture<'_, ()>>; 2] {
        let mut waits = [None, None];
        for (wait, direction) in waits.iter_mut().zip(Direction::of(interest)) {
            *wait = Some(self.io(direction, ()));
        }
        waits
    }
}

/// Repeats `call` while a signal interrupts it.
#[inline]
fn uninterrupted<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The future of [`Source::io`]. Without an operation, it only waits. Every task that waits for a socket
/// holds such a future, so its size matters: an `async` block would be twice as large.
pub(crate) struct IoFuture<'a, F> {
    source: &'a Arc<Source>,
    direction: Direction,
    key: Option<WaiterKey>,
    operation: F,
}

/// `IoFuture` calls its operation, but never pins it.
impl<F> Unpin for IoFuture<'_, F> {}

impl<F, R> Future for IoFuture<'_, F>
where
    F: FnMut(ReadySnapshot) -> io::Result<R>,
{
    type Output = io::Result<R>;

    /// After the future has returned `Ready`, it may be polled again. It then makes another try.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let me = &mut *self;
        let (key, operation) = (Some(&mut me.key), &mut me.operation);
        me.source.poll_io(me.direction, cx, key, operation)
    }
}

impl IoFuture<'_, ()> {
    /// See [`Source::poll_ready`].
    fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        failed: Option<ReadySnapshot>,
    ) -> Poll<ReadySnapshot> {
        let key = Some(&mut self.key);
        self.source.poll_ready(self.direction, cx, failed, key)
    }
}

impl<F> Drop for IoFuture<'_, F> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.source.readiness(self.direction).forget(key);
        }
    }
}

/// When the timer of a pause fires, it wakes the source, which ends the pause.
impl Wake for Source {
    fn wake(self: Arc<Self>) {
        self.pause.end();
        let mut woken = Vec::new();
        self.write.release(&mut woken);
        self.read.release(&mut woken);
        woken.into_iter().for_each(wake_quietly);
    }
}

#[cfg(test)]
mod tests;
