//! Progress on stderr, since stdout is for results: a bar on a terminal, or lines elsewhere.
//!
//! A bar is redrawn only when it is told something. A thread of indicatif could redraw it, but the demos
//! count threads and processor time.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::paint;

/// A bar, and whether lines are to be written in its place.
pub(crate) struct Progress {
    /// Draws nothing if there is no terminal.
    pub(crate) bar: ProgressBar,
    pub(crate) lines: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool, template: &str, all: usize) -> Self {
        let moves = !quiet && paint::moves_on_stderr();
        let style = ProgressStyle::with_template(template).expect("the template is a constant");
        let target = match moves {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(all as u64), target);
        Self {
            bar: bar.with_style(style.progress_chars("█▌ ")),
            lines: !quiet && !moves,
        }
    }
}
