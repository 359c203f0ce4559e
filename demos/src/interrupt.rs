//! Ctrl-C: the first asks the demo to stop and say what it has done so far, the
//! second ends the process there and then.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use anyhow::Context as _;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// The exit status of a run that Ctrl-C cut short: 128 + SIGINT, as shells have it.
pub(crate) const STATUS: u8 = 130;

/// The error of a run that was not begun, or not ended, because of Ctrl-C.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ended by Ctrl-C")
    }
}

impl std::error::Error for Interrupted {}

/// Whether somebody has asked the run to end.
///
/// A flag and no more: a signal handler may do next to nothing, and the demo
/// looks at the flag whenever it draws its progress, ten times a second.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes over Ctrl-C and a polite kill for the rest of the process, the first
    /// time it is called.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        static LISTENING: OnceLock<Interrupt> = OnceLock::new();
        if let Some(listening) = LISTENING.get() {
            return Ok(listening.clone());
        }
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: handlers run in the order they were registered, so
            // the first signal finds the flag still down and only the second exits.
            flag::register_conditional_shutdown(signal, i32::from(STATUS), asked.clone())
                .and_then(|_| flag::register(signal, asked.clone()))
                .context("cannot listen for Ctrl-C")?;
        }
        Ok(LISTENING.get_or_init(|| Self(asked)).clone())
    }

    /// Lets Ctrl-C pass by, for a child process that must outlive it: a terminal
    /// sends the signal to every process in the foreground, and the parent still
    /// has replies to count.
    pub(crate) fn ignore() -> anyhow::Result<()> {
        flag::register(SIGINT, Arc::default()).context("cannot ignore Ctrl-C")?;
        Ok(())
    }

    pub(crate) fn asked(&self) -> bool {
        self.0.load(Relaxed)
    }
}
