//! Colour, if stdout is a terminal and the user has not disabled it.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Wraps text in terminal colours, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Returns colour for stdout only on a terminal that can show it, and never with `--no-color` or if
    /// `NO_COLOR` is set to anything (no-color.org).
    pub(crate) fn for_stdout(no_color: bool) -> Self {
        Self {
            on: std::io::stdout().is_terminal() && takes_escapes(no_color),
        }
    }

    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { on: false }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Returns whether escape sequences may be written to a terminal: not with `--no-color`, not if
/// `NO_COLOR` is set, and not to a terminal that does not understand them.
pub(crate) fn takes_escapes(no_color: bool) -> bool {
    let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && !asked_not_to && !dumb_terminal()
}

/// Returns a progress bar on stderr. The caller checks that stderr is a terminal.
pub(crate) fn bar(template: &str, all: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(template)
        .expect("the template is a constant")
        .progress_chars("█▌ ");
    ProgressBar::with_draw_target(Some(all as u64), ProgressDrawTarget::stderr()).with_style(style)
}

/// Returns whether the terminal declares that it understands neither colour nor a moving cursor.
pub(crate) fn dumb_terminal() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Makes text from elsewhere (a URL, a server's message) safe to print. Control characters could move the
/// cursor, change colours or break a line in two.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paint_leaves_text_alone() {
        assert_eq!(Paint::plain().red("late"), "late");
        assert_eq!(Paint { on: true }.red("late"), "\x1b[31mlate\x1b[0m");
    }

    #[test]
    fn a_server_cannot_write_to_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }
}
