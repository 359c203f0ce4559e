//! Prose cannot drift: what README.md, ARCHITECTURE.md and the headers of the modules cite is there.
//!
//! Code is cited by path and name, never by line. Each check is a function from a text to its faults
//! (in `prose/`), and the last test shows each of them a text with a fault.

use std::collections::BTreeSet;
use std::fs;

#[path = "prose/citations.rs"]
mod citations;
#[path = "prose/diagrams.rs"]
mod diagrams;
#[path = "prose/index.rs"]
mod index;
#[path = "prose/quotations.rs"]
mod quotations;

use citations::{dead_citations, dead_links};
use diagrams::{dead_arrows, unmarked_steps};
use index::{Index, Source, root, sources};
use quotations::{bare_figures, loose_code};

struct Book {
    index: Index,
    runtime: Vec<Source>,
}

impl Book {
    fn open() -> Self {
        let runtime = sources("runtime/src");
        let mut all = sources("demos/src");
        all.extend(sources("runtime/src"));
        all.extend(sources("runtime/examples"));
        all.extend(sources("tests/src"));
        Book {
            index: Index::of(&all),
            runtime,
        }
    }

    /// Every text of prose, by its path from the root.
    fn texts(&self) -> Vec<(String, String)> {
        let pages = [
            "README.md",
            "ARCHITECTURE.md",
            "runtime/exercises/README.md",
        ];
        let pages = pages.map(|page| (page.to_owned(), read(page)));
        let headers = self.runtime.iter();
        let headers = headers.map(|source| (source.path.clone(), source.header.clone()));
        pages.into_iter().chain(headers).collect()
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Text apart from fenced blocks, and the blocks with their info strings.
fn parts(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks, mut open) = (String::new(), Vec::new(), None);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((info.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, block))) => *block += &format!("{line}\n"),
            (None, None) => prose += &format!("{line}\n"),
        }
    }
    (prose, blocks)
}

/// What stands between backticks.
fn spans(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2)
}

#[track_caller]
fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn what_is_cited_is_there() {
    let book = Book::open();
    let texts = book.texts();
    none(
        texts
            .iter()
            .flat_map(|(from, text)| dead_citations(&book, from, text))
            .collect(),
    );
    none(
        texts
            .iter()
            .flat_map(|(from, text)| dead_links(from, text))
            .collect(),
    );
}

#[test]
fn arrows_are_functions_and_steps_are_marked() {
    let book = Book::open();
    let texts = book.texts();
    none(
        texts
            .iter()
            .flat_map(|(from, text)| dead_arrows(&book, from, text))
            .collect(),
    );
    none(
        texts
            .iter()
            .flat_map(|(from, text)| unmarked_steps(&book, from, text))
            .collect(),
    );
}

#[test]
fn snippets_are_compiled_and_quotations_are_true() {
    let book = Book::open();
    none(loose_code(&book, "README.md", &read("README.md"), true));
    none(loose_code(
        &book,
        "ARCHITECTURE.md",
        &read("ARCHITECTURE.md"),
        false,
    ));
    // The README's are doctests of the library, which knows it as its own.
    assert!(read("runtime/src/lib.rs").contains("include_str!(\"../README.md\")"));
    assert_eq!(read("runtime/README.md"), read("README.md"));
    // Code in headers is compiled unless it says otherwise.
    for source in &book.runtime {
        assert!(!source.header.contains("```ignore"), "{}", source.path);
    }
}

#[test]
fn measured_figures_say_where_they_come_from() {
    none(
        ["README.md", "ARCHITECTURE.md"]
            .into_iter()
            .flat_map(|page| bare_figures(page, &read(page)))
            .collect(),
    );
}

#[test]
fn every_file_has_its_place_in_the_architecture() {
    let (book, architecture) = (Book::open(), read("ARCHITECTURE.md"));
    let cited: BTreeSet<_> = spans(&architecture).collect();
    for source in &book.runtime {
        let file = source.path.trim_start_matches("runtime/src/");
        let folder = file.split_once('/').map(|(folder, _)| format!("{folder}/"));
        let known = folder.is_some_and(|folder| cited.contains(folder.as_str()));
        assert!(
            known || cited.contains(file) || file == "lib.rs",
            "{file} is not in ARCHITECTURE.md"
        );
        let is_race = file.starts_with("models/") && source.body.contains("#[test]");
        assert!(
            !is_race || cited.contains(file),
            "{file} proves no race of ARCHITECTURE.md"
        );
    }
}

#[test]
fn each_check_finds_what_it_is_for() {
    let book = Book::open();
    let cited = |text| dead_citations(&book, "README.md", text).len();
    assert_eq!(
        cited("`task/state.rs`, `Runnable::turn`, `context::expect`, `Wake::Submit`"),
        0
    );
    assert_eq!(
        cited("`task/gone.rs`, `Runnable::gone`, `context::gone`, `Wake::Gone`, `Gone::turn`"),
        5
    );
    let links = |text| dead_links("README.md", text).len();
    assert_eq!(
        links("[a](ARCHITECTURE.md#reading-order) [b](runtime/src) [c](https://a.example)"),
        0
    );
    assert_eq!(links("[a](ARCHITECTURE.md#gone) [b](gone.md)"), 2);
    let arrows = |text| dead_arrows(&book, "runtime/src/task/state.rs", text).len();
    assert_eq!(
        arrows("```text\nQUEUED ── start 2 ──► RUNNING, wake_all()\n```"),
        0
    );
    assert_eq!(
        arrows("```text\nQUEUED ── gone 2 ──► FORGOTTEN, is_gone_for_ever()\n```"),
        3
    );
    assert_eq!(
        unmarked_steps(&book, "", "```text\nS1 sleep, T9 never\n```").len(),
        1
    );
    let code = |text: &str| loose_code(&book, "", text, false).len();
    let quoted = |code: &str| {
        format!("<!-- code: runtime/src/budget.rs take_yield -->\n```rust,ignore\n{code}\n```\n")
    };
    let source = book
        .runtime
        .iter()
        .find(|source| source.path == "runtime/src/budget.rs");
    let true_text = source.unwrap().function("take_yield").unwrap();
    assert_eq!(code(&quoted(&true_text)), 0);
    assert_eq!(code(&quoted(&true_text.replace("YIELDED", "GONE"))), 1);
    assert_eq!(code("```rust,ignore\nlet x = 1;\n```"), 1);
    assert_eq!(bare_figures("", "It takes 5 ms.").len(), 1);
    assert_eq!(
        bare_figures("", "<!-- measured: a; b; c -->\n5 ms\n<!-- end -->").len(),
        0
    );
    assert_eq!(
        bare_figures("", "<!-- measured: a; b -->\n5 ms\n<!-- end -->").len(),
        1
    );
}
