//! Tests of `--cooks 1,2`: several runs in one command, and their comparison.

mod common;

use common::{brigade, finish, run};

#[test]
fn a_list_of_cooks_is_one_object_with_all_runs() {
    let run = run(&["fetch", "--count", "20", "--cooks", "1,2", "--json", "-q"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let object = run.json();
    let runs = object["runs"].as_array().expect("runs");
    let cooks: Vec<_> = runs
        .iter()
        .map(|run| run["cooks"].as_u64().unwrap())
        .collect();
    assert_eq!(cooks, [1, 2]);
    for run in runs {
        assert_eq!(run["done"], 20, "{run}");
        assert_eq!(run["in_flight_max"], 20, "{run}");
    }
    assert_eq!(
        object["cooks"], 2,
        "the keys above are those of the last run"
    );
    assert_eq!(object["done"], 20);
    assert!(object["comparison"].is_string());
}

#[test]
fn one_number_of_cooks_has_no_list() {
    let run = run(&["fetch", "--count", "3", "--cooks", "2", "--json", "-q"]);
    assert!(run.json().get("runs").is_none(), "{run:?}");
}

#[test]
fn the_comparison_stands_under_the_reports() {
    let run = run(&["fetch", "--count", "20", "--cooks", "2,1", "-q"]);
    let titles: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("fetch: "))
        .collect();
    assert_eq!(titles.len(), 3, "{run:?}");
    assert!(
        titles[0].ends_with("2 cooks") && titles[1].ends_with("1 cook"),
        "{titles:?}"
    );
    assert_eq!(titles[2], "fetch: compared");
}

#[test]
fn each_run_of_a_list_gets_its_drawing() {
    let room = tempfile::tempdir().unwrap();
    let to = room.path().join("run.svg");
    let to = to.to_str().unwrap();
    let run = run(&[
        "fetch",
        "--count",
        "5",
        "--cooks",
        "1,2",
        "--timeline",
        to,
        "-q",
    ]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let mut names: Vec<_> = std::fs::read_dir(room.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["run-1cook.svg", "run-2cooks.svg"]);
}

#[test]
fn a_number_that_stands_there_twice_is_refused() {
    let run = run(&["fetch", "--count", "5", "--cooks", "2,1,2"]);
    assert!(run.refused().contains("twice"), "{run:?}");
}

/// `kitchen` itself compares one cook with several, so one run is enough for `--cooks 1,2`.
#[test]
fn who_compares_already_is_run_once_for_one_and_another() {
    let args = ["kitchen", "--minute", "1", "--cooks", "1,2"];
    let text = run(&args);
    assert_eq!(text.status, Some(0), "{text:?}");
    for once in ["kitchen: ", "sequential, 1 cook", "parallel, 2 cooks"] {
        assert_eq!(text.stdout.matches(once).count(), 1, "{once}: {text:?}");
    }
    let object = run(&[&args[..], &["--json"]].concat()).json();
    let runs = object["runs"].as_array().expect("runs");
    let cooks: Vec<_> = runs.iter().map(|run| run["cooks"].as_u64()).collect();
    assert_eq!(cooks, [Some(1), Some(2)]);
    assert!(
        object["comparison"]
            .as_str()
            .unwrap()
            .starts_with("1 cook ")
    );
    assert!(object["ways"].is_array(), "{object}");
}

#[test]
fn who_compares_already_draws_the_one_cook_too() {
    let room = tempfile::tempdir().unwrap();
    let to = room.path().join("run.svg");
    let to = to.to_str().unwrap();
    let args = [
        "matrix",
        "--minute",
        "1",
        "--cooks",
        "1,2",
        "--timeline",
        to,
    ];
    let run = run(&args);
    assert_eq!(run.status, Some(0), "{run:?}");
    for name in ["run-1cook.svg", "run-2cooks.svg"] {
        assert!(room.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn the_ladder_of_squares_has_the_rungs_that_were_asked_for() {
    let args = ["squares", "--size", "100000", "--cooks", "1,3", "--json"];
    let object = run(&args).json();
    let ladder = object["ladder"].as_array().unwrap();
    let cooks: Vec<_> = ladder.iter().map(|rung| rung["cooks"].as_u64()).collect();
    assert_eq!(cooks, [Some(1), Some(3)]);
}

/// A run that is already among the charts is not drawn again. The main future of a run has no row.
#[test]
fn a_run_that_is_drawn_is_not_drawn_twice() {
    let run = run(&["cashier", "--minute", "1", "--timeline", "-"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let rows = |name| {
        run.stdout
            .lines()
            .filter(|line| line.starts_with(name))
            .count()
    };
    assert_eq!((rows("customer 1 "), rows("main ")), (2, 0), "{run:?}");
    assert!(run.stdout.ends_with("The run is drawn above.\n"), "{run:?}");
}

#[test]
fn no_line_is_longer_than_80_columns() {
    for args in [
        &["fetch", "--count", "200"][..],
        &["pitfalls", "--step", "10"],
        &["threads", "--requests", "200", "--millions", "2"],
        &["equations", "--minute", "1"],
    ] {
        let args = [args, &["--cooks", "1,2", "-q"]].concat();
        let command = brigade(&args).env("COLUMNS", "80").spawn();
        let run = finish(command.expect("the command starts"));
        assert_eq!(run.status, Some(0), "{run:?}");
        for line in run.stdout.lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
        }
    }
}
