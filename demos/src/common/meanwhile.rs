//! A line on the terminal that names the current step and disappears when the step ends.
//!
//! The line does not move, because moving it would need a thread, and the demos count threads and
//! processor time.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use unicode_width::UnicodeWidthStr as _;

use crate::{options::Shared, paint};

/// True if the line is shown. There is one flag for the process, because there is one terminal.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Shows lines from now on, unless `--quiet` is set or stderr is not a terminal.
pub(crate) fn begin(shared: &Shared) {
    let seen = stderr().is_terminal() && !paint::is_dumb();
    WANTED.store(!shared.quiet && seen, Relaxed);
}

/// Shows `text` until the returned value is dropped.
pub(crate) fn show(text: &str) -> Shown {
    let shown = WANTED.load(Relaxed);
    // A line that wrapped could not be overwritten.
    let columns = terminal_size::terminal_size_of(stderr()).map_or(80, |(it, _)| usize::from(it.0));
    let text: String = text.chars().take(columns.saturating_sub(1)).collect();
    if shown {
        let _ = write!(stderr(), "\r{text}");
    }
    Shown(shown.then(|| text.width()))
}

/// A line that disappears when this value is dropped. Holds the width of the line, or `None` if no line
/// is shown.
#[must_use = "the line vanishes with it"]
pub(crate) struct Shown(Option<usize>);

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(width) = self.0 {
            // Overwrite the line with spaces, which works on every terminal. An escape sequence does not.
            let _ = write!(stderr(), "\r{:width$}\r", "");
        }
    }
}
