//! The reactor receives events from the OS, records which sources are ready, and wakes the waiting tasks.
//!
//! A source registers with mio (epoll on Linux, kqueue on the BSDs and macOS) once in its life. One thread
//! at a time waits for events in the [`EventLoop`], looks up each event's source and collects the wakers of
//! the waiting tasks. Then the tasks themselves call read and write, so this is a reactor, not a proactor. An
//! event may come for a deregistered source, so the token of every event is checked.
//!
//! # From token to source
//!
//! A token consists of an index into a slab and a *generation*, the serial number of the registration. After
//! a source is deregistered, its last events may still arrive. The next source may get the same index, but
//! not the same generation. If the token were a pointer, a late event would cause a use after free
//! (RUSTSEC-2024-0019).
//!
//! ```text
//!   usize::BITS            HALF                0
//!   ┌──────────────────────┬───────────────────┐
//!   │ generation           │ index in the slab │
//!   └──────────────────────┴───────────────────┘
//! ```

pub(crate) mod delay;
mod pause;
pub(crate) mod readiness;
pub(crate) mod source;
#[cfg_attr(
    not(all(feature = "precise-timers", target_os = "linux")),
    path = "no_timerfd.rs"
)]
pub(crate) mod timerfd;

use std::io;
use std::sync::OnceLock;
use std::task::Waker;
use std::time::Duration;

use mio::{Events, Interest, Token};
#[cfg(not(all(test, loom)))]
use mio::{Poll, Registry, Waker as OsNotifier};
use slab::Slab;

// This `Source` is the reactor's entry for a registered source, not mio's trait `event::Source`.
pub(crate) use self::source::{Direction, Source};

#[cfg(all(test, loom))]
use crate::loom_tests::os::{OsNotifier, Poll, Registry};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, Weak, lock};
use crate::timer::Timers;

/// The width of the index in a token, in bits.
const HALF: u32 = usize::BITS / 2;
const INDEX: usize = (1 << HALF) - 1;
/// The notifier's token: an index that no slab reaches.
const NOTIFIER: Token = Token(usize::MAX);

/// The maximum number of events taken from the OS per turn. Further events follow in the next turn.
/// Arbitrary: mio's examples use 1024.
const EVENTS: usize = 1024;

/// The part of the reactor that all threads use. It registers and deregisters sources.
pub(crate) struct Reactor {
    registry: Registry,
    /// Ends the wait of the thread in the event loop.
    notifier: OsNotifier,
    sources: Mutex<Sources>,
    sealed: AtomicBool,
    /// The number of sources, readable without the lock. If it is 0, the OS need not be polled.
    count: AtomicUsize,
    /// The timers of [`delay`]s and pauses: see [`serve`](Reactor::serve).
    os_timers: OnceLock<Weak<Timers>>,
}

struct Sources {
    entries: Slab<Arc<Source>>,
    /// The generation of the last source that was registered.
    generation: usize,
    closed: bool,
}

/// The part of the reactor that one thread at a time uses. It asks the OS for events.
pub(crate) struct EventLoop {
    poll: Poll,
    events: Events,
}

/// Makes a reactor and its event loop.
pub(crate) fn new() -> io::Result<(Arc<Reactor>, EventLoop)> {
    let poll = Poll::new()?;
    let reactor = Reactor {
        registry: poll.registry().try_clone()?,
        notifier: OsNotifier::new(poll.registry(), NOTIFIER)?,
        sources: Mutex::new(Sources {
            entries: Slab::new(),
            // Start near the maximum so that wraparound is exercised in every run.
            generation: INDEX - 2,
            closed: false,
        }),
        sealed: AtomicBool::new(false),
        count: AtomicUsize::new(0),
        os_timers: OnceLock::new(),
    };
    let events = Events::with_capacity(EVENTS);
    Ok((Arc::new(reactor), EventLoop { poll, events }))
}

