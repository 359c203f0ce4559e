//! One HTML file in which a person explores a run: no network, nothing to install.
//!
//! **Job.** [`page`] puts a template, a style sheet, a script and the run together. The run travels
//! as JSON ([`record`]); the script, in the browser, works out from the events what to draw.
//!
//! **Rule.** Text from elsewhere (task names, thread names, the title) enters at one place only, the
//! JSON, where `<` is escaped, and leaves it only through `textContent` and `fillText`, which know no
//! markup. The page's own policy forbids it to load anything.
//!
//! The script is split by idea. Its files share one scope and stand here in reading order: what the
//! events mean, what part of it is shown, how it is drawn, how it is touched.

mod record;

use brigade::timeline::Timeline;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 14] = [
    include_str!("data.js"),
    include_str!("words.js"),
    include_str!("life.js"),
    include_str!("view.js"),
    include_str!("theme.js"),
    include_str!("canvas.js"),
    include_str!("cooks.js"),
    include_str!("rows.js"),
    include_str!("charts.js"),
    include_str!("arrows.js"),
    include_str!("facts.js"),
    include_str!("input.js"),
    include_str!("keys.js"),
    include_str!("page.js"),
];

/// What the page says about the run in words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Which run it is: `fetch: 2,000 requests, one cook`.
    pub(crate) title: String,
    /// What was measured, as name and value. The first two stand out: the most tasks in flight
    /// (concurrency) and the most polled at once (parallelism).
    pub(crate) figures: Vec<(String, String)>,
    /// What follows from the figures, a paragraph each.
    pub(crate) advice: Vec<String>,
}

/// The page, complete.
pub(crate) fn page(timeline: &Timeline, facts: &Facts) -> String {
    let run = record::json(timeline, facts);
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
