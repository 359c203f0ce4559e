//! Shows progress while requests are in flight: a bar on a terminal, or one line per second elsewhere.
//!
//! indicatif can redraw from its own thread. `fetch` shows that one thread is enough, so it redraws when
//! its timer fires.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use crate::{paint, units};

/// The interval at which the bar is redrawn and Ctrl-C is checked.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The interval between lines if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// The state of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) all: usize,
    pub(crate) in_flight: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// Bytes received so far.
    pub(crate) received: u64,
}

/// How this run shows its progress.
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
    /// Shows progress on stderr, since stdout is for results. A bar needs `escapes` to move the cursor.
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

    /// Shows the state of the run; called every [`TICK`].
    pub(crate) fn show(&mut self, standing: Standing) {
        let elapsed = self.begun.elapsed();
        match &mut self.display {
            Display::Bar(bar) => {
                bar.set_position((standing.done + standing.failed) as u64);
                // This call redraws the bar, so it comes last.
                bar.set_message(describe(standing, elapsed));
            }
            Display::Lines { written } if written.elapsed() >= LINE_EVERY => {
                *written = Instant::now();
                eprintln!("{}", describe(standing, elapsed));
            }
            Display::Lines { .. } | Display::Nothing => {}
        }
    }

    /// Clears the bar from the screen before the summary.
    pub(crate) fn finish(self) {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
    }
}

/// The message is cut at the edge of the terminal, so a line never wraps.
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
