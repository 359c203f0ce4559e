//! Tests of the demos about concurrency and parallelism at a small size. Each demo must run to its end with
//! one cook and with two, and its figures must be right.
//!
//! No check depends on how busy the machine is. The tests check sums, counts, and minimum times that timers
//! guarantee. A test in which two threads must work at the same time tries several times.

mod common;

use common::{brigade, finish, run, signal};
use rustix::process::Signal;
use serde_json::Value;

/// The maximum number of tries to see two threads work at the same time. A try fails only if the system
/// delays one of them.
const TRIES: usize = 20;

/// Runs a demo once with one cook and once with two, and checks both runs.
#[track_caller]
fn one_and_two(args: &[&str]) -> [Value; 2] {
    ["1", "2"].map(|cooks| {
        let mut args = args.to_vec();
        args.extend(["--cooks", cooks, "--json", "-q"]);
        let run = run(&args);
        assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
        let object = run.json();
        assert_eq!(object["demo"], args[0]);
        assert_eq!(object["cooks"].to_string(), cooks);
        check(&object);
        object
    })
}

/// Checks the facts that hold for every run.
#[track_caller]
fn check(object: &Value) {
    let cooks = number(&object["cooks"]);
    let at_once = number(&object["at_once_max"]);
    assert!((1..=cooks).contains(&at_once), "{object}");
    assert!(at_once <= number(&object["in_flight_max"]), "{object}");
    assert!(seconds(&object["wall_s"]) > 0.0, "{object}");
    assert!(
        (0.0..=1.0).contains(&seconds(&object["waiting_share"])),
        "{object}"
    );
    if let Some(busy) = object.get("busy") {
        let busy = busy.as_array().unwrap();
        assert_eq!(busy.len() as u64, cooks, "{object}");
        assert!(
            object["verdict"].as_str().unwrap().ends_with('.'),
            "{object}"
        );
    }
}

