//! Checks what the pages state about tests. Each row of `tests/KNOWN-BUGS.md` and `brigade::promises` must
//! name a test that exists. `brigade::promises` must also list every async method, and its numbers must match
//! the source.

use std::collections::BTreeSet;
use std::fs;

use brigade_tests::test_file;

use crate::guide::is_listed;
use crate::text::{is_word_char, none, quoted, read, root, rows, sources};

/// Returns the rows whose first cell is `mark` followed by a number. These numbers must run from 1 to the
/// number of rows, in any order.
#[track_caller]
fn numbered(page: &str, mark: &str) -> Vec<Vec<String>> {
    let number = |row: &Vec<String>| row[0].strip_prefix(mark)?.parse::<usize>().ok();
    let mut rows = rows(page);
    rows.retain(|row| number(row).is_some());
    let mut numbers: Vec<_> = rows.iter().filter_map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=rows.len()).collect::<Vec<_>>());
    rows
}

/// Returns whether `name`, in the form `place/file::function`, is a test or a function from which a macro
/// makes tests.
fn exists(name: &str) -> bool {
    let (place, function) = name.split_once("::").expect("a name has two parts");
    let files = match place.split_once('/') {
        Some(("tests", file)) => Vec::from_iter(test_file(file).map(|it| it.path)),
        Some(("demos", file)) => vec![root().join(format!("demos/tests/{file}.rs"))],
        // The unit tests of a module are at the end of its file, or in the file `tests.rs` of its folder.
        _ => ["", "/tests"]
            .map(|end| root().join(format!("runtime/src/{place}{end}.rs")))
            .into(),
    };
    files
        .iter()
        .any(|file| fs::read_to_string(file).is_ok_and(|text| defines(&text, function)))
}

fn defines(text: &str, function: &str) -> bool {
    let defined = [format!("fn {function}("), format!("fn {function}<")];
    let Some(at) = defined.iter().find_map(|start| text.find(start.as_str())) else {
        return false;
    };
    let before = text[..at].rsplit("\n\n").next().unwrap();
    // A test may call a generic function with each executor, without a macro.
    let called = format!("super::{function}::<");
    before.contains("#[test]") || is_listed(text, function) || text.contains(&called)
}

/// Returns one fault for each row whose last cell names no test, and one for each named test that does not
/// exist.
fn untested(rows: &[Vec<String>]) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        let named = quoted(row.last().unwrap());
        let named: Vec<_> = named
            .filter(|name| name.contains("::") && !name.starts_with("brigade::"))
            .collect();
        if named.is_empty() {
            faults.push(format!("{} names no test", row[0]));
        }
        let missing = named.into_iter().filter(|name| !exists(name));
        faults.extend(missing.map(|name| format!("{}: no test {name}", row[0])));
    }
    faults
}

#[test]
fn every_known_bug_is_answered() {
    let rows = numbered(&read("tests/KNOWN-BUGS.md"), "");
    assert!(rows.len() >= 100, "{} rows", rows.len());
    for row in &rows {
        assert_eq!(
            row.len(),
            4,
            "{}: a row has four cells: number, whose, what, caught by",
            row[0]
        );
        assert!(
            !row[1].is_empty() && row[2].len() > 20,
            "{}: whose bug, and what would go wrong?",
            row[0]
        );
    }
    none(untested(&rows));
}

#[test]
fn every_promise_names_its_tests() {
    let rows = numbered(&read("runtime/src/promises.rs"), "P");
    assert!(rows.len() >= 35, "{} promises", rows.len());
    none(untested(&rows));
}

/// Each file of tests must be named by a `mod` item. Otherwise the file would never be compiled.
#[test]
fn every_file_of_tests_is_part_of_a_program() {
    none(sources("tests").iter().filter_map(|file| {
        let (topic, name) = file.name.trim_end_matches(".rs").rsplit_once('/')?;
        if !topic.starts_with("tests/") && topic != "ecosystem" {
            return None;
        }
        let programs = [
            format!("tests/{topic}/main.rs"),
            format!("tests/{topic}.rs"),
        ];
        let mut texts = programs
            .iter()
            .flat_map(|it| fs::read_to_string(root().join(it)));
        let is_part = name == "main" || texts.any(|it| it.contains(&format!("\nmod {name};\n")));
        (!is_part).then(|| format!("{} is part of no program", file.name))
    }));
}

