//! A small table among the details of a report: a heading and rows. Each column is as wide as its widest
//! cell.

use unicode_width::UnicodeWidthStr as _;

use super::facts::Facts;

/// The gap between two columns.
const GAP: &str = "  ";

/// Rows of cells. The first column is aligned left, the other columns are aligned right.
pub(crate) struct Columns {
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// Creates a table with this heading: `way | orders | CPU time`.
    pub(crate) fn new(heading: &str) -> Self {
        let mut columns = Self { rows: Vec::new() };
        columns.row(heading.split('|').map(str::trim));
        columns
    }

    /// Creates a table with one row for each set of facts, whose names are the heading.
    pub(crate) fn of(rows: impl IntoIterator<Item = Facts>) -> Self {
        let mut columns = Self { rows: Vec::new() };
        for Facts(facts) in rows {
            let shown = || facts.iter().filter(|fact| !fact.name.is_empty());
            if columns.rows.is_empty() {
                columns.row(shown().map(|fact| fact.name));
            }
            columns.row(shown().map(|fact| match fact.is_known() {
                true => fact.to_string(),
                false => "-".to_owned(),
            }));
        }
        columns
    }

    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Returns the table as one indented block of text.
    pub(crate) fn block(&self) -> String {
        let lines = self.lines().into_iter();
        lines.map(|line| format!("  {line}\n")).collect()
    }

    /// Returns the heading and the rows, line by line.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| {
                let air = " ".repeat(width - cell.width());
                match column {
                    0 => format!("{cell}{air}"),
                    _ => format!("{air}{cell}"),
                }
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut columns = Columns::new("cooks | wall");
        columns.row(["1", "1.50 s"]);
        columns.row(["16", "9 µs"]);
        columns.row(["17", ""]);
        assert_eq!(
            columns.lines(),
            ["cooks    wall", "1      1.50 s", "16       9 µs", "17"]
        );
    }
}
