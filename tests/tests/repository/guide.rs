//! Checks that the pages in `runtime/docs` cite only tests, code and figures that exist.

use std::fs;
use std::path::Path;

use brigade_tests::test_file;

use crate::text::sources;

fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join("runtime/docs").join(name)).unwrap()
}

/// Returns the rows of all tables as cells, without header and separator rows.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = page.lines().collect();
    let is_rule = |line: &str| line.starts_with("|--");
    let mut rows = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let head = lines.get(number + 1).is_some_and(|next| is_rule(next));
        if line.starts_with('|') && !is_rule(line) && !head {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

/// Returns the tests that a cell names, each in the form `file::function` in backticks.
fn named(cell: &str) -> Vec<(&str, &str)> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split_once("::")).collect()
}

/// Returns whether `file` defines the function and marks it as a test.
fn is_a_test(file: &str, function: &str) -> bool {
    let Some(file) = test_file(file) else {
        return false;
    };
    let text = fs::read_to_string(file.path).unwrap();
    let defined =
        text.contains(&format!("fn {function}(")) || text.contains(&format!("fn {function}<"));
    defined && (is_listed(&text, function) || text.contains(&format!("#[test]\nfn {function}(")))
}

/// Returns whether a macro at the end of a file, such as `on_both!`, lists the test. Commas or semicolons
/// separate the names of the tests. The word `alone:` may stand before a name.
pub(crate) fn is_listed(text: &str, test: &str) -> bool {
    let is_name = |name: &str| {
        name.chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '_')
    };
    text.lines().any(|line| {
        let names = line
            .split([',', ';'])
            .map(|it| it.trim().trim_start_matches("alone:"));
        let names: Vec<_> = names.map(str::trim).collect();
        names.contains(&test) && names.into_iter().all(is_name)
    })
}

/// Returns what is wrong with the last cells of a page's rows. Each of these cells must name tests or contain
/// the word "untried".
fn unproven(rows: &[Vec<String>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows {
        let cell = row.last().unwrap();
        let tests = named(cell);
        let is_untried = cell.split(' ').any(|word| word == "untried");
        if tests.is_empty() != is_untried {
            wrong.push(format!("a test, or untried: {} | {cell}", row[0]));
        }
        for (file, function) in tests {
            if !is_a_test(file, function) {
                wrong.push(format!("no such test: {file}::{function}"));
            }
        }
    }
    wrong
}

#[test]
fn every_row_names_a_test_that_exists_or_is_untried() {
    let rows = ["ecosystem.md", "from-tokio-or-smol.md"].map(|name| rows(&page(name)));
    let features = rows[0].iter().filter(|row| row.len() == 7);
    let crates = rows[0].iter().filter(|row| row.len() == 4);
    assert!(features.count() >= 35 && crates.count() >= 20);
    assert!(rows[1].len() >= 55);
    let wrong = rows.map(|rows| unproven(&rows)).concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `unproven` must find a row without a test, and a row whose test does not exist.
#[test]
fn a_row_that_is_unproven_is_found_out() {
    let row = |cell: &str| vec![vec!["soup".to_owned(), cell.to_owned()]];
    assert!(unproven(&row("yes: `tcp::echo`")).is_empty());
    assert!(unproven(&row("untried")).is_empty());
    assert_eq!(unproven(&row("yes")).len(), 1);
    assert_eq!(unproven(&row("`tcp::echo`, untried")).len(), 1);
    assert_eq!(unproven(&row("`tcp::no_such_test`")).len(), 1);
}

/// `ecosystem.md` must state how many lines the feature `hyper` has.
#[test]
fn the_feature_hyper_has_as_many_lines_as_the_page_says() {
    let files = sources("runtime/src").into_iter();
    let files = files.filter(|file| file.name.starts_with("hyper"));
    let lines: usize = files.map(|file| file.code().count()).sum();
    let said = format!("the feature `hyper`, which has {lines} lines without comments");
    assert!(
        page("ecosystem.md").contains(&said),
        "the feature has {lines} lines now"
    );
}

/// `ecosystem.md` must show the code that the tests of axum run. The benchmark must run the same code, but
/// without `compat()`, because the benchmark's service calls nothing of tokio.
#[test]
fn the_recipe_for_axum_is_the_code_of_its_test() {
    let test = fs::read_to_string(test_file("axum").unwrap().path).unwrap();
    let between = |text: &str, from: &str, to: &str| {
        let rest = text.split_once(from).unwrap().1;
        rest.split_once(to).unwrap().0.trim().to_owned()
    };
    let recipe = |text: &str| between(text, "// The recipe.\n", "// The end of the recipe.");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("ecosystem/http_load/service.rs");
    let measured = recipe(&fs::read_to_string(example).unwrap());
    let recipe = recipe(&test);
    assert_eq!(measured, recipe.replace(".compat()", ""));
    assert!(recipe.lines().count() > 20);
    let page = page("ecosystem.md");
    let shown = between(&page, "```rust,ignore\n", "```");
    assert_eq!(shown, recipe);
}

/// Returns the line of each public item, with the doc comment above it.
fn public_items(text: &str) -> Vec<(String, String)> {
    let (mut items, mut doc) = (Vec::new(), String::new());
    for line in text.lines() {
        match line {
            _ if line.starts_with("///") => doc.push_str(line),
            _ if line.starts_with("#[") => {}
            _ => {
                let kinds = ["fn ", "async fn ", "struct ", "enum ", "trait "];
                let public = line.strip_prefix("pub ");
                if public.is_some_and(|rest| kinds.iter().any(|kind| rest.starts_with(kind))) {
                    items.push((line.to_owned(), doc.clone()));
                }
                doc.clear();
            }
        }
    }
    items
}

/// Each public item in these files must have an example, or say where an example is.
#[test]
fn public_items_have_an_example_or_say_where_one_is() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
    let mut files: Vec<_> = ["io", "time", "signal", "testing", "hyper"]
        .map(|name| source.join(format!("{name}.rs")))
        .into();
    for folder in ["net", "io", "time", "hyper"] {
        let listed = fs::read_dir(source.join(folder)).unwrap();
        files.extend(listed.map(|it| it.unwrap().path()));
    }
    let (mut seen, mut bare) = (0, Vec::new());
    for path in files {
        for (item, doc) in public_items(&fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let shown = [
                "```",
                "example",
                "[`sleep`]",
                "See [",
                "such as [`",
                "is sealed",
            ];
            if !shown.iter().any(|word| doc.contains(word)) {
                bare.push(format!("{}: {item}", path.display()));
            }
        }
    }
    assert!(seen > 25, "{seen}");
    assert!(bare.is_empty(), "{}", bare.join("\n"));
}

/// `is_a_test` must distinguish tests from other functions.
#[test]
fn a_name_that_is_no_test_is_found_out() {
    assert!(is_a_test("guide", "a_name_that_is_no_test_is_found_out"));
    assert!(is_a_test("tcp", "echo"));
    assert!(is_a_test(
        "join_set",
        "detaching_again_and_again_leaks_nothing"
    ));
    assert!(is_a_test("idle", "after_a_burst"));
    assert!(!is_a_test("guide", "is_a_test"));
    assert!(!is_a_test("guide", "nothing_of_this_name"));
    assert!(!is_a_test("no_such_file", "echo"));
}

/// Each row of the dictionary, `from-tokio-or-smol.md`, must have four cells.
#[test]
fn the_dictionary_has_four_columns() {
    let page = page("from-tokio-or-smol.md");
    let rows = rows(&page);
    assert!(rows.len() > 40);
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(!row[0].is_empty() && !row[2].is_empty(), "{row:?}");
    }
}