/// If a CI lane (a job) selected tests by a file name that does not exist, it would run no tests.
#[test]
fn lanes_choose_tests_by_the_names_of_files() {
    let lanes = ["common.sh", "sanitizer.sh", "panic-abort", "valgrind"];
    let lanes = lanes.map(|lane| read(&format!(".ci/{lane}"))).concat();
    let words = lanes.split(|c: char| !is_word_char(c) && c != ':');
    let chosen: Vec<_> = words.filter_map(|word| word.strip_suffix("::")).collect();
    assert!(chosen.len() >= 30, "{chosen:?}");
    let unknown = chosen.into_iter().filter(|name| test_file(name).is_none());
    none(unknown.map(|name| format!("there is no {name}.rs")));
}

/// `brigade::promises` states the values of some constants. These values must match the source.
#[test]
fn the_numbers_of_promises_are_those_of_the_source() {
    let promises = read("runtime/src/promises.rs");
    let sources = sources("runtime/src");
    let mut checked = 0;
    for (at, _) in promises.match_indices("` = ") {
        let name = promises[..at].rsplit('`').next().unwrap();
        let number: String = promises[at + 4..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let lines = sources.iter().flat_map(|source| source.code());
        let mut defined = lines.filter_map(|line| line.split_once(&format!("const {name}: ")));
        // Accept a constant that is defined as `LOOK_EVERY` instead of a number.
        assert!(
            defined.any(|(_, value)| value.ends_with(&format!("= {number};"))
                || value.ends_with("= LOOK_EVERY;")),
            "{name} is not {number}"
        );
        checked += 1;
    }
    assert!(checked >= 5, "{checked}");
}

#[test]
fn every_async_method_says_what_its_drop_loses() {
    let promises = read("runtime/src/promises.rs");
    let table = promises.split("| methods |").nth(1).unwrap();
    let table = table.split("//!\n").next().unwrap();
    // Some methods are listed in the form `Type::method`.
    let listed: BTreeSet<_> = quoted(table)
        .map(|name| name.rsplit("::").next().unwrap())
        .collect();
    none(sources("runtime/src").iter().flat_map(|source| {
        let methods = source.text.split("pub async fn ").skip(1);
        let names = methods.filter_map(|it| it.split(['(', '<']).next());
        let missing = names.filter(|name| !listed.contains(name));
        missing
            .map(|name| format!("{}: {name}", source.name))
            .collect::<Vec<_>>()
    }));
}

/// RUSTSEC-2025-0024, RUSTSEC-2025-0047, RUSTSEC-2020-0060, -0061, -0081: the runtime requires versions of
/// its dependencies that fix these bugs, and does not depend on other crates that had such bugs.
#[test]
fn dependencies_are_mended_ones() {
    let mended = [
        ("crossbeam-channel", [0, 5, 15]),
        ("futures-task", [0, 3, 6]),
        ("slab", [0, 4, 11]),
        ("mio", [1, 0, 0]),
    ];
    let manifest = read("runtime/Cargo.toml");
    let dependencies = manifest.split("\n[dependencies]\n").nth(1).unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    for (name, least) in mended {
        let mut lines = dependencies.lines();
        let line = lines.find(|line| line.split([' ', '=']).next() == Some(name));
        let mut values = line.unwrap_or_else(|| panic!("no {name}")).split('"');
        let asked = values
            .find(|part| part.starts_with(char::is_numeric))
            .unwrap();
        let asked: Vec<u32> = asked.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(asked[..] >= least[..], "{name} {asked:?}");
    }
    for unwanted in ["crossbeam-epoch", "crossbeam-deque", "socket2"] {
        assert!(!dependencies.contains(unwanted), "{unwanted}");
    }
}
