//! One registered source: a [`Readiness`] for reading, one for writing, and the loop of try and wait.
//!
//! The two directions are separate in everything. A write that would block tells nothing about reading (tokio
//! #2886), and each has a tick of its own, so that events for writing do not hinder the clearing of reading
//! (tokio #8054). Only `WouldBlock` means that a direction is no longer ready. The one exception is a short
//! read of a TCP stream: see [`short_read_drains`].

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use mio::event::Event;
use mio::{Interest, Token};

use super::readiness::{Readiness, ReadySnapshot, WaiterKey};
use crate::coop;
use crate::sync::{Arc, AtomicU32, Mutex, MutexGuard, Ordering, Weak, lock};
use crate::task::waker::wake_quietly;
use crate::timer::{Armed, Timers};

/// The direction that an operation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// Returns whether a short read of a source registered with `interest` means that there is no more until the
/// next event. A server that answers request after request on one connection then makes three system calls
/// for each request (wait, read, write) and not four.
///
/// This holds for TCP on Linux, where `recv` takes everything up to the end, an error or an urgent byte, and
/// each of these raises an event of its own. [`Readiness::set_last`] then ends the exception for the
/// connection. Only sources registered for PRIORITY get events for urgent bytes, so only they qualify. It
/// does not hold for Unix streams, where `recv` stops at each message that carries descriptors, nor for a
/// `std::net::TcpStream` that a user made from some other descriptor. mio's emulation by poll(2) arms an
/// event only after `WouldBlock`, and Miri makes reads short at random. (A program that turns on kernel TLS
/// reads with `async_io`.)
fn short_read_drains(interest: Interest) -> bool {
    cfg!(all(
        any(target_os = "linux", target_os = "android"),
        not(mio_unsupported_force_poll_poll),
        not(miri)
    )) && interest == TCP_STREAM
}

/// The interest of a TCP stream: see [`short_read_drains`]. Miri's epoll refuses PRIORITY.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) const TCP_STREAM: Interest = BOTH.add(Interest::PRIORITY);
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
pub(crate) const TCP_STREAM: Interest = BOTH;

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
    /// Returns the directions that `interest` names. Urgent data counts as reading.
    fn of(interest: Interest) -> impl Iterator<Item = Direction> {
        let write = interest.is_writable().then_some(Direction::Write);
        let read = (interest != Interest::WRITABLE).then_some(Direction::Read);
        read.into_iter().chain(write)
    }
}

impl Source {
    /// Makes a source, which is not known to be readable before the first event. The caller knows whether a
    /// write may be tried immediately: a stream that is still connecting is not writable.
    pub(super) fn new(
        token: Token,
        interest: Interest,
        writable: bool,
        timers: Option<Weak<Timers>>,
    ) -> Self {
        Source {
            token,
            read: Readiness::new(false, short_read_drains(interest)),
            write: Readiness::new(writable, false),
            pause: Pause {
                timers,
                failures: AtomicU32::new(0),
                under_way: Mutex::new(None),
            },
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

    /// Tries once if the direction is ready.
    ///
    /// # Errors
    /// Returns `WouldBlock` if the direction is not ready or the OS returns it, and the other errors of
    /// `operation`. An interrupted call is repeated.
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

    /// Calls an operation that can be called only once, if a direction of `interest` is ready. `WouldBlock`
    /// clears all directions that were ready.
    pub(crate) fn try_any<R>(
        self: &Arc<Self>,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.try_after(None, interest, operation)
    }

    /// Does the same as [`try_any`](Self::try_any) after a [`wait`](Self::wait) that returned `woken`. That
    /// direction counts as ready, even if another call has failed since then.
    pub(crate) fn try_after<R>(
        self: &Arc<Self>,
        woken: Option<(Direction, ReadySnapshot)>,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let mut seen = [None; 2];
        for (seen, direction) in seen.iter_mut().zip(Direction::of(interest)) {
            *seen = self.readiness(direction).ready().map(|it| (direction, it));
            *seen = seen.or(woken.filter(|(woken, _)| *woken == direction));
        }
        if seen == [None; 2] {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = operation();
        self.settle(interest.is_writable(), &seen, result)
    }

    /// Tries once, and repeats a call that a signal interrupted.
    #[inline]
    fn attempt<R>(
        self: &Arc<Self>,
        direction: Direction,
        seen: ReadySnapshot,
        operation: &mut impl FnMut(ReadySnapshot) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match operation(seen) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    let may_write = direction == Direction::Write;
                    return self.settle(may_write, &[Some((direction, seen))], result);
                }
            }
        }
    }

