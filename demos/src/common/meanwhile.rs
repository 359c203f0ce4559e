//! A line on the terminal that names the current step and disappears when the step ends.
//!
//! The line has no spinner. A spinner would need a thread, and the demos count threads and processor time.

use std::{
    io::{IsTerminal as _, stderr},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use indicatif::ProgressBar;

use super::{options::Shared, paint, progress};

/// True if the line is shown. There is one flag for the process, because there is one terminal.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Lets [`show`] show lines from now on, if `--quiet` is not set and stderr is a terminal that can redraw a
/// line.
pub(crate) fn begin(shared: &Shared) {
    let seen = stderr().is_terminal() && !paint::is_dumb();
    WANTED.store(!shared.quiet && seen, Relaxed);
}

/// Shows `text`, cut at the edge of the terminal, until the returned value is dropped.
#[must_use = "the line vanishes with it"]
pub(crate) fn show(text: &str) -> ProgressBar {
    let line = progress::bar(WANTED.load(Relaxed), "{wide_msg}", None);
    line.set_message(text.to_owned());
    line
}
