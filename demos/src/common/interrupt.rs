//! Handles Ctrl-C. The first Ctrl-C asks the demo to stop and to report what it has done so far. The second
//! Ctrl-C ends the process immediately.

use std::{
    future::pending,
    io,
    os::unix::net::UnixStream,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use anyhow::Context as _;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    low_level::pipe,
};

/// The exit status of a run that Ctrl-C cut short: 128 + SIGINT, as in shells.
pub(crate) const STATUS: u8 = 130;

/// The error of a run that Ctrl-C prevented or cut short.
#[derive(Debug, thiserror::Error)]
#[error("ended by Ctrl-C")]
pub(crate) struct Interrupted;

/// The user's request to end the run.
///
/// A signal handler is allowed to do very little. So this handler only sets a flag and writes a byte into
/// one end of a socket pair. An executor can wait for the other end as for any socket. The byte is never
/// read, so the other end stays readable.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    bell: Arc<UnixStream>,
}

impl Interrupt {
    /// Returns the `Interrupt` of this process. The first call installs handlers for SIGINT and SIGTERM,
    /// which stay until the process ends.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        static LISTENING: OnceLock<Interrupt> = OnceLock::new();
        if let Some(listening) = LISTENING.get() {
            return Ok(listening.clone());
        }
        let listening = Self::register().context("cannot listen for Ctrl-C")?;
        Ok(LISTENING.get_or_init(|| listening).clone())
    }

    fn register() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let (bell, button) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            // Handlers run in the order of registration. The handler that exits checks the flag before
            // the next handler sets it, so only the second signal ends the process.
            flag::register_conditional_shutdown(signal, i32::from(STATUS), asked.clone())?;
            flag::register(signal, asked.clone())?;
            pipe::register(signal, button.try_clone()?)?;
        }
        Ok(Self {
            asked,
            bell: Arc::new(bell),
        })
    }

    /// Waits for Ctrl-C inside an executor. Waits forever if the socket cannot be used.
    pub(crate) async fn rung(&self) {
        let bell = self.bell.try_clone();
        if let Ok(bell) = bell.and_then(brigade::net::UnixStream::try_from)
            && bell.readable().await.is_ok()
        {
            return;
        }
        pending().await
    }

    /// Ignores Ctrl-C in a child process. A terminal sends the signal to every process in the foreground,
    /// but the child must run until the parent ends it.
    pub(crate) fn ignore() -> anyhow::Result<()> {
        flag::register(SIGINT, Arc::default()).context("cannot ignore Ctrl-C")?;
        Ok(())
    }

    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Relaxed)
    }
}
