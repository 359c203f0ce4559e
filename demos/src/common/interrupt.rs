//! Ctrl-C: the first asks the demo to stop and say what it has done so far, the
//! second ends the process there and then.

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

/// The exit status of a run that Ctrl-C cut short: 128 + SIGINT, as shells have it.
pub(crate) const STATUS: u8 = 130;

/// The error of a run that was not begun, or not ended, because of Ctrl-C.
#[derive(Debug, thiserror::Error)]
#[error("ended by Ctrl-C")]
pub(crate) struct Interrupted;

/// The user's wish that the run end.
///
/// A signal handler may do next to nothing: it raises a flag, and it rings a bell by
/// writing a byte into a socket whose other end an executor can wait for like for any
/// other. The byte is never read, so the bell rings on.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    bell: Arc<UnixStream>,
}

impl Interrupt {
    /// Takes over SIGINT and SIGTERM for the rest of the process, the first
    /// time it is called.
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
            // The order matters: handlers run in the order they were registered, so
            // the first signal finds the flag still down and only the second exits.
            flag::register_conditional_shutdown(signal, i32::from(STATUS), asked.clone())?;
            flag::register(signal, asked.clone())?;
            pipe::register(signal, button.try_clone()?)?;
        }
        Ok(Self {
            asked,
            bell: Arc::new(bell),
        })
    }

    /// Waits for Ctrl-C, inside of an executor; for ever if that cannot be waited for.
    pub(crate) async fn rung(&self) {
        let bell = self.bell.try_clone();
        if let Ok(bell) = bell.and_then(brigade::net::UnixStream::try_from)
            && bell.readable().await.is_ok()
        {
            return;
        }
        pending().await
    }

    /// Lets Ctrl-C pass by, for a child process that must outlive it: a terminal
    /// sends the signal to every process in the foreground, and the parent still
    /// has replies to count.
    pub(crate) fn ignore() -> anyhow::Result<()> {
        flag::register(SIGINT, Arc::default()).context("cannot ignore Ctrl-C")?;
        Ok(())
    }

    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Relaxed)
    }
}
