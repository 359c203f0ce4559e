//! The repository's texts and sources, as `house.rs`, `prose.rs` and `catalogue.rs` read them: line by
//! line, without a parser of Rust.

#![allow(dead_code, reason = "no test binary uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ is in the workspace").into()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// With `BRIGADE_QUOTE=1` a page is made to say what the source says.
pub(crate) fn renew(page: &str, from: &str, to: &str) {
    if std::env::var_os("BRIGADE_QUOTE").is_some() && page.ends_with(".md") {
        fs::write(root().join(page), read(page).replacen(from, to, 1)).unwrap();
    }
}

#[track_caller]
pub(crate) fn none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What stands between backticks.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The text below the first heading that contains `words`, up to the next heading of that level.
pub(crate) fn section<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let is_heading = |line: &&str| line.starts_with('#') && line.contains(words);
    let heading = text.lines().find(is_heading)?;
    let level = heading.split(' ').next()?;
    let (_, rest) = text.split_once(&format!("{heading}\n"))?;
    let end = rest.find(&format!("\n{level} "));
    Some(&rest[..end.map_or(rest.len(), |end| end + 1)])
}

/// The rows of all tables, as cells, without the lines under their heads.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("//! ").unwrap_or(line));
    let rows = lines.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| {
        row.split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    });
    rows.collect()
}

/// Text apart from fenced blocks, and the blocks with their info strings.
pub(crate) fn parts(text: &str) -> (String, Vec<(String, String)>) {
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

/// A source file, by its path below the folder that was asked for.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The sources below a folder, in alphabetical order.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let top = root().join(folder);
    let (mut found, mut folders) = (Vec::new(), vec![top.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&top).unwrap().to_str().unwrap();
                found.push(Source {
                    name: name.replace('\\', "/"),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

impl Source {
    /// The module's doc comment.
    pub(crate) fn header(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//!"));
        let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n");
        lines.collect()
    }

    /// The text without unit tests; nothing of a file that holds only tests or models.
    pub(crate) fn shipped(&self) -> &str {
        let name = self.name.as_str();
        let is_test = ["models/", "loom_tests/"]
            .iter()
            .any(|folder| name.starts_with(folder))
            || ["tests.rs", "properties.rs", "test_support.rs"]
                .iter()
                .any(|end| name.ends_with(end));
        match is_test {
            true => "",
            false => self.text.split("\n#[cfg(test)]\nmod ").next().unwrap(),
        }
    }

    /// The shipped lines that are neither empty nor comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        code(self.shipped())
    }

    /// The words of the shipped comments.
    pub(crate) fn words(&self) -> usize {
        let comments = self
            .shipped()
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("//"));
        comments
            .map(|line| line.split_whitespace().count() - 1)
            .sum()
    }

    /// The text of `name` or `Type::name`, without its indentation.
    pub(crate) fn function(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.text.lines().collect();
        let (owner, name) = name.rsplit_once("::").unwrap_or(("", name));
        let is_impl = |line: &&str| {
            let head = line.trim_start_matches("unsafe ");
            head.starts_with("impl")
                && head
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|it| it == owner)
        };
        // The first function of that name below an `impl` of that type, or in the file.
        let below = |at: usize| {
            lines[at..]
                .iter()
                .position(|line| declared(line) == Some(name))
                .map(|it| at + it)
        };
        let impls = lines.iter().enumerate().filter(|(_, line)| is_impl(line));
        let mut in_impls = impls.filter_map(|(at, _)| {
            let end = at + lines[at..].iter().position(|line| *line == "}")?;
            below(at).filter(|&function| function < end)
        });
        let first = in_impls.next().or_else(|| below(0))?;
        let indent = lines[first].len() - lines[first].trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let last = match lines[first].ends_with(" }") {
            true => first,
            false => first + lines[first..].iter().position(|line| *line == end)?,
        };
        let text = lines[first..=last]
            .iter()
            .map(|line| line.get(indent..).unwrap_or(""));
        Some(text.collect::<Vec<_>>().join("\n"))
    }
}

/// The lines that are neither empty nor comments.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// The name that a line declares: of a function, a type, a constant, a module.
pub(crate) fn declared(line: &str) -> Option<&str> {
    const KINDS: &[&str] = &[
        "fn",
        "struct",
        "enum",
        "union",
        "trait",
        "type",
        "const",
        "static",
        "mod",
        "macro_rules",
    ];
    let mut line = line.trim_start();
    if let Some(rest) = line.strip_prefix("pub(in ") {
        line = rest.split_once(") ")?.1;
    }
    let mut words = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let mut kind = words.next()?;
    while ["pub", "crate", "super", "async", "unsafe", "default"].contains(&kind) {
        kind = words.next()?;
    }
    let name = words.next()?;
    match kind == "const" && name == "fn" {
        true => words.next(),
        false => KINDS.contains(&kind).then_some(name),
    }
}
