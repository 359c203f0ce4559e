//! What is written about checks is true: each test that `tests/KNOWN-BUGS.md` or `brigade::promises`
//! names exists, no row is without one, no method is left out, and the numbers are those of the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use brigade_tests::mutants::root;

/// How many rows the catalogue has: one that got lost would be missed.
const ROWS: usize = 85;
/// How many promises there are.
const PROMISES: usize = 33;

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of all tables of a text whose first cell begins with `mark` and a number, as cells.
fn rows(text: &str, mark: &str) -> Vec<Vec<String>> {
    let rows = text.lines().filter_map(|line| {
        let line = line.strip_prefix("//! ").unwrap_or(line);
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let cells: Vec<String> = cells.map(str::to_owned).collect();
        let number = cells[0].strip_prefix(mark)?;
        number.parse::<usize>().is_ok().then_some(cells)
    });
    rows.collect()
}

/// What a text has between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The tests that a cell names: `folder/file::function`.
fn tests_in(cell: &str) -> Vec<&str> {
    quoted(cell)
        .filter(|name| name.contains("::") && !name.starts_with("brigade::"))
        .collect()
}

/// The file that the first part of a test's name speaks of.
fn file_of(place: &str) -> PathBuf {
    let folders = [("tests/", "tests/tests/"), ("demos/", "demos/tests/")];
    for (prefix, folder) in folders {
        if let Some(file) = place.strip_prefix(prefix) {
            return PathBuf::from(format!("{folder}{file}.rs"));
        }
    }
    PathBuf::from(format!("runtime/src/{place}.rs"))
}

/// Whether there is a test of that name, or a function from which a macro makes one.
fn exists(name: &str) -> bool {
    let (place, function) = name.split_once("::").expect("a name has two parts");
    let file = file_of(place);
    // A module's own tests stand at its end, or beside it.
    let beside = file.with_extension("").join("tests.rs");
    [file, beside].iter().any(|file| defines(file, function))
}

fn defines(file: &Path, function: &str) -> bool {
    let Ok(text) = fs::read_to_string(root().join(file)) else {
        return false;
    };
    let defined = [format!("fn {function}("), format!("fn {function}<")];
    let Some(position) = defined.iter().find_map(|start| text.find(start.as_str())) else {
        return false;
    };
    // Either it says so itself, or a list at the end of the file names it.
    let before = text[..position].rsplit("\n\n").next().unwrap();
    before.contains("#[test]") || text.matches(function).count() > 1
}

#[track_caller]
fn assert_numbered(rows: &[Vec<String>], mark: &str, count: usize) {
    let numbers: Vec<&str> = rows.iter().map(|row| &row[0][mark.len()..]).collect();
    let expected: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected);
}

#[track_caller]
fn assert_tests_exist(rows: &[Vec<String>]) {
    let mut missing = BTreeSet::new();
    for row in rows {
        let named = tests_in(row.last().unwrap());
        if named.is_empty() {
            missing.insert(format!("{} names no test", row[0]));
        }
        for name in named.into_iter().filter(|name| !exists(name)) {
            missing.insert(format!("{}: there is no test {name}", row[0]));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_known_bug_is_answered() {
    let rows = rows(&read("tests/KNOWN-BUGS.md"), "");
    assert_numbered(&rows, "", ROWS);
    for row in &rows {
        assert_eq!(row.len(), 4, "{}: number, whose, what, caught by", row[0]);
        let named = row[1].contains('#') || row[1].contains("RUSTSEC-") || row[1].contains(' ');
        assert!(named, "{}: whose bug was it?", row[0]);
        assert!(row[2].len() > 20, "{}: what would go wrong?", row[0]);
    }
    assert_tests_exist(&rows);
}

#[test]
fn every_promise_names_its_tests() {
    let rows = rows(&read("runtime/src/promises.rs"), "P");
    assert_numbered(&rows, "P", PROMISES);
    assert_tests_exist(&rows);
}

#[test]
fn the_numbers_of_promises_are_those_of_the_source() {
    let promises = read("runtime/src/promises.rs");
    let source: String = sources().into_iter().map(|(_, text)| text).collect();
    let mut checked = 0;
    for (position, _) in promises.match_indices("` = ") {
        let name = promises[..position].rsplit('`').next().unwrap();
        let rest = &promises[position + 4..];
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let defined = source.lines().any(|line| {
            let line = line.trim().trim_start_matches("pub(crate) ");
            line.starts_with(&format!("const {name}: "))
                && (line.ends_with(&format!("= {number};")) || line.ends_with("= LOOK_EVERY;"))
        });
        assert!(defined, "{name} is not {number}");
        checked += 1;
    }
    assert!(checked >= 5, "{checked}");
}

/// All of the runtime's files, by name.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("runtime/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((
                    path.display().to_string(),
                    fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    found
}

#[test]
fn every_async_method_says_what_its_drop_loses() {
    let promises = read("runtime/src/promises.rs");
    let table = promises.split("| methods |").nth(1).unwrap();
    let table = table.split("//!\n").next().unwrap();
    // Some are named with what they belong to.
    let listed = quoted(table).map(|name| name.rsplit("::").next().unwrap());
    let listed: BTreeSet<&str> = listed.collect();
    for (file, text) in sources() {
        for method in text.split("pub async fn ").skip(1) {
            let name: String = method
                .chars()
                .take_while(|&c| c.is_alphanumeric() || c == '_')
                .collect();
            assert!(listed.contains(name.as_str()), "{file}: {name}");
        }
    }
}

/// RUSTSEC-2025-0024, RUSTSEC-2025-0047, RUSTSEC-2020-0060, -0061, -0081: what the runtime builds on is
/// not older than its mending, neither as it is asked for nor as it is locked.
#[test]
fn dependencies_are_mended_ones() {
    let mended = [
        ("crossbeam-channel", [0, 5, 15]),
        ("futures-task", [0, 3, 6]),
        ("slab", [0, 4, 11]),
        ("mio", [1, 0, 0]),
    ];
    let manifest = read("runtime/Cargo.toml");
    let lock = read("Cargo.lock");
    for (name, least) in mended {
        let line = manifest.lines().find(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        });
        let asked = line.unwrap_or_else(|| panic!("{name} is not asked for"));
        let asked = asked
            .split('"')
            .find(|part| part.starts_with(char::is_numeric));
        let asked = version(asked.unwrap());
        assert!(asked >= least, "{name} {asked:?}");
        let head = format!("name = \"{name}\"\nversion = \"");
        // The peers of the benches may bring older ones along, which the runtime does not use.
        let locked = lock.split(&head).skip(1);
        let locked = locked.map(|rest| version(rest.split('"').next().unwrap()));
        let newest = locked.max().unwrap();
        assert!(newest >= asked, "{name} {newest:?}");
    }
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    for unwanted in ["crossbeam-epoch", "crossbeam-deque", "socket2"] {
        assert!(!dependencies.contains(unwanted), "{unwanted}");
    }
}

fn version(text: &str) -> [u32; 3] {
    let mut parts = text
        .split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}
