//! The house keeps its order: what ARCHITECTURE.md says of the source's structure is true.
//!
//! The rooms (modules) of the runtime stand in `lib.rs` in reading order, and a room uses only rooms
//! that stand above it. `unsafe` stands only in the rooms that ARCHITECTURE.md lists, as often as it
//! says. Atomics and locks come from `sync.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn source() -> PathBuf {
    root().join("runtime/src")
}

/// A source file of the runtime, by its path below `runtime/src`, with its lines of shipped code:
/// no comments, no unit tests, no models.
struct File {
    name: String,
    lines: Vec<String>,
}

fn files() -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(File::read(&path));
            }
        }
    }
    // Not shipped: models and the tests that stand in files of their own.
    found.retain(|file| !file.name.starts_with("models/") && !is_test(&file.name));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.ends_with("properties.rs")
}

impl File {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let shipped = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
        let lines = shipped.lines().map(str::trim);
        let name = path.strip_prefix(source()).unwrap();
        File {
            name: name.to_str().unwrap().replace('\\', "/"),
            lines: lines
                .filter(|line| !line.starts_with("//"))
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The room: the first part of the path.
    fn room(&self) -> &str {
        let first = self.name.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn count(&self, what: &str) -> usize {
        self.lines
            .iter()
            .map(|line| line.matches(what).count())
            .sum()
    }

    /// The rooms that its `crate::` paths lead to.
    fn uses(&self) -> Vec<String> {
        // What a macro says with `$crate` is said in the program that uses it.
        let lines = self.lines.iter().filter(|line| !line.contains("$crate"));
        let paths = lines.flat_map(|line| line.split("crate::").skip(1));
        paths
            .map(|path| {
                let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
                path[..end.unwrap_or(path.len())].to_owned()
            })
            // The models' stand-ins for what loom cannot run are no room of the house.
            .filter(|room| room.starts_with(char::is_lowercase) && room != "models")
            .collect()
    }
}

/// The rooms in the order of `lib.rs`.
fn rooms() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let lines = lib.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    lines.map(str::to_owned).collect()
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let rooms = rooms();
    let row = |room: &str| rooms.iter().position(|other| other == room);
    let mut wrong = Vec::new();
    for file in files() {
        // The facades, which show things where people look for them.
        if file.name == "lib.rs" || file.name == "task/mod.rs" {
            continue;
        }
        let own = row(file.room()).unwrap_or_else(|| panic!("lib.rs lists no {}", file.name));
        for used in file.uses() {
            match row(&used) {
                Some(row) if row <= own => {}
                Some(_) => wrong.push(format!("{} uses {used}, which is below it", file.name)),
                None => wrong.push(format!(
                    "{} uses {used}, which lib.rs does not list",
                    file.name
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_executors_do_not_know_one_another_and_sockets_know_neither() {
    let strangers = [
        ("single_thread", vec!["work_stealing"]),
        ("work_stealing", vec!["single_thread"]),
        ("net", vec!["single_thread", "work_stealing", "executor"]),
        ("time", vec!["single_thread", "work_stealing", "executor"]),
        ("io", vec!["single_thread", "work_stealing", "executor"]),
    ];
    for file in files() {
        for (room, others) in &strangers {
            if file.room() == *room {
                for used in file.uses() {
                    assert!(
                        !others.contains(&used.as_str()),
                        "{} uses {used}",
                        file.name
                    );
                }
            }
        }
    }
}

/// The table under "The unsafe rooms" in ARCHITECTURE.md: file, blocks, impls and externs.
fn listed_unsafe() -> BTreeMap<String, (usize, usize)> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = text
        .split("## The unsafe rooms")
        .nth(1)
        .expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let file = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        let mut number = || cells.next()?.parse().ok();
        Some((file.to_owned(), (number()?, number()?)))
    });
    rows.collect()
}

#[test]
fn unsafe_stands_only_where_architecture_md_lists_it() {
    let counted: BTreeMap<String, (usize, usize)> = files()
        .iter()
        .map(|file| {
            let impls = file.count("unsafe impl") + file.count("unsafe extern");
            let counts = (file.count("unsafe {"), impls);
            (file.name.clone(), counts)
        })
        .filter(|(_, counts)| *counts != (0, 0))
        .collect();
    assert_eq!(
        counted,
        listed_unsafe(),
        "left: blocks and impls in the source; right: those in ARCHITECTURE.md"
    );
}

#[test]
fn atomics_and_locks_come_from_sync() {
    for file in files() {
        // Neither a task's name nor what is written down decides a race: see the files.
        if ["sync.rs", "task/id.rs", "recorder.rs"].contains(&file.name.as_str()) {
            continue;
        }
        for what in [
            "std::sync::atomic",
            "std::sync::Mutex<",
            "use std::sync::Mutex",
            "std::cell::UnsafeCell",
        ] {
            // An error's payload is behind a mutex that is never contended: see the file.
            if file.name == "task/error.rs" && what == "std::sync::Mutex<" {
                continue;
            }
            assert_eq!(file.count(what), 0, "{} has {what}", file.name);
        }
    }
}

#[test]
fn only_the_reactor_and_the_sockets_name_mio() {
    let allowed = ["reactor", "io", "net"];
    for file in files() {
        let names = file.count("mio::") > 0;
        assert!(
            !names || allowed.contains(&file.room()),
            "{} names mio",
            file.name
        );
    }
}

/// Lines of code, of comments and of tests. Empty ones count for none.
#[derive(Default)]
struct Lines {
    code: usize,
    comments: usize,
    tests: usize,
}

impl Lines {
    fn of(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(source()).unwrap().to_str().unwrap();
        let mut lines = Lines::default();
        let shipped = if name.starts_with("models") || is_test(name) {
            ""
        } else {
            text.split("\n#[cfg(test)]\nmod tests {").next().unwrap()
        };
        let full = |line: &&str| !line.trim().is_empty();
        lines.tests = text[shipped.len()..].lines().filter(full).count();
        for line in shipped.lines().filter(full) {
            match line.trim_start().starts_with("//") {
                true => lines.comments += 1,
                false => lines.code += 1,
            }
        }
        lines
    }
}

/// Every source file below `runtime/src`, tests and models included.
fn every_source() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![source()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

/// To see the figures: `cargo test -p brigade-tests --test house lines -- --nocapture`.
#[test]
fn files_are_of_450_lines_at_most() {
    let (mut sum, mut long, mut count) = (Lines::default(), Vec::new(), 0);
    for path in every_source() {
        let lines = Lines::of(&path);
        if lines.code + lines.comments > 450 {
            long.push(path);
        }
        sum.code += lines.code;
        sum.comments += lines.comments;
        sum.tests += lines.tests;
        count += 1;
    }
    println!(
        "runtime/src: {count} files; {} lines of code, {} of comments, {} of tests and models",
        sum.code, sum.comments, sum.tests
    );
    assert!(sum.code > 1000 && sum.comments > 1000 && sum.tests > 1000);
    assert!(long.is_empty(), "these want splitting: {long:?}");
}
