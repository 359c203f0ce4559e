//! Shows progress while the claims are checked: a bar on a terminal, or a line for each claim elsewhere.
//!
//! The bar is drawn when a claim is begun and does not move until the claim is checked. Moving it would
//! need a thread, and the experiments count threads and processor time.

use std::io::{IsTerminal as _, stderr};

use indicatif::ProgressBar;

use super::Claim;
use crate::{options::Shared, paint};

/// The maximum number of characters of a claim that are shown beside the bar.
const SHORT: usize = 50;

#[derive(Debug)]
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines { begun: usize, all: usize },
    Nothing,
}

impl Progress {
    /// Shows progress on stderr, since stdout is for results. If `streams` is true, the results
    /// themselves appear one by one, and lines would only repeat them.
    pub(super) fn new(shared: &Shared, streams: bool, all: usize) -> Self {
        if shared.quiet {
            Self::Nothing
        } else if stderr().is_terminal() && paint::takes_escapes(shared.no_color) {
            Self::Bar(paint::bar(TEMPLATE, all))
        } else if streams {
            Self::Nothing
        } else {
            Self::Lines { begun: 0, all }
        }
    }

    /// Shows that a claim is about to be checked.
    pub(super) fn begin(&mut self, claim: &Claim) {
        let said = short(claim.said);
        match self {
            Self::Bar(bar) => bar.set_message(format!("{}: {said}", claim.id)),
            Self::Lines { begun, all } => {
                *begun += 1;
                eprintln!("{begun} of {all}, claim {}: {said}", claim.id);
            }
            Self::Nothing => {}
        }
    }

    /// Shows that a claim is checked. `write` prints the result while the bar is hidden.
    pub(super) fn end(&self, write: impl FnOnce()) {
        match self {
            Self::Bar(bar) => {
                bar.suspend(write);
                bar.inc(1);
            }
            Self::Lines { .. } | Self::Nothing => write(),
        }
    }

    /// Clears the bar from the screen.
    pub(super) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

const TEMPLATE: &str = "{bar:16}  {pos} of {len}, now {msg}";

/// Returns a claim, or its beginning if it is long.
fn short(said: &str) -> String {
    match said.char_indices().nth(SHORT) {
        Some((at, _)) => format!("{} …", said[..at].trim_end()),
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_claims_are_cut_and_short_ones_are_not() {
        assert_eq!(short("So it is."), "So it is.");
        let long = "ä".repeat(2 * SHORT);
        assert_eq!(short(&long).chars().count(), SHORT + 2);
    }

    #[test]
    fn the_template_is_a_good_one() {
        paint::bar(TEMPLATE, 3).tick();
    }
}
