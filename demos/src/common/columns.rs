//! A small table in a report: a heading and rows. Each column is as wide as its widest cell.

use unicode_width::UnicodeWidthStr as _;

use super::facts::{Fact, Facts};

/// The gap between two columns.
const GAP: &str = "  ";

/// Returns the lines of a table. Each set of facts is a row, and the names of the facts are the heading. A
/// column without any known figure is left out.
pub(crate) fn of(rows: impl IntoIterator<Item = Facts>) -> Vec<String> {
    let rows: Vec<Facts> = rows.into_iter().collect();
    let is_shown = |column: &usize| {
        let mut facts = rows.iter().map(|Facts(row)| &row[*column]);
        facts.any(|fact| !fact.name.is_empty() && fact.is_known())
    };
    let columns = rows.first().map_or(0, |Facts(row)| row.len());
    let shown: Vec<usize> = (0..columns).filter(is_shown).collect();
    let line =
        |row: &Facts, cell: fn(&Fact) -> String| shown.iter().map(|&at| cell(&row.0[at])).collect();
    let heading = rows
        .iter()
        .take(1)
        .map(|row| line(row, |fact| fact.name.to_owned()));
    let cells = rows.iter().map(|row| {
        line(row, |fact| match fact.is_known() {
            true => fact.to_string(),
            false => "-".to_owned(),
        })
    });
    aligned(&heading.chain(cells).collect::<Vec<_>>())
}

/// Returns the table of [`of`] as one indented block of text.
pub(crate) fn block(rows: impl IntoIterator<Item = Facts>) -> String {
    let lines = of(rows).into_iter();
    lines.map(|line| format!("  {line}\n")).collect()
}

/// Returns the lines of a table with these rows of cells. The first column is aligned left, the other
/// columns are aligned right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let air = " ".repeat(width(column).unwrap_or(0) - cell.width());
            match column {
                0 => format!("{cell}{air}"),
                _ => format!("{air}{cell}"),
            }
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{count, text};

    #[test]
    fn a_column_without_figures_is_left_out() {
        let row = |known: Option<usize>| Facts(vec![text("", "way", "a"), count("", "n", known)]);
        assert_eq!(of([row(None), row(None)]), ["way", "a", "a"]);
        assert_eq!(
            of([row(None), row(Some(7))]),
            ["way  n", "a    -", "a    7"]
        );
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["cooks", "wall"],
            ["1", "1.50 s"],
            ["16", "9 µs"],
            ["17", ""],
        ];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            aligned(&rows),
            ["cooks    wall", "1      1.50 s", "16       9 µs", "17"]
        );
    }
}