#[track_caller]
fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[track_caller]
fn seconds(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

/// Returns one figure of each object in a list.
#[track_caller]
fn each(objects: &Value, key: &str) -> Vec<u64> {
    list(objects)
        .iter()
        .map(|object| number(&object[key]))
        .collect()
}

#[test]
fn kitchen_is_one_at_a_time_then_together_then_at_once() {
    for object in one_and_two(&["kitchen", "--minute", "10"]) {
        let ways = list(&object["ways"]);
        let names: Vec<_> = ways
            .iter()
            .map(|way| way["way"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["sequential", "concurrent", "parallel"]);
        ways.iter().for_each(check);
        assert_eq!(each(&object["ways"], "in_flight_max"), [1, 3, 3]);
        assert_eq!(each(&object["ways"], "at_once_max")[..2], [1, 1]);
        assert!(number(&ways[2]["cooks"]) >= 2);
        // In each of the three ways, the water takes 6 minutes, and then the noodles take 3.
        assert!(
            ways.iter().all(|way| seconds(&way["wall_s"]) >= 0.090),
            "{object}"
        );
        // One after another, the waits take 6 + 3 + 3 minutes.
        assert!(seconds(&ways[0]["wall_s"]) >= 0.120, "{object}");
    }
}

#[test]
fn kitchen_draws_three_charts() {
    let run = run(&["kitchen", "--minute", "2", "--cooks", "3"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let titles = [
        "sequential, 1 cook",
        "concurrent, 1 cook",
        "parallel, 3 cooks",
    ];
    let lines: Vec<&str> = run.stdout.lines().collect();
    for title in titles {
        assert!(lines.contains(&title), "{title}: {run:?}");
    }
    let rows = lines.iter().filter(|line| line.starts_with("chop onions "));
    assert_eq!(rows.count(), 3);
    assert!(
        lines.iter().all(|line| line.chars().count() <= 100),
        "{run:?}"
    );
}

#[test]
fn cashier_alone_never_serves_two_at_once_and_two_do() {
    let mut overlapped = false;
    for _ in 0..TRIES {
        for object in one_and_two(&["cashier", "--minute", "5"]) {
            let shops = list(&object["shops"]);
            shops.iter().for_each(check);
            for shop in shops {
                assert_eq!(
                    list(&shop["visits"]).len(),
                    6,
                    "three customers, two runs each"
                );
                let overlaps = number(&shop["overlaps"]);
                assert_eq!(overlaps > 0, number(&shop["at_once_max"]) > 1, "{shop}");
            }
            assert_eq!(number(&shops[0]["in_flight_max"]), 3);
            assert_eq!(number(&shops[0]["overlaps"]), 0);
            assert!(number(&shops[0]["switches"]) >= 2);
            overlapped |= number(&shops[1]["overlaps"]) > 0;
        }
        if overlapped {
            return;
        }
    }
    panic!("two cashiers never served at one instant");
}

#[test]
fn equations_use_no_more_hands_than_can_be_of_use() {
    for object in one_and_two(&["equations", "--minute", "10"]) {
        assert_eq!(object["result"], 20_279);
        assert_eq!(each(&object["attempts"], "hands"), [1, 2, 3, 4, 8]);
        let used = each(&object["attempts"], "hands_used_max");
        assert_eq!(used[..2], [1, 2], "{object}");
        assert!(
            used.iter().all(|&used| used <= 3),
            "at most three equations can be solved at the same time: {object}"
        );
        let (path, sum) = (
            seconds(&object["critical_path_s"]),
            seconds(&object["sum_s"]),
        );
        assert_eq!((path, sum), (0.09, 0.15));
        let walls: Vec<_> = list(&object["attempts"])
            .iter()
            .map(|one| seconds(&one["wall_s"]))
            .collect();
        assert!(
            walls[0] >= sum && walls.iter().all(|&wall| wall >= path),
            "{object}"
        );
        for attempt in list(&object["attempts"]) {
            check(attempt);
            // An equation is begun as a task when a hand takes it. An equation that waits for a hand is not
            // in flight.
            let begun = number(&attempt["in_flight_max"]);
            let hands = number(&attempt["hands_used_max"])..=number(&attempt["hands"]);
            assert!(hands.contains(&begun), "{attempt}");
        }
    }
}

#[test]
fn squares_come_to_the_right_sums() {
    let size: u64 = 3_000_000;
    let [one, two] = one_and_two(&["squares", "--size", "3000000"]);
    for object in [&one, &two] {
        assert_eq!(object["sum"], 328_350);
        // The small and the large sum always have four chunks on four workers, whatever `--cooks` is.
        for four in [&object["small"], &object["large"]] {
            check(four);
            assert_eq!(number(&four["cooks"]), 4, "{object}");
            assert!(number(&four["in_flight_max"]) <= 4, "{object}");
        }
        let n = u128::from(size);
        let big = ((n - 1) * n * (2 * n - 1) / 6) as u64;
        assert_eq!(number(&object["big_sum_modulo_2_64"]), big);
        assert_eq!(object["speed_up_cooks"], object["cooks"]);
        list(&object["ladder"]).iter().for_each(check);
        assert!(
            each(&object["ladder"], "in_flight_max")
                .iter()
                .all(|&most| most <= 64)
        );
        for rung in list(&object["ladder"]) {
            let efficiency = seconds(&rung["speed_up"]) / seconds(&rung["cooks"]);
            assert!((seconds(&rung["efficiency"]) - efficiency).abs() < 1e-9);
        }
    }
    assert_eq!(one["speed_up"], 1.0);
    assert_eq!(each(&one["ladder"], "cooks"), [1]);
    assert_eq!(each(&two["ladder"], "cooks"), [1, 2]);
    assert_eq!(two["speed_up"], two["ladder"][1]["speed_up"]);
}

#[test]
fn squares_draw_four_chunks_on_four_cooks() {
    let run = run(&["squares", "--size", "4000000", "--cooks", "2", "-q"]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines.contains(&"4 chunks, 4 cooks"), "{run:?}");
    for word in ["328,350", " at once"] {
        assert!(run.stdout.contains(word), "{word}: {run:?}");
    }
    let rows = ["chunk 1 ", "chunk 2 ", "chunk 3 ", "chunk 4 "];
    for row in rows {
        assert!(
            lines.iter().any(|line| line.starts_with(row)),
            "{row}: {run:?}"
        );
    }
}

/// Checks that a speed-up in the tables (a figure followed by `x`) is marked `(?)` if it is more than the
/// cooks and cores allow, and only then. A figure below 1.2 is never marked.
#[test]
fn a_speed_up_that_cooks_and_cores_do_not_allow_is_marked() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut seen = 0;
    for args in [
        &["squares", "--size", "200000", "--cooks", "1,2,4"][..],
        &["matrix", "--minute", "1", "--cooks", "2"],
    ] {
        let run = run(&[args, &["-q"]].concat());
        assert_eq!(run.status, Some(0), "{run:?}");
        for line in run.stdout.lines().filter(|line| line.starts_with("  ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(at) = words.iter().position(|word| *word == "x") else {
                continue;
            };
            let factor: f64 = words[at - 1].parse().unwrap();
            let cooks = words[0].parse().unwrap_or(2_usize);
            // A factor that is above the possible maximum by less than 5 % is not marked.
            let doubtful = factor >= 1.2 && factor > cooks.min(cores) as f64 * 1.05;
            let marked = words.get(at + 1) == Some(&"(?)");
            assert_eq!(marked, doubtful, "{line}: {run:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 3 + 2);
}

#[test]
fn parts_are_all_in_flight_once_the_job_is_cut() {
    for object in one_and_two(&["parts", "--minute", "20"]) {
        for job in ["computing", "waiting"] {
            let job = &object[job];
            for way in ["whole", "cut_for_one", "cut_for_many"] {
                check(&job[way]);
            }
            assert_eq!(job["whole"]["in_flight_max"], 1, "{object}");
            assert_eq!(job["cut_for_one"]["in_flight_max"], 5, "{object}");
            assert_eq!(job["cut_for_one"]["at_once_max"], 1, "{object}");
        }
        // A timer never fires early.
        assert!(
            seconds(&object["waiting"]["whole"]["wall_s"]) >= 0.1,
            "{object}"
        );
        assert!(
            seconds(&object["waiting"]["cut_for_one"]["wall_s"]) >= 0.02,
            "{object}"
        );
    }
}

/// The table of the four cells is printed before everything that is derived from it.
#[test]
fn matrix_says_its_table_first_and_advises_nothing_that_it_refutes() {
    let run = run(&["matrix", "--tasks", "6", "--minute", "10", "-q"]);
    let at = |what: &str| {
        let found = run.stdout.find(what);
        found.unwrap_or_else(|| panic!("{what}: {run:?}"))
    };
    let order = [
        at("Which problem"),
        at("  waiting "),
        at("  chopping "),
        at("\nWaiting: "),
    ];
    assert!(order.is_sorted(), "{run:?}");
    // The second cell of a row shows the gain from more cooks. Without a gain, no advice may promise one.
    let gained = run.stdout.contains("computing needs parallelism");
    assert!(gained || !run.stdout.contains("at best"), "{run:?}");
    assert!(!run.stdout.contains("Other programs had"), "{run:?}");
}

#[test]
fn matrix_has_four_cells_and_waiting_uses_hardly_any_processor() {
    for object in one_and_two(&["matrix", "--tasks", "6", "--minute", "10"]) {
        let cells = list(&object["cells"]);
        assert_eq!(cells.len(), 4);
        cells.iter().for_each(check);
        assert_eq!(each(&object["cells"], "tasks"), [6; 4]);
        assert_eq!(each(&object["cells"], "in_flight_max")[..3], [6; 3]);
        let cooks = each(&object["cells"], "cooks");
        assert_eq!((cooks[0], cooks[2]), (1, 1));
        assert!(cooks[1] >= 2 && cooks[3] >= 2);
        // The waiting tasks last ten times as long as the chopping tasks, but do almost no work. Their
        // processor times differ by a factor of about ten thousand; the test demands only three.
        let cpu = |cell: usize| seconds(&cells[cell]["cpu_s"]);
        assert!(cpu(2) > 3.0 * cpu(0), "{object}");
        assert!(cells.iter().all(|cell| cell["advice"].is_array()));
    }
}

/// The work would take hours. Ctrl-C ends the run immediately, with one line on stderr.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_a_demo_cleanly() {
    let child = brigade(&["squares", "--size", "1000000000000"])
        .spawn()
        .unwrap();
    wait_until_it_listens(child.id());
    signal(child.id(), Signal::INT);
    let run = finish(child);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (Some(130), ""),
        "{run:?}"
    );
    assert_eq!(run.stderr, "brigade: ended by Ctrl-C\n");
}

/// Waits until the system lists SIGTERM among the signals that the process catches. The process registers
/// SIGTERM after SIGINT, so it then catches both.
#[cfg(target_os = "linux")]
fn wait_until_it_listens(process: u32) {
    loop {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        if caught & (1 << (Signal::TERM.as_raw() - 1)) != 0 {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn each_demo_ends_with_a_sentence_and_without_colour_in_a_pipe() {
    for args in [
        &["kitchen", "--minute", "1"][..],
        &["cashier", "--minute", "1"],
        &["equations", "--minute", "1"],
        &["squares", "--size", "100000"],
        &["parts", "--minute", "1"],
        &["matrix", "--minute", "1"],
    ] {
        let run = run(args);
        assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
        assert!(run.stdout.starts_with(&format!("{}: ", args[0])), "{run:?}");
        assert!(run.stdout.trim_end().ends_with('.'), "{run:?}");
        assert!(!run.stdout.contains('\x1b'), "{run:?}");
        for line in run.stdout.lines() {
            assert!(
                line.chars().count() <= 100 && line.trim_end() == line,
                "{line:?}"
            );
        }
    }
}