impl Reactor {
    /// Ends the wait of the thread in the event loop. If no thread waits there, the next wait ends immediately.
    pub(crate) fn notify(&self) {
        // This writes to an eventfd or a pipe, and fails only if the descriptor is broken. The waiting
        // thread then cannot be woken.
        self.notifier
            .wake()
            .expect("brigade: an event loop could not be notified");
    }

    /// Sets the timers of delays and pauses. The reference is weak, because the timers hold a strong
    /// reference to the reactor.
    pub(crate) fn serve(&self, timers: &Arc<Timers>) {
        // This is called once, when the executor is built.
        let _ = self.os_timers.set(Arc::downgrade(timers));
    }

    /// Returns the timers of delays and pauses, or `None` once the executor is gone.
    pub(crate) fn os_timers(&self) -> Option<Arc<Timers>> {
        self.os_timers.get()?.upgrade()
    }

    /// Makes [`check_seal`](Self::check_seal) fail, for runs that must not depend on the OS.
    pub(crate) fn seal(&self) {
        self.sealed.store(true, Ordering::Relaxed);
    }

    /// Returns an error if no source may be registered in this run.
    pub(crate) fn check_seal(&self) -> io::Result<()> {
        if !self.sealed.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "brigade::explore has no sockets, signals or other sources of events, because a seed cannot \
             decide when they are ready: use channels, or pipes in memory",
        ))
    }

    /// Returns whether no source is registered.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Registers `io` once, for the directions of `interest`. If `writable`, a write may be tried before the
    /// OS reports the source as writable. For `drains`, see [`SHORT_READ_DRAINS`](source::SHORT_READ_DRAINS).
    ///
    /// # Errors
    /// Returns an error if the OS refuses the registration, or if the runtime is being dropped. After an
    /// error or a panic of `io`, no entry is left behind (tokio #6329).
    pub(crate) fn register(
        &self,
        io: &mut impl mio::event::Source,
        interest: Interest,
        writable: bool,
        drains: bool,
    ) -> io::Result<Arc<Source>> {
        let source = {
            let mut sources = lock(&self.sources);
            if sources.closed {
                return Err(source::gone());
            }
            sources.insert(writable, drains, self.os_timers.get().cloned())
        };
        // Hold no lock here, because `io` is the user's code and may panic. No lock is needed, because no
        // event for the token can come before the registration.
        let undo = RemoveOnDrop(self, source.token);
        self.registry.register(io, source.token, interest)?;
        std::mem::forget(undo);
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(source)
    }

    /// Ends the registration of `io`. Ignores errors. In most cases the descriptor is closed next, which also
    /// ends the registration.
    pub(crate) fn deregister(&self, io: &mut impl mio::event::Source, source: &Source) {
        // End any pause of the source, because the pause's timer would keep the source alive.
        source.pause.end();
        // Remove the source first, because `io` is the user's code and may panic. Drop the source outside the
        // lock.
        let removed = lock(&self.sources).remove(source.token);
        self.count.fetch_sub(1, Ordering::Relaxed);
        let _ = self.registry.deregister(io);
        drop(removed);
    }

    /// Closes the reactor. No more events come, so waiting tasks are woken and get an error.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        let mut sources = lock(&self.sources);
        sources.closed = true;
        for (_, source) in &sources.entries {
            source.set_gone(woken);
        }
    }
}

/// Removes a source whose registration has failed or panicked.
struct RemoveOnDrop<'a>(&'a Reactor, Token);

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        let removed = lock(&self.0.sources).remove(self.1);
        drop(removed);
    }
}

impl Sources {
    fn insert(
        &mut self,
        writable: bool,
        drains: bool,
        timers: Option<Weak<Timers>>,
    ) -> Arc<Source> {
        self.generation = self.generation.wrapping_add(1) & INDEX;
        let vacant = self.entries.vacant_entry();
        let token = Token(self.generation << HALF | vacant.key());
        let source = Arc::new(Source::new(token, writable, drains, timers));
        vacant.insert(source.clone());
        source
    }

    fn find(&self, token: Token) -> Option<&Source> {
        let source = self.entries.get(token.0 & INDEX)?;
        (source.token == token).then_some(&**source)
    }

