//! What is shown while requests are under way: a bar on a terminal, a line a
//! second elsewhere.
//!
//! indicatif can redraw by itself, from a thread of its own; `fetch` shows that
//! one thread is enough, and redraws when its timer says so.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use crate::{paint, units};

/// How often the bar is redrawn, and how often Ctrl-C is looked for.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Where the run stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) all: usize,
    pub(crate) in_flight: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// Bytes received so far.
    pub(crate) received: u64,
}

/// The way progress is shown in this run.
#[derive(Debug)]
pub(crate) struct Progress {
    display: Display,
    begun: Instant,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines { written: Instant },
    Nothing,
}

impl Progress {
    /// On stderr, since stdout is for results. A bar needs `escapes`, by which it moves
    /// the cursor.
    pub(crate) fn new(quiet: bool, escapes: bool, all: usize) -> Self {
        let begun = Instant::now();
        let display = if quiet {
            Display::Nothing
        } else if stderr().is_terminal() && escapes {
            Display::Bar(paint::bar(TEMPLATE, all))
        } else {
            Display::Lines { written: begun }
        };
        Self { display, begun }
    }

    /// Shows where the run stands; called every [`TICK`].
    pub(crate) fn show(&mut self, standing: Standing) {
        let elapsed = self.begun.elapsed();
        match &mut self.display {
            Display::Bar(bar) => {
                bar.set_position((standing.done + standing.failed) as u64);
                // Draws, so it comes last.
                bar.set_message(describe(standing, elapsed));
            }
            Display::Lines { written } if written.elapsed() >= LINE_EVERY => {
                *written = Instant::now();
                eprintln!("{}", describe(standing, elapsed));
            }
            Display::Lines { .. } | Display::Nothing => {}
        }
    }

    /// Leaves the screen as it was, for the summary.
    pub(crate) fn finish(self) {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
    }
}

/// A line never wraps: the message is cut where the terminal ends.
const TEMPLATE: &str = "{bar:14}  {wide_msg}";

fn describe(standing: Standing, elapsed: Duration) -> String {
    let rate = standing.received as f64 / elapsed.as_secs_f64().max(1e-3);
    format!(
        "{} of {} done, {} failed, {} in flight, {}/s",
        units::count(standing.done),
        units::count(standing.all),
        units::count(standing.failed),
        units::count(standing.in_flight),
        units::bytes(rate as u64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_is_one_short_line() {
        let standing = Standing {
            all: 2000,
            in_flight: 1200,
            done: 799,
            failed: 1,
            received: 3 << 20,
        };
        let line = describe(standing, Duration::from_secs(2));
        assert_eq!(
            line,
            "799 of 2,000 done, 1 failed, 1,200 in flight, 1.50 MiB/s"
        );
    }

    #[test]
    fn the_template_is_a_good_one() {
        paint::bar(TEMPLATE, 3).tick();
    }
}
