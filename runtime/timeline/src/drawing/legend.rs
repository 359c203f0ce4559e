//! Writes the legend of the terminal drawing, which explains only the characters that occur.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr as _;

use super::pen::{Ink, Signs};

/// The space between two entries.
const GAP: &str = "   ";

/// The characters that occur in a drawing.
#[derive(Default)]
pub(super) struct Used {
    /// The characters in the rows of tasks.
    pub(super) bars: BTreeSet<char>,
    /// The characters in the rows of workers, and in the row of tasks in flight.
    pub(super) heights: BTreeSet<char>,
}

/// An entry of the legend: characters, their colour, and their meaning.
type Key = (String, Ink, &'static str);

impl Used {
    pub(super) fn add(&mut self, other: &Self) {
        self.bars.extend(&other.bars);
        self.heights.extend(&other.heights);
    }

    /// Writes the legend in lines of at most `width` columns: first the characters in the rows of tasks,
    /// then, on a new line, the characters in the other rows.
    pub(super) fn explain(
        &self,
        signs: &Signs,
        width: usize,
        mut line: impl FnMut(&[(&str, Ink)]),
    ) {
        let (heights, bars) = (self.heights(signs), self.bars(signs));
        for keys in [&bars[..], &[heights]] {
            let mut parts = Vec::new();
            let mut used = 0;
            for (signs, ink, text) in keys.iter().filter(|key| !key.0.is_empty()) {
                let needed = signs.width() + 1 + text.width();
                if used > 0 && used + needed > width {
                    line(&parts);
                    parts.clear();
                    used = 0;
                }
                parts.extend([(signs.as_str(), *ink), (" ", Ink::Plain), (text, Ink::Dim)]);
                parts.push((GAP, Ink::Plain));
                used += needed + GAP.len();
            }
            if !parts.is_empty() {
                line(&parts);
            }
        }
    }

    fn bars(&self, signs: &Signs) -> [Key; 7] {
        let (all, parts) = signs.parts.split_last().expect("there are signs");
        let only = |all: &[char]| only(all, &self.bars);
        [
            (only(&[*all]), Ink::Cook(0), "running"),
            (only(parts), Ink::Cook(0), "running part of the time"),
            (only(&[signs.queued]), Ink::Queued, "ready, not running"),
            (only(&[signs.waiting]), Ink::Dim, "waiting"),
            (only(&[signs.panicked]), Ink::Failed, "panicked"),
            (only(&[signs.dropped]), Ink::Failed, "dropped"),
            (only(&[signs.stranded]), Ink::Failed, "stranded"),
        ]
    }

    fn heights(&self, signs: &Signs) -> Key {
        let signs = only(signs.heights, &self.heights);
        (signs, Ink::Plain, "in flight, busy: low to full")
    }
}

/// Returns the characters of `all` that are used, in the order of `all`.
fn only(all: &[char], used: &BTreeSet<char>) -> String {
    all.iter().filter(|sign| used.contains(sign)).collect()
}
