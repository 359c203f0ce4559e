//! The output of a run: tables for people, a CSV file for programs, and bars for the README.

mod bars;
mod table;

pub use bars::{Line, bars, lines};
pub use table::{csv, definitions, markdown, terminal};

use crate::results::Results;

/// Formats a value with three significant digits.
#[must_use]
pub fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn note_lines(results: &Results) -> String {
    results
        .notes()
        .iter()
        .map(|note| format!("- {note}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits() {
        assert_eq!(digits(1641.2), "1641");
        assert_eq!(digits(99.97), "100");
        assert_eq!(digits(28.04), "28.0");
        assert_eq!(digits(6.899), "6.90");
    }
}
