//! The abilities of stdout: colour, characters and width.

use std::io::IsTerminal as _;

use brigade_timeline::Look;

use crate::paint;

/// The width, in columns, that is assumed if the real width is unknown.
const WIDTH_UNKNOWN: usize = 100;

/// Returns what stdout can show: everything on a terminal, and plain ASCII elsewhere. Colour is off with
/// `--no-color` or if `NO_COLOR` is set (no-color.org).
pub(crate) fn for_stdout(no_color: bool) -> Look {
    let set = |name| {
        std::env::var(name)
            .ok()
            .filter(|value: &String| !value.is_empty())
    };
    let able = std::io::stdout().is_terminal() && !paint::dumb_terminal();
    // In POSIX, the first of these variables that is set decides.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let locale = locale.unwrap_or_default().to_lowercase();
    Look {
        width: width(),
        colour: able && paint::takes_escapes(no_color),
        unicode: able && (locale.contains("utf-8") || locale.contains("utf8")),
    }
}

/// Returns the width in columns: that of the terminal, or else the value of `COLUMNS`.
pub(crate) fn width() -> usize {
    let said = std::env::var("COLUMNS").ok();
    let said = said.and_then(|columns| columns.parse().ok());
    let size = terminal_size::terminal_size().map(|(width, _)| width.0.into());
    size.or(said).unwrap_or(WIDTH_UNKNOWN)
}
