//! One HTML file in which a person explores runs: no network, nothing to install.
//!
//! [`page`] puts a template, a style sheet, a script and the runs together. The runs travel as JSON
//! ([`record`]), in spans; the script paints them.
//!
//! Text from elsewhere (names of tasks and threads, the title) enters at one place only, the JSON, where
//! `<` is escaped, and leaves it only through `textContent` and `fillText`, which know no markup. The
//! page's own policy forbids it to load anything. The files of the script share one scope and stand here
//! in reading order.

mod record;

use super::Drawing;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 13] = [
    include_str!("words.js"),
    include_str!("run.js"),
    include_str!("view.js"),
    include_str!("theme.js"),
    include_str!("canvas.js"),
    include_str!("lanes.js"),
    include_str!("rows.js"),
    include_str!("charts.js"),
    include_str!("arrows.js"),
    include_str!("facts.js"),
    include_str!("input.js"),
    include_str!("keys.js"),
    include_str!("page.js"),
];

/// The page, complete.
pub(super) fn page(drawing: &Drawing<'_>) -> String {
    let run = record::json(drawing);
    let mut page = String::with_capacity(run.len() + 128 * 1024);
    let mut rest = TEMPLATE;
    for (mark, parts) in [
        ("{{style}}", &[STYLE] as &[&str]),
        ("{{run}}", &[run.as_str()]),
        ("{{script}}", &SCRIPTS),
    ] {
        // Replacing mark by mark in the finished text would find marks in task names too.
        let (before, after) = rest.split_once(mark).expect("the template has its marks");
        page.push_str(before);
        page.extend(parts.iter().copied());
        rest = after;
    }
    page.push_str(rest);
    page
}

#[cfg(test)]
mod tests;
