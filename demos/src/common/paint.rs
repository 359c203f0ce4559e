//! The abilities of the terminal: colour, Unicode and width. The user can disable colour.

use std::{
    env,
    io::{IsTerminal as _, stderr, stdout},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use brigade::timeline::Timeline;
use brigade_timeline::Look;

use super::options::Shared;

/// The width, in columns, that is assumed if the real width is unknown.
const WIDTH_UNKNOWN: usize = 100;

/// True if escape sequences may be written. There is one flag for the process, because there is one
/// terminal.
static ESCAPES: AtomicBool = AtomicBool::new(false);

/// Permits escape sequences from now on, if the terminal understands them. `--no-color` disables them, and
/// so does any non-empty value of `NO_COLOR` (no-color.org).
pub(crate) fn begin(shared: &Shared) {
    let asked_not_to = shared.no_color || variable("NO_COLOR").is_some();
    ESCAPES.store(!asked_not_to && !is_dumb(), Relaxed);
}

/// Returns whether a progress bar can be redrawn on stderr.
pub(crate) fn moves_on_stderr() -> bool {
    stderr().is_terminal() && ESCAPES.load(Relaxed)
}

pub(crate) fn bold(text: &str) -> String {
    wrap("1", text)
}

pub(crate) fn dim(text: &str) -> String {
    wrap("2", text)
}

pub(crate) fn red(text: &str) -> String {
    wrap("31", text)
}

pub(crate) fn green(text: &str) -> String {
    wrap("32", text)
}

/// Encloses text for stdout in escape sequences, if they may be written and stdout is a terminal.
fn wrap(code: &str, text: &str) -> String {
    if text.is_empty() || !ESCAPES.load(Relaxed) || !stdout().is_terminal() {
        return text.to_owned();
    }
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Returns whether the terminal declares that it understands neither colour nor a moving cursor.
pub(crate) fn is_dumb() -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

fn variable(name: &str) -> Option<String> {
    let value = env::var_os(name)?.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

/// Returns what stdout can show. If stdout is not a terminal, this is plain ASCII.
pub(crate) fn look() -> Look {
    let able = stdout().is_terminal() && !is_dumb();
    // In POSIX, the first of these variables that is set selects the character encoding.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    let locale = locale.unwrap_or_default().to_lowercase();
    Look {
        width: width(),
        colour: able && ESCAPES.load(Relaxed),
        unicode: able && (locale.contains("utf-8") || locale.contains("utf8")),
    }
}

/// Returns the width in columns: that of the terminal, or else the value of `COLUMNS`.
pub(crate) fn width() -> usize {
    let said = variable("COLUMNS").and_then(|columns| columns.parse().ok());
    let size = terminal_size::terminal_size().map(|(width, _)| width.0.into());
    size.or(said).unwrap_or(WIDTH_UNKNOWN)
}

/// Returns one drawing for each run, with the run's title. All drawings are ready to print and have the
/// same time scale. `cook` is the word for a worker.
pub(crate) fn draw(cook: &str, runs: &[(&Timeline, String)]) -> Vec<String> {
    brigade_timeline::to_scale(runs, cook, look())
}

/// Makes text from elsewhere (a URL, a server's message) safe to print. Control characters could move the
/// cursor, change colours or break a line in two.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_write_to_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }
}
