//! Prose cannot drift: what README.md, ARCHITECTURE.md and the headers of the modules cite is there.
//!
//! Code is cited by path and name, never by line. Each check is a function from a text to its faults,
//! and the last test shows each of them a text with a fault.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[path = "prose/index.rs"]
mod index;

use index::{Index, Source, root, sources};

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
        let pages = ["README.md", "ARCHITECTURE.md", "exercises/README.md"];
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

/// Files and functions that are cited and are not there.
fn dead_citations(book: &Book, from: &str, text: &str) -> Vec<String> {
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

/// Whether a path of modules is a file.
fn leads_to_file(path: &str) -> bool {
    let path = path.trim_start_matches("brigade::").replace("::", "/");
    exists("", &format!("{path}.rs")) || exists("", &format!("{path}/mod.rs"))
}

/// Links to files and headings that are not there.
fn dead_links(from: &str, text: &str) -> Vec<String> {
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

/// Arrows of diagrams whose function is not there. An arrow's label is `name()` for a function of the
/// runtime, or `name 3` or `name (3)` for one of the same file, and states are in capitals.
fn dead_arrows(book: &Book, from: &str, text: &str) -> Vec<String> {
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
fn unmarked_steps(book: &Book, from: &str, text: &str) -> Vec<String> {
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

/// Snippets that nothing compiles: a page's code is a doctest, or a quotation that is true.
fn loose_code(book: &Book, from: &str, text: &str, is_doctested: bool) -> Vec<String> {
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
fn bare_figures(from: &str, text: &str) -> Vec<String> {
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

/// The stops of the reading order, as ARCHITECTURE.md lists them.
fn stops(architecture: &str) -> Vec<String> {
    let section = architecture
        .split("## Reading order")
        .nth(1)
        .expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let number: usize = cells.get(1)?.parse().ok()?;
        let minutes: u32 = cells.get(4)?.parse().ok()?;
        assert!(minutes > 0, "stop {number} takes some time");
        Some((number, cells[2].trim_matches('`').to_owned()))
    });
    let rows: Vec<_> = rows.collect();
    assert!(
        rows.iter()
            .enumerate()
            .all(|(at, (number, _))| at + 1 == *number)
    );
    rows.into_iter().map(|(_, file)| file).collect()
}

/// A file as `crate::` names it.
fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.replace('/', "::")
}

/// Headers whose last lines do not lead to their neighbours.
fn broken_chain(stops: &[String], headers: &[(String, String)]) -> Vec<String> {
    let mut broken = Vec::new();
    for (file, header) in headers {
        let file = file.trim_start_matches("runtime/src/");
        let Some(at) = stops.iter().position(|stop| stop == file) else {
            if header.contains("*Stop ") {
                broken.push(format!("{file} calls itself a stop"));
            }
            continue;
        };
        let link = |to: &String| format!("[`{0}`](crate::{0})", module(to));
        let before = at
            .checked_sub(1)
            .map(|at| format!("previous: {}", link(&stops[at])));
        let after = stops
            .get(at + 1)
            .map(|stop| format!("next: {}", link(stop)));
        let both: Vec<_> = before.into_iter().chain(after).collect();
        let mut line = both.join("; ");
        line[..1].make_ascii_uppercase();
        let end = format!("---\n\n*Stop {} of {}.*\n*{line}.*", at + 1, stops.len());
        if !header.ends_with(&end) {
            broken.push(format!("{file} should end with\n{end}"));
        }
    }
    for stop in stops {
        if !headers
            .iter()
            .any(|(file, _)| file.trim_start_matches("runtime/src/") == stop)
        {
            broken.push(format!("there is no {stop}"));
        }
    }
    broken
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
fn the_stops_lead_from_one_to_the_next() {
    let book = Book::open();
    let headers = book.runtime.iter();
    let headers: Vec<_> = headers
        .map(|source| (source.path.clone(), source.header.clone()))
        .collect();
    let stops = stops(&read("ARCHITECTURE.md"));
    assert!(stops.len() > 30);
    none(broken_chain(&stops, &headers));
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
    let stops = ["a.rs", "b/mod.rs"].map(str::to_owned);
    let header = |text: &str| vec![("a.rs".to_owned(), text.to_owned())];
    let whole = "Job.\n\n---\n\n*Stop 1 of 2.*\n*Next: [`b`](crate::b).*";
    assert_eq!(
        broken_chain(&stops, &header(whole)),
        ["there is no b/mod.rs"]
    );
    assert_eq!(broken_chain(&stops, &header("Job.")).len(), 2);
}