    /// Updates the directions that were `seen` to be ready before a try, by its `result`. If the try
    /// `may_write`, its failure may cause the next event.
    #[inline]
    fn settle<R>(
        self: &Arc<Self>,
        may_write: bool,
        seen: &[Option<(Direction, ReadySnapshot)>],
        result: io::Result<R>,
    ) -> io::Result<R> {
        match &result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                for &(_, seen) in seen.iter().flatten() {
                    unless_gone(seen)?;
                }
                if !(may_write && self.is_first_failure(seen) && self.hold_for_pause(seen)) {
                    for &(direction, seen) in seen.iter().flatten() {
                        self.readiness(direction).clear(seen);
                    }
                }
            }
            _ if may_write => {
                let failures = &self.pause.failures;
                if failures.load(Ordering::Relaxed) != 0 {
                    failures.store(0, Ordering::Relaxed);
                }
            }
            _ => {}
        }
        result
    }

    /// Returns whether a direction is still ready. Otherwise another call has failed since the event, and the
    /// failures of one event count once.
    fn is_first_failure(&self, seen: &[Option<(Direction, ReadySnapshot)>]) -> bool {
        let mut seen = seen.iter().flatten();
        seen.any(|(direction, _)| self.readiness(*direction).ready().is_some())
    }

    /// Notes that a write failed. Holds the directions and returns true if that begins a pause, or if one is
    /// under way.
    #[cold]
    fn hold_for_pause(self: &Arc<Self>, seen: &[Option<(Direction, ReadySnapshot)>]) -> bool {
        // The pause cannot end while its lock is held.
        let Some(_under_way) = self.pause.failed(self) else {
            return false;
        };
        for &(direction, seen) in seen.iter().flatten() {
            self.readiness(direction).hold(seen);
        }
        true
    }

    /// Tries until the OS returns something other than `WouldBlock`, or stores the task's waker until the
    /// next event: see [`Readiness::poll_ready`] for the `key`. Passes the readiness from before the try to
    /// `operation`.
    #[inline]
    pub(crate) fn poll_io<R>(
        self: &Arc<Self>,
        direction: Direction,
        cx: &mut Context<'_>,
        mut key: Option<&mut Option<WaiterKey>>,
        mut operation: impl FnMut(ReadySnapshot) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            // An event that woke this future gives it a try, even if another call has failed since then. That
            // call may have needed something else, such as space at another receiver.
            let woken = key
                .as_deref()
                .and_then(|key| self.readiness(direction).woken_since((*key)?));
            let seen = match woken {
                Some(seen) => {
                    ready!(coop::poll_spend(cx));
                    key.as_deref_mut().map(Option::take);
                    seen
                }
                None => ready!(self.poll_ready(direction, cx, key.as_deref_mut())),
            };
            match self.attempt(direction, seen, &mut operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Waits until a try may succeed, and spends one operation of the task's budget.
    #[inline]
    fn poll_ready(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        key: Option<&mut Option<WaiterKey>>,
    ) -> Poll<ReadySnapshot> {
        let seen = ready!(self.readiness(direction).poll_ready(cx, key));
        ready!(coop::poll_spend(cx));
        Poll::Ready(seen)
    }

    /// [`wait`](Self::wait) as a poll function.
    pub(crate) fn poll_wait(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_ready(direction, cx, None).map(unless_gone)
    }

    /// Returns a future that tries and waits as [`poll_io`](Self::poll_io) does, and removes its waker when
    /// it is dropped.
    pub(crate) fn io<F>(self: &Arc<Self>, direction: Direction, operation: F) -> IoFuture<'_, F> {
        IoFuture {
            source: self,
            direction,
            key: None,
            operation,
        }
    }

    /// Waits until a try in one of the directions of `interest` may succeed.
    ///
    /// # Errors
    /// Returns an error if the executor was dropped.
    pub(crate) fn wait(
        self: &Arc<Self>,
        interest: Interest,
    ) -> impl Future<Output = io::Result<()>> {
        self.wait_for(interest, |_, _| ())
    }

    /// Does the same as [`wait`](Self::wait), and returns what `output` makes of the direction that is ready.
    pub(crate) fn wait_for<R>(
        self: &Arc<Self>,
        interest: Interest,
        output: fn(Direction, ReadySnapshot) -> R,
    ) -> impl Future<Output = io::Result<R>> {
        let mut waits = [None, None];
        for (wait, direction) in waits.iter_mut().zip(Direction::of(interest)) {
            *wait = Some(self.io(direction, ()));
        }
        poll_fn(move |cx| {
            for wait in waits.iter_mut().flatten() {
                let readiness = wait.source.readiness(wait.direction);
                // One event wakes all tasks that wait here, and the first to be polled may clear the
                // direction. The other tasks must return too, because their callers may wait for more than
                // bytes.
                let polled = match wait.key.and_then(|key| readiness.woken_since(key)) {
                    Some(seen) => Poll::Ready(seen),
                    None => (wait.source).poll_ready(wait.direction, cx, Some(&mut wait.key)),
                };
                if let Poll::Ready(seen) = polled {
                    return Poll::Ready(unless_gone(seen).map(|()| output(wait.direction, seen)));
                }
            }
            Poll::Pending
        })
    }
}

