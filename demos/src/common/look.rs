//! What stdout can show.

use std::io::IsTerminal as _;

use brigade_timeline::Look;

use crate::paint;

/// Columns where nobody says how many there are.
const WIDTH_UNKNOWN: usize = 100;

/// What stdout can show: on a terminal all it has, anywhere else plain ASCII.
/// Colour never with `--no-color`, nor when `NO_COLOR` is set (no-color.org).
pub(crate) fn for_stdout(no_color: bool) -> Look {
    let set = |name| {
        std::env::var(name)
            .ok()
            .filter(|value: &String| !value.is_empty())
    };
    let able = std::io::stdout().is_terminal() && !paint::dumb_terminal();
    // The first of these that is set decides, says POSIX.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let locale = locale.unwrap_or_default().to_lowercase();
    Look {
        width: width(),
        colour: able && paint::takes_escapes(no_color),
        unicode: able && (locale.contains("utf-8") || locale.contains("utf8")),
    }
}

/// How many columns there are: the terminal's, or else what `COLUMNS` says.
pub(crate) fn width() -> usize {
    let said = std::env::var("COLUMNS").ok();
    let said = said.and_then(|columns| columns.parse().ok());
    let size = terminal_size::terminal_size().map(|(width, _)| width.0.into());
    size.or(said).unwrap_or(WIDTH_UNKNOWN)
}
