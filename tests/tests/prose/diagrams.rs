//! What is drawn: the arrows of diagrams, and the steps of accounts.

use std::collections::BTreeSet;

use super::{Book, parts};

/// Arrows of diagrams whose function is not there. An arrow's label is `name()` for a function of the
/// runtime, or `name 3` or `name (3)` for one of the same file, and states are in capitals.
pub(crate) fn dead_arrows(book: &Book, from: &str, text: &str) -> Vec<String> {
    let source = book.runtime.iter().find(|source| source.path == from);
    let (_, blocks) = parts(text);
    let mut dead = Vec::new();
    for (_, diagram) in blocks.iter().filter(|(info, _)| info == "text") {
        for (at, _) in diagram.match_indices("()") {
            let piece = &diagram[..at];
            let name = piece
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
            if !name.is_some_and(|name| book.index.functions.contains(name)) {
                dead.push(format!("{from}: an arrow {name:?}() of a diagram"));
            }
        }
        let Some(source) = source else { continue };
        let words: Vec<_> = diagram.split_whitespace().collect();
        for pair in words.windows(2) {
            let number = pair[1].trim_matches(['(', ')', ':', ',']);
            let is_arrow = pair[0].chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && number.len() == 1
                && number.chars().all(|c| c.is_ascii_digit());
            let there = |name: &str| {
                let declared = [
                    format!("fn {name}"),
                    format!("const {}", name.to_uppercase()),
                ];
                declared
                    .iter()
                    .any(|text| source.body.contains(text.as_str()))
            };
            // A newborn task is a constant.
            if is_arrow && !there(pair[0]) {
                dead.push(format!("{from}: an arrow {} {number}", pair[0]));
            }
        }
        for state in words
            .iter()
            .flat_map(|word| word.split(|c: char| !c.is_ascii_uppercase()))
        {
            if state.len() >= 4 && !source.body.contains(state) {
                dead.push(format!("{from}: a state {state} of a diagram"));
            }
        }
    }
    dead
}

/// The steps of a two-sided account (`S1`, `N2`) that no comment of the code marks.
pub(crate) fn unmarked_steps(book: &Book, from: &str, text: &str) -> Vec<String> {
    let comments = book.runtime.iter().flat_map(|source| source.body.lines());
    let comments = comments.filter_map(|line| line.split_once("//"));
    let marked: BTreeSet<_> = comments.flat_map(|(_, comment)| steps(comment)).collect();
    let (_, blocks) = parts(text);
    let told = blocks.iter().filter(|(info, _)| info == "text");
    let told: BTreeSet<_> = told.flat_map(|(_, block)| steps(block)).collect();
    told.difference(&marked)
        .map(|step| format!("{from}: no comment marks step {step}"))
        .collect()
}

fn steps(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| {
            let mut letters = word.chars();
            word.len() == 2
                && letters.next().is_some_and(|c| "NPRST".contains(c))
                && letters.next().is_some_and(|c| c.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}