/// The future of [`Source::io`]. Without an operation, it only waits. Every task that waits for a socket
/// holds this future, and an `async` block would be twice as large.
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

    /// The future may be polled again after it was ready. It then tries again.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let me = &mut *self;
        let (key, operation) = (Some(&mut me.key), &mut me.operation);
        let result = ready!(me.source.poll_io(me.direction, cx, key, operation));
        // If a waker was stored, an event has removed it.
        me.key = None;
        Poll::Ready(result)
    }
}

impl<F> Drop for IoFuture<'_, F> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.source.readiness(self.direction).forget(key);
        }
    }
}

// ---- pauses --------------------------------------------------------------------------------------

/// The number of writes that may fail in a row without a pause. Arbitrary: several tasks that write to the
/// same socket are unlikely to cause more failures.
const FREE: u32 = 8;

/// The length of the first pause, and the number of times it doubles, up to 64 ms. Arbitrary: 16 tries per
/// second cost almost nothing, and a receiver that was not reading hardly notices the delay.
const SHORTEST: Duration = Duration::from_millis(1);
const DOUBLINGS: u32 = 6;

/// Pauses between writes whose failure causes the event that they wait for.
///
/// If the receiver of a Unix socket has no space, `sendto` takes memory for the datagram and gives it back.
/// This makes the sender's socket writable, which is an event. A task that trusts such events tries forever
/// and keeps a processor busy. So if writes fail in a row, each after its own event, there is a pause between
/// them, and the events are put off until its end. If the failed call waited for both directions, a pause puts
/// off both, because each event reports all directions that are ready.
pub(super) struct Pause {
    /// The timers of the source's executor, which also delivers its events.
    timers: Option<Weak<Timers>>,
    /// The number of writes that failed in a row.
    failures: AtomicU32,
    /// The timer of the current pause.
    under_way: Mutex<Option<Box<Armed>>>,
}

impl Pause {
    /// Notes that a write to `source` failed. If a pause is under way then, returns its lock. While the
    /// caller keeps the lock, the pause does not end.
    #[cold]
    fn failed(&self, source: &Arc<Source>) -> Option<MutexGuard<'_, Option<Box<Armed>>>> {
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        if before < FREE {
            return None;
        }
        // If the executor is gone, no more events come, so no pause is needed.
        let timers = self.timers.as_ref()?.upgrade()?;
        let mut under_way = lock(&self.under_way);
        if under_way.is_none() {
            let length = SHORTEST * (1 << (before - FREE).min(DOUBLINGS));
            let waker = Waker::from(source.clone());
            *under_way = Some(Box::new(timers.arm(Some(timers.now() + length), &waker)?));
        }
        Some(under_way)
    }

    /// Disarms the timer of the pause, because its waker keeps the source alive.
    pub(super) fn end(&self) {
        let armed = lock(&self.under_way).take();
        drop(armed);
    }
}

/// The timer of a pause wakes the source itself.
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
