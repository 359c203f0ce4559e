//! Writes the tables: one for the terminal, one in Markdown, and the values of all rounds as CSV.

use std::fmt::Write;

use crate::{
    catalog::{Figure, Group, LIMIT, OURS, ROWS, RUNTIMES, Row, URING, left_out},
    report::{digits, note_lines},
    results::Results,
};

const LEGEND: &str = "The figures are medians of the rounds. `limit` is the same work without a runtime. \
`best peer` is the best other runtime over epoll. Runtimes over io_uring are marked with a star and are not compared. \
`x best` is the cost of brigade divided by the cost of the best peer, and `x limit` is this cost divided by \
the cost of the limit. For rates, the ratio is inverted. So below 1.00, brigade is better.";

/// Returns the tables as aligned text.
#[must_use]
pub fn terminal(results: &Results) -> String {
    let mut out = String::new();
    for (title, rows) in groups(results) {
        let lines = grid(results, &rows);
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|column| {
                lines
                    .iter()
                    .map(|line| line[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let _ = writeln!(out, "\n{title}");
        for (at, line) in lines.iter().enumerate() {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                // Align names to the left and numbers to the right.
                let _ = match column {
                    0 | 1 => write!(out, "{cell:<width$}  "),
                    _ => write!(out, "{cell:>width$}  "),
                };
            }
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            if at == 0 {
                let rule = widths.iter().map(|width| width + 2).sum::<usize>() - 2;
                let _ = writeln!(out, "{}", "-".repeat(rule));
            }
        }
    }
    let _ = writeln!(out, "\n{}", LEGEND.replace('`', ""));
    out + &note_lines(results)
}

/// Returns the tables, the definitions and the spread in Markdown. `about` is a short text about the machine
/// and the versions.
#[must_use]
pub fn markdown(results: &Results, rounds: usize, about: &str) -> String {
    let mut out = format!(
        "# Rows\n\n{LEGEND}\nEvery measurement is taken {rounds} times, once per round, in a process of its own. {about}\n"
    );
    for (title, rows) in groups(results) {
        let lines = grid(results, &rows);
        let _ = writeln!(out, "\n## {title}\n");
        for (at, line) in lines.iter().enumerate() {
            let _ = writeln!(out, "| {} |", line.join(" | "));
            if at == 0 {
                let right = "|---:".repeat(line.len() - 2);
                let _ = writeln!(out, "|---|---{right}|");
            }
        }
    }
    if !results.notes().is_empty() {
        let _ = writeln!(out, "\n## Notes\n\n{}", note_lines(results).trim_end());
    }
    let _ = writeln!(
        out,
        "\n## Spread over the rounds, least to most\n\n{}",
        spread(results).trim_end()
    );
    let _ = writeln!(out, "\n## Definitions\n");
    for row in measured(results) {
        let limit = row
            .limit
            .map_or(String::new(), |limit| format!(" Limit: {limit}."));
        let _ = writeln!(out, "- `{}`: {}.{limit}", row.id, row.what);
    }
    out
}

/// Returns the values of all rounds as CSV, with the columns `row,runtime,figure,round,value`.
#[must_use]
pub fn csv(results: &Results) -> String {
    let mut out = String::from("row,runtime,figure,round,value\n");
    for row in ROWS {
        for runtime in RUNTIMES {
            for figure in row.figures {
                for (round, value) in results.rounds(row, runtime, figure).iter().enumerate() {
                    let _ = writeln!(
                        out,
                        "{},{runtime},{},{},{value}",
                        row.id,
                        figure.key,
                        round + 1
                    );
                }
            }
        }
    }
    out
}

/// Returns the catalog for `--list`.
#[must_use]
pub fn definitions() -> String {
    ROWS.iter()
        .map(|row| format!("{:<16} {}\n", row.id, row.what))
        .collect()
}

fn spread(results: &Results) -> String {
    let mut out =
        String::from("| row | figure | brigade | best peer | limit |\n|---|---|---:|---|---:|\n");
    for row in measured(results) {
        for figure in row.figures {
            let range = |runtime| {
                results
                    .spread(row, runtime, figure)
                    .map_or(String::new(), |(least, most)| {
                        format!("{} - {}", digits(least), digits(most))
                    })
            };
            let peer = results
                .best_peer(row, figure)
                .map_or(String::new(), |best| {
                    format!("{} {}", best.runtime, range(best.runtime))
                });
            let _ = writeln!(
                out,
                "| {} | {} | {} | {peer} | {} |",
                row.id,
                figure.unit,
                range(OURS),
                range(LIMIT)
            );
        }
    }
    out
}

fn measured(results: &Results) -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(|row| RUNTIMES.iter().any(|runtime| results.has(&[row], runtime)))
}

fn groups(results: &Results) -> Vec<(&'static str, Vec<&'static Row>)> {
    [("One thread", Group::One), ("Two workers", Group::Two)]
        .into_iter()
        .map(|(title, group)| {
            (
                title,
                measured(results)
                    .filter(|row| row.group == group)
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, rows)| !rows.is_empty())
        .collect()
}

/// Returns a header line, then one line per figure. Columns without any value are left out.
fn grid(results: &Results, rows: &[&'static Row]) -> Vec<Vec<String>> {
    let columns: Vec<_> = RUNTIMES
        .iter()
        .copied()
        .filter(|runtime| results.has(rows, runtime))
        .collect();
    let mut lines = vec![head(&columns)];
    for row in rows {
        for (at, figure) in row.figures.iter().enumerate() {
            let name = if at == 0 { row.id } else { "" };
            lines.push(line(results, row, figure, name, &columns));
        }
    }
    lines
}

fn head(columns: &[&str]) -> Vec<String> {
    let star = |name: &&str| if URING.contains(name) { "*" } else { "" };
    ["row", "figure"]
        .iter()
        .chain(columns)
        .chain(&["best peer", "x best", "x limit"])
        .map(|name| format!("{name}{}", star(name)))
        .collect()
}

fn line(
    results: &Results,
    row: &Row,
    figure: &Figure,
    name: &str,
    columns: &[&'static str],
) -> Vec<String> {
    let shown = |value: Option<f64>| value.map_or(String::new(), digits);
    let ratio = |value: Option<f64>| value.map_or(String::new(), |ratio| format!("{ratio:.2}"));
    let mut cells = vec![name.to_owned(), figure.unit.to_owned()];
    cells.extend(
        columns
            .iter()
            .map(|runtime| match left_out(row.id, runtime) {
                Some(_) => "left out".to_owned(),
                None => shown(results.median(row, runtime, figure)),
            }),
    );
    cells.push(
        results
            .best_peer(row, figure)
            .map_or(String::new(), |best| best.runtime.to_owned()),
    );
    cells.push(ratio(results.against_best(row, figure)));
    cells.push(ratio(results.against_limit(row, figure)));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::row;

    fn some() -> Results {
        let mut results = Results::default();
        let row = row("spawn_join").unwrap();
        for (runtime, value) in [
            ("brigade", 50.0),
            ("tokio", 500.0),
            ("monoio", 30.0),
            ("limit", 20.0),
        ] {
            results.add(row, runtime, &row.figures[0], value);
        }
        results.note("monoio: skipped".to_owned());
        results
    }

    #[test]
    fn the_table_has_medians_and_ratios() {
        let text = terminal(&some());
        assert!(
            text.contains("One thread") && !text.contains("Two workers"),
            "{text}"
        );
        let line = text
            .lines()
            .find(|line| line.starts_with("spawn_join"))
            .unwrap();
        let cells: Vec<_> = line.split_whitespace().collect();
        assert_eq!(
            cells,
            [
                "spawn_join",
                "ns",
                "50.0",
                "500",
                "30.0",
                "20.0",
                "tokio",
                "0.10",
                "2.50"
            ]
        );
        assert!(text.contains("- monoio: skipped"), "{text}");
    }

    #[test]
    fn a_row_that_a_runtime_is_left_out_of_shows_it() {
        let mut results = some();
        let row = row("yield").unwrap();
        for runtime in ["brigade", "tokio"] {
            results.add(row, runtime, &row.figures[0], 20.0);
        }
        let text = terminal(&results);
        let line = text.lines().find(|line| line.starts_with("yield"));
        assert!(line.unwrap().contains("left out"), "{text}");
        assert!(text.contains("monoio*"), "{text}");
    }

    #[test]
    fn markdown_rows_have_as_many_cells_as_the_head() {
        let text = markdown(&some(), 1, "Here.");
        let table: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .take(4)
            .collect();
        let cells = table[0].matches('|').count();
        assert!(
            table.iter().all(|line| line.matches('|').count() == cells),
            "{text}"
        );
    }

    #[test]
    fn csv_has_a_line_a_round() {
        assert_eq!(csv(&some()).lines().count(), 5);
    }
}
