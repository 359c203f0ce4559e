//! One HTML file to explore runs. It needs no network and no installation.
//!
//! [`page`] combines a template, a style sheet, a script and the data of the runs. The data are spans in JSON
//! ([`record`]), which the script draws.
//!
//! Names and titles from outside enter the page only through the JSON, in which `<` is escaped. The script
//! shows them only through `textContent` and `fillText`, which interpret no markup. The page's content
//! security policy forbids the page to load anything. The files of the script share one scope and are listed
//! here in reading order.

mod record;

use super::Drawing;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 11] = [
    include_str!("words.js"),
    include_str!("run.js"),
    include_str!("brush.js"),
    include_str!("view.js"),
    include_str!("picture.js"),
    include_str!("rows.js"),
    include_str!("things.js"),
    include_str!("overlay.js"),
    include_str!("cards.js"),
    include_str!("input.js"),
    include_str!("page.js"),
];

/// Returns the complete page.
pub(super) fn page(drawing: &Drawing<'_>) -> String {
    let run = record::json(drawing);
    let mut page = String::with_capacity(run.len() + 128 * 1024);
    let mut rest = TEMPLATE;
    for (mark, parts) in [
        ("{{style}}", &[STYLE] as &[&str]),
        ("{{run}}", &[run.as_str()]),
        ("{{script}}", &SCRIPTS),
    ] {
        // Replace marks only in the template. Replacing them in the finished text would also change task
        // names.
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
