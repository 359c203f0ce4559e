//! The list of bugs that are put back on purpose, one at a time.
//!
//! `tests/mutants/list.diff` holds the bugs as a diff: the lines that a bug removes from the source, and the
//! lines that replace them. `cargo run -p brigade-tests --example mutants` puts each bug into a copy of the
//! sources and reports whether the bug's check fails.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{TestFile, test_file};

/// A bug, and the check that must fail when the bug is put back.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The bug's name in the list.
    pub name: String,
    /// The project that had the bug, with the bug's number there if it has one.
    pub bug: String,
    /// A description of what goes wrong.
    pub what: String,
    /// The source file's path below the root of the repository.
    pub file: String,
    /// The lines of the source without the bug.
    pub old: String,
    /// The lines with the bug, which replace `old`.
    pub new: String,
    pub check: Check,
}

/// Selects the tests that must fail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The runtime's unit tests whose paths contain this text.
    Unit(String),
    /// The tests in a file below `tests/tests`: the file's name, and a text that the tests' paths contain.
    Test(String, String),
    /// A model that loom explores: the name of a file in `runtime/src/loom_tests`.
    Loom(String),
}

impl Check {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let check = match (words.next()?, words.next()?) {
            ("unit", filter) => Check::Unit(filter.to_owned()),
            ("loom", filter) => Check::Loom(filter.to_owned()),
            ("test", file) => Check::Test(file.to_owned(), words.next()?.to_owned()),
            _ => return None,
        };
        words.next().is_none().then_some(check)
    }

    /// Returns the arguments for `cargo`, without the arguments for the test program.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let arguments = match self {
            Check::Unit(_) => "test -p brigade --lib".to_owned(),
            Check::Test(file, _) => format!("test -p brigade-tests --test {}", place(file).binary),
            Check::Loom(_) => "test -p brigade --lib --release".to_owned(),
        };
        arguments.split(' ').map(str::to_owned).collect()
    }

    /// Returns whether the check includes a test. `test` is the test's path, as the test program lists it.
    #[must_use]
    pub fn includes(&self, test: &str) -> bool {
        match self {
            Check::Unit(filter) => test.contains(filter),
            Check::Test(file, filter) => {
                let module = place(file).module;
                let within = module.is_none_or(|module| test.starts_with(&format!("{module}::")));
                within && test.contains(filter)
            }
            Check::Loom(model) => test.contains(&format!("loom_tests::{model}")),
        }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Check::Unit(filter) => write!(f, "unit test `{filter}`"),
            Check::Test(file, filter) => write!(f, "`{file}.rs`, `{filter}`"),
            Check::Loom(model) => write!(f, "loom model `{model}`"),
        }
    }
}

/// Finds a test file by its name.
fn place(file: &str) -> TestFile {
    test_file(file).unwrap_or_else(|| panic!("there is no {file}.rs below tests/tests"))
}

#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Reads the list of bugs.
///
/// # Panics
/// Panics if the list cannot be read, or an entry is incomplete.
#[must_use]
pub fn list() -> Vec<Mutant> {
    let path = root().join("tests/mutants/list.diff");
    let text = fs::read_to_string(path).expect("the list is there");
    let entries = text.split("\n## ").skip(1);
    entries
        .map(|entry| parse(entry).unwrap_or_else(|| panic!("this entry is incomplete:\n{entry}")))
        .collect()
}

fn parse(entry: &str) -> Option<Mutant> {
    let field = |name: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.strip_prefix(": ")?.to_owned())
    };
    let side = |mark: char| {
        let lines = entry.lines().filter_map(|line| line.strip_prefix(mark));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    Some(Mutant {
        name: entry.lines().next()?.to_owned(),
        bug: field("bug")?,
        what: field("what")?,
        file: field("file")?,
        old: side('-'),
        new: side('+'),
        check: Check::parse(&field("check")?)?,
    })
}

impl Mutant {
    /// Returns the source with the bug in it.
    ///
    /// # Errors
    /// Returns an error unless the source contains the old lines exactly once. If the source has changed, the
    /// list must be updated.
    pub fn apply(&self, source: &str) -> Result<String, String> {
        match source.matches(&self.old).count() {
            1 if !self.old.is_empty() => Ok(source.replace(&self.old, &self.new)),
            count => Err(format!(
                "{}: the lines to replace occur {count} times in {}",
                self.name, self.file
            )),
        }
    }
}