    fn remove(&mut self, token: Token) -> Option<Arc<Source>> {
        self.find(token)?;
        let source = self.entries.try_remove(token.0 & INDEX);
        if self.entries.is_empty() {
            // Free the memory that a burst needed.
            self.entries = Slab::new();
        }
        source
    }
}

impl EventLoop {
    /// Waits for events of the OS or a notification, and collects the wakers to call. Waits at most
    /// `timeout`; `None` means no limit. If a signal interrupts the wait, returns without events. The caller
    /// then checks its queues and its clock, and waits again (compare commit b9ab821 of the crate `polling`).
    ///
    /// # Panics
    /// Panics if the OS refuses to report events, because no event could then wake a task.
    pub(crate) fn turn(
        &mut self,
        reactor: &Reactor,
        timeout: Option<Duration>,
        woken: &mut Vec<Waker>,
    ) {
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(error) => panic!("brigade: waiting for events failed: {error}"),
        }
        // If the wait timed out, take no lock.
        if self.events.is_empty() {
            return;
        }
        let sources = lock(&reactor.sources);
        for event in &self.events {
            if let Some(source) = sources.find(event.token()) {
                source.receive(event, woken);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mio #1760, tokio #6369 (RUSTSEC-2024-0019): an event may arrive after its source was removed. The
    /// event then finds no source, even if another source now has the same index.
    #[test]
    fn an_event_for_a_source_that_is_gone_finds_nobody() {
        let mut sources = Sources {
            entries: Slab::new(),
            generation: INDEX - 2,
            closed: false,
        };
        // `remove` replaces an empty slab. The neighbour prevents this, so the slab uses the freed index
        // again.
        let neighbour = sources.insert(false, false, None).token;
        let mut stale = Vec::new();
        for _ in 0..8 {
            let source = sources.insert(false, false, None);
            let token = source.token;
            assert!(std::ptr::eq(sources.find(token).unwrap(), &*source));
            assert!(sources.remove(token).is_some());
            stale.push(token);
        }
        let source = sources.insert(true, false, None);
        let token = source.token;
        for old in stale {
            assert_eq!(old.0 & INDEX, token.0 & INDEX);
            assert!(sources.find(old).is_none());
            assert!(sources.remove(old).is_none());
        }
        assert!(std::ptr::eq(sources.find(token).unwrap(), &*source));
        assert!(sources.find(neighbour).is_some());
        assert!(sources.find(NOTIFIER).is_none());
    }

    /// Tests with events of the OS, on pipes and sockets. Loom simulates no OS.
    #[cfg(all(unix, not(loom)))]
    mod with_the_os {
        use std::io::Write;

        use mio::net::UnixStream;
        use mio::unix::pipe;
        use mio::{Registry, event};

        use super::super::*;

        /// Runs one turn of the event loop, which waits for an event. Then returns which directions of
        /// `source` are ready.
        fn ready(event_loop: &mut EventLoop, reactor: &Reactor, source: &Arc<Source>) -> [bool; 2] {
            let before = [Direction::Read, Direction::Write].map(|way| is_ready(source, way));
            assert_eq!(before, [false, false]);
            event_loop.turn(reactor, None, &mut Vec::new());
            [Direction::Read, Direction::Write].map(|way| is_ready(source, way))
        }

        /// Returns whether the direction `way` was ready, and clears its readiness by a try that reports
        /// `WouldBlock`.
        fn is_ready(source: &Arc<Source>, way: Direction) -> bool {
            let mut tried = false;
            let _ = source.try_io(way, |_| -> io::Result<()> {
                tried = true;
                Err(io::ErrorKind::WouldBlock.into())
            });
            tried
        }

        #[test]
        fn an_event_speaks_of_one_direction() {
            let (reactor, mut event_loop) = new().unwrap();
            let (mut sender, mut receiver) = pipe::new().unwrap();
            let read = reactor.register(&mut receiver, Interest::READABLE, false, false);
            let read = read.unwrap();
            sender.write_all(b"x").unwrap();
            assert_eq!(ready(&mut event_loop, &reactor, &read), [true, false]);
            reactor.deregister(&mut receiver, &read);
            let write = reactor.register(&mut sender, Interest::WRITABLE, false, false);
            let write = write.unwrap();
            assert_eq!(ready(&mut event_loop, &reactor, &write), [false, true]);
            reactor.deregister(&mut sender, &write);
        }

        /// tokio-core #117: the end of a stream must make both directions ready, even if only one is
        /// registered, because the event for the end may be the last event. (kqueue reports only the
        /// registered directions.)
        #[test]
        #[cfg(target_os = "linux")]
        fn an_end_concerns_both_directions() {
            for interest in [Interest::READABLE, Interest::WRITABLE] {
                let (reactor, mut event_loop) = new().unwrap();
                let (mut here, there) = UnixStream::pair().unwrap();
                drop(there);
                let source = reactor.register(&mut here, interest, false, false).unwrap();
                assert_eq!(ready(&mut event_loop, &reactor, &source), [true, true]);
                reactor.deregister(&mut here, &source);
            }
        }

        /// While no source is registered, the OS need not be polled.
        #[test]
        fn a_reactor_is_empty_while_nothing_is_registered() {
            /// A source whose registration always fails.
            struct Refused;
            impl event::Source for Refused {
                fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
                    Err(io::ErrorKind::PermissionDenied.into())
                }
                fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
                    unreachable!("registered once for all its life")
                }
                fn deregister(&mut self, _: &Registry) -> io::Result<()> {
                    unreachable!("it was never registered")
                }
            }

            let (reactor, _event_loop) = new().unwrap();
            assert!(reactor.is_empty());
            let (mut here, _there) = UnixStream::pair().unwrap();
            let source = reactor
                .register(&mut here, Interest::READABLE, true, false)
                .unwrap();
            assert!(!reactor.is_empty());
            reactor.deregister(&mut here, &source);
            assert!(reactor.is_empty());
            assert!(
                reactor
                    .register(&mut Refused, Interest::READABLE, true, false)
                    .is_err()
            );
            assert!(reactor.is_empty() && lock(&reactor.sources).entries.is_empty());
        }

        /// If the code of a user's source panics, the list of sources stays consistent.
        #[test]
        fn a_source_that_panics_leaves_no_entry() {
            struct Panics(bool);
            impl event::Source for Panics {
                fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
                    assert!(!self.0, "in register");
                    Ok(())
                }
                fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
                    unreachable!("registered once for all its life")
                }
                fn deregister(&mut self, _: &Registry) -> io::Result<()> {
                    panic!("in deregister")
                }
            }

