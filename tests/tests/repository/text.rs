//! Reads the repository's texts and sources for `house.rs`, `prose.rs` and `catalogue.rs`, line by line,
//! without a Rust parser.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ is in the workspace").into()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// If `BRIGADE_QUOTE` is set, replaces the text `from` in a page with the text `to`.
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

/// Returns the texts between backticks.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

pub(crate) fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_char)
}

/// Returns the text below the first heading that contains `words`, up to the next heading of the same level.
pub(crate) fn section<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let is_heading = |line: &&str| line.starts_with('#') && line.contains(words);
    let heading = text.lines().find(is_heading)?;
    let level = heading.split(' ').next()?;
    let (_, rest) = text.split_once(&format!("{heading}\n"))?;
    let end = rest.find(&format!("\n{level} "));
    Some(&rest[..end.map_or(rest.len(), |end| end + 1)])
}

/// Returns the rows of all tables as cells, without separator rows.
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

/// Splits a text into its prose and its fenced blocks, with their info strings.
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

/// A source file, with its path below the requested folder.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Returns the sources below a folder in alphabetical order.
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
    /// Returns the module's doc comment.
    pub(crate) fn header(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//!"));
        let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n");
        lines.collect()
    }

    /// Returns the text without its unit tests, or an empty text if the file holds only tests or models.
    pub(crate) fn shipped(&self) -> &str {
        let files = ["tests.rs", "properties.rs", "test_support.rs"];
        let is_test = self.name.starts_with("loom_tests/")
            || files.iter().any(|file| self.name.ends_with(file));
        match is_test {
            true => "",
            false => self.text.split("\n#[cfg(test)]\nmod ").next().unwrap(),
        }
    }

    /// Returns the shipped lines that are neither empty nor comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        code(self.shipped())
    }

    /// Returns the number of words in the shipped comments.
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

    /// Returns the text of the function `name` or `Type::name`, without indentation.
    pub(crate) fn function(&self, name: &str) -> Option<String> {
        let (owner, name) = name.rsplit_once("::").unwrap_or(("", name));
        // Search each `impl` of the type. Search the whole file if the name has no owner or its owner is a
        // module.
        let is_impl = |line: &str| {
            let head = line.trim_start_matches("unsafe ");
            head.starts_with("impl") && head.split(|c| !is_word_char(c)).any(|it| it == owner)
        };
        let mut items = self.text.split_inclusive("\n}\n");
        let in_impl = items.find_map(|item| {
            item.lines()
                .any(is_impl)
                .then(|| function(item, name))
                .flatten()
        });
        in_impl.or_else(|| function(&self.text, name))
    }
}

fn function(text: &str, name: &str) -> Option<String> {
    let mut lines = text
        .lines()
        .skip_while(|line| !line.contains("fn ") || declared(line) != Some(name));
    let first = lines.next()?;
    let indent = first.len() - first.trim_start().len();
    let end = format!("{}}}", " ".repeat(indent));
    let mut function = vec![first.trim_start()];
    while !function.last()?.ends_with(" }") || function.len() > 1 {
        let line = lines.next()?;
        function.push(line.get(indent..).unwrap_or(""));
        if line == end {
            break;
        }
    }
    Some(function.join("\n"))
}

/// Returns the lines that are neither empty nor comments.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// Returns the name that a line declares: a function, a type, a constant or a module.
pub(crate) fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start();
    // The path in `pub(in some::module) fn name` declares no name.
    let line = line
        .strip_prefix("pub(in ")
        .map_or(line, |rest| rest.split(") ").nth(1).unwrap_or(""));
    let prefixes = [
        "pub", "crate", "super", "async", "unsafe", "default", "const",
    ];
    let kinds = "fn struct enum union trait type static mod macro_rules";
    let words = line
        .split(|c| !is_word_char(c))
        .filter(|word| !word.is_empty());
    let is_constant = words.clone().any(|word| word == "const");
    let mut words = words.skip_while(|word| prefixes.contains(word));
    let kind = words.next()?;
    match kinds.split(' ').any(|it| it == kind) {
        true => words.next(),
        false => is_constant.then_some(kind),
    }
}
