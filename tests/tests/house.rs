//! The structure of `runtime/src` is what ARCHITECTURE.md says: who uses whom, where `unsafe` stands,
//! how long it takes to read.

#[path = "text/mod.rs"]
mod text;

use std::collections::{BTreeMap, BTreeSet};

use text::{Source, code, declared, none, quoted, read, renew, rows, section, sources};

const PAGE: &str = "ARCHITECTURE.md";

/// Files that show what stands below them, where people look for it.
const FACADES: &[&str] = &["lib.rs", "task/mod.rs", "task/join_set.rs", "task/spawn.rs"];

/// The files of which something is shipped.
fn shipped() -> Vec<Source> {
    let mut files = sources("runtime/src");
    files.retain(|file| !file.shipped().is_empty());
    files
}

/// The module of the first level that a file belongs to.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The modules of the first level that a file's `crate::` paths lead to.
fn uses(file: &Source) -> BTreeSet<&str> {
    // What a macro names with `$crate` is named in the program that uses it.
    let lines = file.code().filter(|line| !line.contains("$crate"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    let names = paths.map(|path| {
        path.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap()
    });
    // The stand-ins for what loom cannot run are no module of the library.
    let names = names.filter(|name| !["models", "loom_tests", "test_support"].contains(name));
    names
        .filter(|name| name.starts_with(char::is_lowercase))
        .collect()
}

#[test]
fn a_module_uses_only_modules_above_it_in_lib_rs() {
    let lib = read("runtime/src/lib.rs");
    let modules = lib.lines().filter_map(|line| {
        line.trim_start_matches("pub ")
            .strip_prefix("mod ")?
            .strip_suffix(';')
    });
    let modules: Vec<_> = modules.collect();
    let row = |module: &str| modules.iter().position(|other| *other == module);
    let mut wrong = Vec::new();
    for file in shipped()
        .iter()
        .filter(|file| !FACADES.contains(&file.name.as_str()))
    {
        let own = row(module(&file.name));
        for used in uses(file) {
            if row(used).is_none() || row(used) > own {
                wrong.push(format!(
                    "{} uses {used}, which does not stand above it",
                    file.name
                ));
            }
        }
    }
    none(wrong);
}

#[test]
fn executors_do_not_know_one_another_and_sockets_know_neither() {
    let apart = [
        ("single_thread", "work_stealing"),
        ("work_stealing", "single_thread"),
        ("net time io", "single_thread work_stealing executor"),
    ];
    let files = shipped();
    none(apart.iter().flat_map(|(of, others)| {
        let files = files
            .iter()
            .filter(|file| of.split(' ').any(|it| it == module(&file.name)));
        files.flat_map(|file| {
            let known = uses(file)
                .into_iter()
                .filter(|used| others.split(' ').any(|it| it == *used));
            known
                .map(|used| format!("{} uses {used}", file.name))
                .collect::<Vec<_>>()
        })
    }));
}

#[test]
fn some_things_are_named_only_where_they_belong() {
    // What, and where it may stand.
    let places = [
        ("mio::", "reactor io net"),
        ("std::sync::atomic", "sync.rs task/id.rs recorder.rs trace"),
        (
            "std::sync::Mutex",
            "sync.rs task/id.rs recorder.rs trace task/error.rs",
        ),
        ("std::cell::UnsafeCell", "sync.rs"),
    ];
    let mut wrong = Vec::new();
    for file in shipped() {
        for (what, places) in places {
            let allowed = places
                .split(' ')
                .any(|place| place == file.name || place == module(&file.name));
            if !allowed && file.code().any(|line| line.contains(what)) {
                wrong.push(format!("{} names {what}", file.name));
            }
        }
    }
    none(wrong);
}

/// The table below the heading on unsafe code: file, blocks, impls and externs.
#[test]
fn unsafe_stands_only_where_architecture_md_lists_it() {
    let page = read(PAGE);
    let listed = rows(section(&page, "unsafe").expect("a section on unsafe code")).into_iter();
    let listed: BTreeMap<String, _> = listed
        .filter_map(|row| {
            Some((
                quoted(&row[0]).next()?.to_owned(),
                (row[1].parse().ok()?, row[2].parse().ok()?),
            ))
        })
        .collect();
    let count = |file: &Source, what| {
        file.code()
            .map(|line| line.matches(what).count())
            .sum::<usize>()
    };
    let files = shipped();
    let counted = files.iter().map(|file| {
        let impls = count(file, "unsafe impl") + count(file, "unsafe extern");
        (file.name.clone(), (count(file, "unsafe {"), impls))
    });
    let counted: BTreeMap<_, (usize, usize)> =
        counted.filter(|(_, counts)| *counts != (0, 0)).collect();
    assert_eq!(
        counted, listed,
        "left: blocks and impls in the source; right: those in {PAGE}"
    );
}

/// To see the figures: `cargo test -p brigade-tests --test house lines -- --nocapture`.
#[test]
fn files_have_at_most_450_lines() {
    let (mut all_code, mut all_comments, mut long) = (0, 0, Vec::new());
    let files = shipped();
    for file in &files {
        let full = file
            .shipped()
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        all_code += file.code().count();
        all_comments += full - file.code().count();
        if full > 450 {
            long.push(format!("{} has {full} lines", file.name));
        }
    }
    println!(
        "runtime/src: {} files; {all_code} lines of code, {all_comments} of comments",
        files.len()
    );
    assert!(all_code > 1000 && all_comments > 1000);
    none(long);
}

// ---- how long the reading takes ------------------------------------------------------------------

/// Minutes for the shipped part of a file: 200 words of comment or 15 lines of code in each.
fn minutes(file: &Source) -> f64 {
    file.words() as f64 / 200.0 + file.code().count() as f64 / 15.0
}

/// The faults of the tables below "Reading order", with the columns step, file, question, minutes. The
/// tables below "Evening one" and "Evening two" keep within their time.
fn reading_faults(page: &str, files: &[Source]) -> Vec<String> {
    let order = section(page, "Reading order").expect("a reading order");
    let mut faults = Vec::new();
    for row in rows(order)
        .iter()
        .filter(|row| row[0].parse::<u32>().is_ok())
    {
        let name = quoted(&row[1]).next().unwrap_or("");
        let Some(file) = files.iter().find(|file| file.name == name) else {
            faults.push(format!("step {}: no file {name}", row[0]));
            continue;
        };
        let computed = minutes(file).round();
        let told = row.last().and_then(|cell| cell.parse::<f64>().ok());
        // Small changes need not be written down each time.
        if told.is_none_or(|told| (told - computed).abs() > 1.0) {
            faults.push(format!(
                "{name} takes {computed} minutes, not {}",
                row.last().unwrap()
            ));
            let line = format!("| {} |", row.join(" | "));
            let (kept, _) = row.split_at(row.len() - 1);
            renew(
                PAGE,
                &line,
                &format!("| {} | {computed} |", kept.join(" | ")),
            );
        }
    }
    for (evening, at_most) in [("Evening one", 150.0), ("Evening two", 90.0)] {
        let table = rows(section(order, evening).unwrap_or_default());
        let read = files.iter().filter(|file| {
            table
                .iter()
                .any(|row| row.len() > 1 && row[1] == format!("`{}`", file.name))
        });
        let sum: f64 = read.map(minutes).sum();
        println!("{evening}: {sum:.0} minutes");
        if sum > at_most {
            faults.push(format!(
                "{evening} takes {sum:.0} minutes, more than {at_most}"
            ));
        }
    }
    faults
}

/// With `BRIGADE_QUOTE=1` the minutes are written anew.
#[test]
fn reading_times_are_those_of_the_sources() {
    none(reading_faults(&read(PAGE), &shipped()));
}

// ---- the life of a task --------------------------------------------------------------------------

/// What a way through the source passes.
#[derive(Debug, Default, PartialEq)]
struct Way {
    files: usize,
    functions: usize,
    lines: usize,
    types: usize,
}

/// Sums the tables below "The life of a task": one cook's, and what many cooks add to it. A row has a
/// file in its second column and functions in its third, each in backticks.
fn life_of_a_task(page: &str, files: &[Source]) -> Result<[Way; 2], String> {
    let life = section(page, "The life of a task").ok_or("no section")?;
    let mut seen = BTreeSet::new();
    let mut ways = Vec::new();
    for heading in ["One cook", "Many cooks"] {
        let table = section(life, heading).ok_or(format!("no section {heading}"))?;
        let mut way = Way::default();
        for row in rows(table).iter().filter(|row| row.len() >= 3) {
            let Some(name) = quoted(&row[1]).next() else {
                continue;
            };
            let file = files
                .iter()
                .find(|file| file.name == name)
                .ok_or(format!("no file {name}"))?;
            if seen.insert((name.to_owned(), String::new())) {
                way.files += 1;
                let is_type = |line: &&str| {
                    ["struct ", "enum ", "union ", "trait "]
                        .iter()
                        .any(|kind| line.contains(kind))
                };
                way.types += file
                    .code()
                    .filter(is_type)
                    .filter(|line| {
                        declared(line).is_some_and(|it| it.starts_with(char::is_uppercase))
                    })
                    .count();
            }
            for function in quoted(&row[2]).map(|it| it.trim_end_matches("()")) {
                let text = file
                    .function(function)
                    .ok_or(format!("no {function} in {name}"))?;
                if seen.insert((
                    name.to_owned(),
                    function.rsplit("::").next().unwrap().to_owned(),
                )) {
                    way.functions += 1;
                    way.lines += code(&text).count();
                }
            }
        }
        ways.push(way);
    }
    Ok(ways.try_into().expect("two headings"))
}

/// To see the sums: `cargo test -p brigade-tests --test house life -- --nocapture`.
#[test]
#[ignore = "until ARCHITECTURE.md has the two tables"]
fn the_life_of_a_task_is_short() {
    let [one, many] = life_of_a_task(&read(PAGE), &shipped()).unwrap();
    println!("one cook: {one:?}\nmany cooks add: {many:?}");
    assert!(one.files <= 14 && one.functions <= 80 && one.lines <= 950 && one.types <= 40);
    assert!(many.files <= 8 && many.functions <= 50 && many.lines <= 500 && many.types <= 14);
}

#[test]
fn the_checks_find_what_they_are_for() {
    let text = "//! Two words.\n\nstruct A;\nimpl A {\n    fn f() {\n        // Why.\n        g();\n    }\n}\nfn f() {}\n";
    let files = [Source {
        name: "a.rs".into(),
        text: text.into(),
    }];
    // A word is 1/200 of a minute, a line 1/15: 3 words, 7 lines.
    assert_eq!((minutes(&files[0]) * 600.0).round(), 9.0 + 280.0);
    let page =
        |minutes| format!("## Reading order\n\n| 1 | `a.rs` | why? | {minutes} |\n\n## More\n");
    assert_eq!(reading_faults(&page(0), &files), [String::new(); 0]);
    assert_eq!(reading_faults(&page(5), &files).len(), 1);
    let page = |file, function| {
        format!(
            "## The life of a task\n\n### One cook\n\n| 1 | `a.rs` | `A::f` | x |\n\n### Many cooks\n\n| 1 | `{file}` | `{function}` | x |\n"
        )
    };
    let way = |files, functions, lines, types| Way {
        files,
        functions,
        lines,
        types,
    };
    assert_eq!(
        life_of_a_task(&page("a.rs", "A::f()"), &files),
        Ok([way(1, 1, 3, 1), way(0, 0, 0, 0)])
    );
    assert!(life_of_a_task(&page("gone.rs", "f"), &files).is_err());
    assert!(life_of_a_task(&page("a.rs", "gone"), &files).is_err());
}
