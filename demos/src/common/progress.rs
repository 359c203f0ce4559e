//! Shows progress on stderr: a bar if stderr is a terminal, and lines otherwise. (stdout is for results.)
//!
//! A bar is redrawn only when a demo updates it. The crate indicatif could redraw it from a thread, but the
//! demos would count this thread and its processor time.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::paint;

/// A progress bar. If it cannot be drawn, the demo writes lines instead.
pub(crate) struct Progress {
    /// This bar draws nothing if there is no terminal.
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

/// Returns a bar that disappears when it is dropped. The bar draws nothing if `wanted` is false.
pub(super) fn bar(wanted: bool, template: &str, all: Option<u64>) -> ProgressBar {
    let target = match wanted {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::with_draw_target(all, target).with_style(style.progress_chars("█▌ "))
}
