//! Checks that each bug in `tests/mutants/list.diff` can be put into the current source.
//!
//! The example `mutants` checks whether the tests catch the bugs, which takes longer. See
//! `tests/mutants/RESULTS.md`.

use std::collections::HashSet;
use std::fs;

use brigade_tests::mutants::{Check, list, root};
use brigade_tests::test_file;

#[expect(dead_code, reason = "only the exercises need all fields")]
#[path = "../../../runtime/exercises/src/breaks.rs"]
mod breaks;

#[test]
fn every_mutant_fits_the_source_exactly_once() {
    let mutants = list();
    assert!(mutants.len() >= 40, "{}", mutants.len());
    let mut rotten = Vec::new();
    for mutant in mutants {
        let source = fs::read_to_string(root().join(&mutant.file)).unwrap();
        match mutant.apply(&source) {
            Ok(buggy) if buggy != source => {}
            Ok(_) => rotten.push(format!("{} changes nothing", mutant.name)),
            Err(error) => rotten.push(error),
        }
    }
    assert!(rotten.is_empty(), "{}", rotten.join("\n"));
}

/// Each bug of the exercises replaces a text that must occur exactly once in its file. This test does not
/// check that the exercises' tests find the bugs, because that takes much longer.
#[test]
fn every_exercise_with_a_bug_fits_the_source_exactly_once() {
    for it in breaks::BREAKS {
        let source = fs::read_to_string(root().join(it.file)).unwrap();
        assert_eq!(source.matches(it.from).count(), 1, "exercise {}", it.number);
    }
}

#[test]
fn every_mutant_has_a_name_of_its_own_and_a_check_that_exists() {
    let mut names = HashSet::new();
    for mutant in list() {
        assert!(names.insert(mutant.name.clone()), "{} twice", mutant.name);
        let (file, filter) = match &mutant.check {
            Check::Unit(_) => continue,
            Check::Loom(model) => {
                let path = root().join(format!("runtime/src/loom_tests/{model}.rs"));
                (Some(path), "")
            }
            Check::Test(file, filter) => (test_file(file).map(|it| it.path), filter.as_str()),
        };
        let text = file.and_then(|file| fs::read_to_string(file).ok());
        let text = text.unwrap_or_else(|| panic!("{}: no file of {}", mutant.name, mutant.check));
        let test = filter.rsplit("::").next().unwrap();
        let kitchen = test.starts_with("one_cook") || test.starts_with("many_cooks");
        assert!(kitchen || text.contains(test), "{}: {filter}", mutant.name);
    }
}

#[test]
fn what_is_on_record_was_caught() {
    let results = fs::read_to_string(root().join("tests/mutants/RESULTS.md")).unwrap();
    let rows: Vec<&str> = results
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() >= 40, "{}", rows.len());
    let names: HashSet<String> = list().into_iter().map(|mutant| mutant.name).collect();
    for row in rows {
        let name = row.split('`').nth(1).unwrap();
        assert!(names.contains(name), "{name} is not on the list any more");
        assert!(row.contains("| caught: "), "{row}");
    }
}
