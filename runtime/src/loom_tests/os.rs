//! The OS, as the models see it: an event loop without events, and its notifier.
//!
//! All threads of a model run on one thread of the OS. So a thread that blocked in the real event loop
//! would block the whole model. The model of the notifier is exact: a notification ends exactly one wait,
//! even a wait with a timeout of zero.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use loom::sync::Notify;
use mio::{Events, Interest, Token};

use crate::sync::{AtomicBool, Ordering};

struct Rung {
    now: AtomicBool,
    sleeper: Notify,
}

pub(crate) struct Poll(Registry);

#[derive(Clone)]
pub(crate) struct Registry(Arc<Rung>);

pub(crate) struct OsNotifier(Arc<Rung>);

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Poll(Registry(Arc::new(Rung {
            now: AtomicBool::new(false),
            sleeper: Notify::new(),
        }))))
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0
    }

    /// A timeout other than zero never expires, so no model may rely on a timeout.
    pub(crate) fn poll(&mut self, _: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let Registry(rung) = &self.0;
        while !rung.now.swap(false, Ordering::AcqRel) && timeout != Some(Duration::ZERO) {
            rung.sleeper.wait();
        }
        Ok(())
    }
}

impl Registry {
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }

    pub(crate) fn register<S>(&self, _: &mut S, _: Token, _: Interest) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn deregister<S>(&self, _: &mut S) -> io::Result<()> {
        Ok(())
    }
}

impl OsNotifier {
    pub(crate) fn new(registry: &Registry, _: Token) -> io::Result<Self> {
        Ok(OsNotifier(registry.0.clone()))
    }

    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.now.store(true, Ordering::Release);
        self.0.sleeper.notify();
        Ok(())
    }
}
