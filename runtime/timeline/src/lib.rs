//! Draws, measures and analyses the recorded run of any program of the [`brigade`] async runtime.
//!
//! An executor that was built with `record_timeline(true)` keeps a record of its run, a [`Timeline`]. From
//! that record, this crate makes a page to explore ([`html`]), pictures ([`svg`], [`mermaid`],
//! [`terminal`]), a file for <https://ui.perfetto.dev> ([`chrome`]), figures ([`figures()`]), and advice
//! ([`advice()`]). All of them are computed from [`spans()`].
//!
//! This program draws its own run:
//!
//! ```
//! use std::time::Duration;
//! use brigade::{Executor, WorkStealing, task::Builder, time::sleep};
//!
//! fn main() -> std::io::Result<()> {
//!     let executor = WorkStealing::builder().workers(2).record_timeline(true).build()?;
//!     executor.block_on(async {
//!         let noodles = Builder::new().name("noodles").spawn(sleep(Duration::from_millis(20)));
//!         let sauce = Builder::new().name("sauce").spawn(async {
//!             (0..1_000_000_u64).fold(0, |sum, n| sum ^ n * n)
//!         });
//!         noodles.await.unwrap();
//!         sauce.await.unwrap()
//!     });
//!     let timeline = executor.timeline().expect("it was recorded");
//!     print!("{}", brigade_timeline::terminal(&timeline, 80));
//!     for advice in brigade_timeline::advice(&timeline) {
//!         println!("Advice: {advice}");
//!     }
//!     # let folder = std::env::temp_dir().join(format!("brigade-timeline-{}", std::process::id()));
//!     # std::fs::create_dir_all(&folder)?;
//!     # std::env::set_current_dir(&folder)?;
//!     brigade_timeline::write(&timeline, "run.html")
//! }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod advice;
mod drawing;
mod figures;
#[cfg(test)]
mod script;
mod spans;
mod units;

use std::io;
use std::path::Path;

use brigade::timeline::Timeline;

pub use self::advice::{Advice, Kind, advice};
pub use self::drawing::{Drawing, Form, Look, to_scale};
pub use self::figures::{Figures, LaneFigures, LongestPoll, Stall, TaskFigures, figures};
pub use self::spans::{
    Ending, Join, LaneSpans, Mark, OffCore, Poll, Source, Span, Spans, State, TaskKind, TaskSpans,
    Wake, spans,
};

/// Draws the run into a file. The extension of the file's name selects the format: `.html`, `.svg`, `.mmd`
/// (Mermaid) or `.json` (Chrome's trace events, for Perfetto).
///
/// # Errors
/// Returns an error of kind `InvalidInput` if the extension is unknown, and any error of the file system.
///
/// ```
/// use brigade::{Executor, SingleThread};
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(brigade::yield_now());
/// let timeline = executor.timeline().unwrap();
/// let file = std::env::temp_dir().join(format!("run-{}.svg", std::process::id()));
/// brigade_timeline::write(&timeline, &file)?;
/// assert!(std::fs::read_to_string(&file)?.starts_with("<svg"));
/// # std::fs::remove_file(file)?;
/// assert!(brigade_timeline::write(&timeline, "run.png").is_err());
/// # std::io::Result::Ok(())
/// ```
pub fn write(timeline: &Timeline, path: impl AsRef<Path>) -> io::Result<()> {
    Drawing::new(timeline).write(path)
}

/// Draws the run as one HTML page to explore in a browser. The page loads no other file.
pub fn html(timeline: &Timeline) -> String {
    Drawing::new(timeline).html()
}

/// Draws the run as an SVG picture.
pub fn svg(timeline: &Timeline) -> String {
    Drawing::new(timeline).svg()
}

/// Draws the run as a Mermaid Gantt chart, for Markdown.
pub fn mermaid(timeline: &Timeline) -> String {
    Drawing::new(timeline).mermaid()
}

/// Writes the run as Chrome's trace events, which <https://ui.perfetto.dev> can open.
pub fn chrome(timeline: &Timeline) -> String {
    Drawing::new(timeline).chrome()
}

/// Draws the run for a terminal with this many columns, in Unicode and without colour.
///
/// ```
/// use brigade::{Executor, SingleThread};
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(brigade::yield_now());
/// let drawn = brigade_timeline::terminal(&executor.timeline().unwrap(), 80);
/// assert!(drawn.lines().all(|line| line.chars().count() <= 80));
/// # std::io::Result::Ok(())
/// ```
pub fn terminal(timeline: &Timeline, columns: usize) -> String {
    let look = Look {
        width: columns,
        colour: false,
        unicode: true,
    };
    Drawing::new(timeline).terminal(look)
}
