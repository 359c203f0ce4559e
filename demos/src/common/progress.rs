//! Progress on stderr, because stdout is for results: a bar on a terminal, or lines elsewhere.
//!
//! A bar is redrawn only when a demo updates it. A thread of indicatif could redraw it, but the demos
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
        Self {
            bar: bar(moves, template, Some(all as u64)),
            lines: !quiet && !moves,
        }
    }
}

/// Returns a bar that disappears when it is dropped. It draws nothing if it is not `wanted`.
pub(super) fn bar(wanted: bool, template: &str, all: Option<u64>) -> ProgressBar {
    let target = match wanted {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::with_draw_target(all, target).with_style(style.progress_chars("█▌ "))
}
