//! A line on the terminal that says what goes on, and vanishes when it is over.
//!
//! It does not move: to move it, a thread would have to be there, and the demos
//! count threads and processor time.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use unicode_width::UnicodeWidthStr as _;

use crate::{options::Shared, paint};

/// True if anybody wants to see it; one for the process, as there is one terminal.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Shows lines from now on, unless somebody wants it quiet or nobody looks.
pub(crate) fn begin(shared: &Shared) {
    let seen = stderr().is_terminal() && !paint::dumb_terminal();
    WANTED.store(!shared.quiet && seen, Relaxed);
}

/// Shows `text` for as long as what is returned lives.
pub(crate) fn show(text: &str) -> Shown {
    let shown = WANTED.load(Relaxed);
    // A line that wrapped could not be written over.
    let columns = terminal_size::terminal_size_of(stderr()).map_or(80, |(it, _)| usize::from(it.0));
    let text: String = text.chars().take(columns.saturating_sub(1)).collect();
    if shown {
        let _ = write!(stderr(), "\r{text}");
    }
    Shown(shown.then(|| text.width()))
}

/// A line that is to vanish: so wide, if it is there at all.
#[must_use = "the line vanishes with it"]
pub(crate) struct Shown(Option<usize>);

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(width) = self.0 {
            // Written over, and not by an escape sequence: who wants no colour wants none.
            let _ = write!(stderr(), "\r{:width$}\r", "");
        }
    }
}
