//! What is quoted: code, and figures.

use std::fs;

use super::index::root;
use super::{Book, read};

/// Snippets that nothing compiles: a page's code is a doctest, or a quotation that is true.
pub(crate) fn loose_code(book: &Book, from: &str, text: &str, is_doctested: bool) -> Vec<String> {
    let mut loose = Vec::new();
    for (before, after) in fences(text) {
        let (info, code) = after.split_once('\n').unwrap_or((after, ""));
        if !info.starts_with("rust") {
            continue;
        }
        let code = code.split("\n```").next().unwrap();
        let marker = before.trim_end().lines().next_back().unwrap_or("");
        match marker
            .strip_prefix("<!-- code: ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        {
            Some(cited) => {
                let (path, function) = cited.split_once(' ').expect("a path and a function");
                let source = book.runtime.iter().find(|source| source.path == path);
                let name = function.rsplit("::").next().unwrap();
                let there = source.and_then(|source| source.function(name));
                if there.as_deref() != Some(code) {
                    let there = there.unwrap_or_else(|| panic!("no {function} in {path}"));
                    renew(from, code, &there);
                    loose.push(format!("{from}: {function} reads otherwise in {path}"));
                }
            }
            None if is_doctested && info == "rust" => {}
            None => loose.push(format!("{from}: code that nobody compiles: {code}")),
        }
    }
    loose
}

/// With `BRIGADE_QUOTE=1` the page is made to say what the source says: look at the text around it too.
fn renew(page: &str, code: &str, there: &str) {
    if std::env::var_os("BRIGADE_QUOTE").is_some() && page.ends_with(".md") {
        let text = read(page).replacen(code, there, 1);
        fs::write(root().join(page), text).unwrap();
    }
}

/// What stands before and after the opening of each fenced block.
fn fences(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let at: Vec<_> = text.match_indices("```").map(|(at, _)| at).collect();
    at.into_iter()
        .step_by(2)
        .map(|at| (&text[..at], &text[at + 3..]))
}

/// Figures that do not say where they come from: a number with a unit stands between
/// `<!-- measured: command; machine; date -->` and `<!-- end -->`.
pub(crate) fn bare_figures(from: &str, text: &str) -> Vec<String> {
    const UNITS: &[&str] = &["ns", "µs", "us", "ms", "KiB", "MiB", "GiB", "%", "k/s", "x"];
    let mut bare = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- measured: ") {
        let (about, after) = after.split_once(" -->").expect("a marker ends");
        if about
            .split(';')
            .filter(|part| !part.trim().is_empty())
            .count()
            != 3
        {
            bare.push(format!(
                "{from}: not a command, a machine and a date: {about}"
            ));
        }
        bare.extend(figures(before, UNITS).map(|figure| format!("{from}: {figure}")));
        let (_measured, after) = after
            .split_once("<!-- end -->")
            .expect("a measured block ends");
        rest = after;
    }
    bare.extend(figures(rest, UNITS).map(|figure| format!("{from}: {figure}")));
    bare
}

fn figures<'a>(text: &'a str, units: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    let words: Vec<_> = text.split_whitespace().collect();
    let pairs: Vec<_> = words.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs.into_iter().filter_map(move |(number, unit)| {
        let unit = unit.trim_end_matches(['.', ',', ';', ':', ')']);
        let is_number = number
            .trim_start_matches('(')
            .starts_with(|c: char| c.is_ascii_digit());
        (is_number && units.contains(&unit)).then(|| format!("{number} {unit}"))
    })
}
