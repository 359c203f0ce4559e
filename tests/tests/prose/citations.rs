//! What is cited: files, items and links.

use std::fs;
use std::path::Path;

use super::index::root;
use super::{Book, parts, spans};

/// Crates and modules whose paths are other people's.
const FOREIGN: &[&str] = &[
    "std",
    "mio",
    "hyper",
    "futures_io",
    "futures_task",
    "loom",
    "Duration",
];

/// Files and functions that are cited and are not there.
pub(crate) fn dead_citations(book: &Book, from: &str, text: &str) -> Vec<String> {
    let (prose, _) = parts(text);
    let mut dead = Vec::new();
    for span in spans(&prose) {
        let is_path = |c: char| c.is_alphanumeric() || "_-./".contains(c);
        let is_file = [".rs", ".md", ".toml", "/"]
            .iter()
            .any(|end| span.ends_with(end));
        if is_file && span.chars().all(is_path) && !exists(from, span) {
            dead.push(format!("{from}: no file {span}"));
        }
        let path = span.strip_suffix("()").unwrap_or(span);
        let first = path.split("::").next().unwrap_or("");
        let is_item = path.contains("::") && path.split("::").all(is_word);
        if is_item && !FOREIGN.contains(&first) && !leads_to_file(path) && !book.index.has(path) {
            dead.push(format!("{from}: no {span}"));
        }
    }
    dead
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn exists(from: &str, path: &str) -> bool {
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    [
        "",
        "runtime/src",
        "runtime",
        "runtime/src/models",
        "tests/tests",
    ]
    .map(|base| root().join(base).join(path))
    .into_iter()
    .chain([root().join(folder).join(path)])
    .any(|path| path.exists())
}

/// Whether a path of modules is a file.
fn leads_to_file(path: &str) -> bool {
    let path = path.trim_start_matches("brigade::").replace("::", "/");
    exists("", &format!("{path}.rs")) || exists("", &format!("{path}/mod.rs"))
}

/// Links to files and headings that are not there.
pub(crate) fn dead_links(from: &str, text: &str) -> Vec<String> {
    let (prose, _) = parts(text);
    let targets = prose.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    let mut dead = Vec::new();
    for target in targets {
        let foreign = target.contains("://") || target.contains("::") || from.ends_with(".rs");
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let folder = Path::new(from).parent().unwrap();
        let file = match file {
            "" => root().join(from),
            file => root().join(folder).join(file),
        };
        if foreign {
            continue;
        }
        let there = match heading {
            "" => file.exists(),
            _ => fs::read_to_string(&file).is_ok_and(|page| {
                let mut headings = page.lines().filter(|line| line.starts_with('#'));
                headings.any(|line| slug(line) == heading)
            }),
        };
        if !there {
            dead.push(format!("{from}: a link to {target}"));
        }
    }
    dead
}

/// A heading as a link names it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || "- _".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}