            use std::panic::{AssertUnwindSafe, catch_unwind};
            let (reactor, _event_loop) = new().unwrap();
            let empty = || reactor.is_empty() && lock(&reactor.sources).entries.is_empty();
            let register =
                |at_once| reactor.register(&mut Panics(at_once), Interest::READABLE, true, false);
            assert!(catch_unwind(AssertUnwindSafe(|| register(true).map(drop))).is_err());
            assert!(empty());
            let source = register(false).unwrap();
            let deregister = || reactor.deregister(&mut Panics(false), &source);
            assert!(catch_unwind(AssertUnwindSafe(deregister)).is_err());
            assert!(empty());
        }

        #[test]
        fn after_close_no_task_waits_and_nothing_is_registered() {
            let (reactor, _event_loop) = new().unwrap();
            let (mut here, mut there) = UnixStream::pair().unwrap();
            let source = reactor
                .register(&mut here, Interest::READABLE, false, false)
                .unwrap();
            reactor.close(&mut Vec::new());
            for way in [Direction::Read, Direction::Write] {
                assert!(is_ready(&source, way));
            }
            assert!(
                reactor
                    .register(&mut there, Interest::READABLE, false, false)
                    .is_err()
            );
            // The socket may outlive the executor.
            reactor.deregister(&mut here, &source);
        }
    }
}
