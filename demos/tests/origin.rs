//! Tests of `brigade fetch` without a URL, of Ctrl-C, and of the end of the child process (the origin).

mod common;

use std::{
    thread,
    time::{Duration, Instant},
};

use common::{Server, brigade, finish, ok, read_request, run, signal};
use rustix::process::Signal;

/// The maximum memory of a connection, in bytes, including its share of all buffers.
const MEMORY_A_CONNECTION_MAX: u64 = 8 << 10;

#[test]
fn two_thousand_at_once_on_one_thread() {
    let run = run(&["fetch", "--json", "-q", "--cooks", "1"]);
    let object = run.json();
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    assert_eq!(
        (&object["done"], &object["failed"]),
        (&2000.into(), &0.into()),
        "{object}"
    );
    assert_eq!(
        (&object["in_flight_max"], &object["at_once_max"]),
        (&2000.into(), &1.into()),
        "{object}"
    );
    assert!(
        object["results"].is_null(),
        "results are for URLs of the user"
    );
    // Compare two times of the same run, with a wide margin. One after another, the requests would take
    // as long as `waited_s`.
    assert!(
        object["wall_s"].as_f64().unwrap() * 10.0 < object["waited_s"].as_f64().unwrap(),
        "{object}"
    );
    if cfg!(target_os = "linux") {
        assert_eq!(object["threads"], 1, "{object}");
        assert!(
            object["memory_per_connection_bytes"].as_u64() < Some(MEMORY_A_CONNECTION_MAX),
            "{object}"
        );
    }
}

#[test]
fn fifteen_thousand_where_the_open_file_limit_allows() {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    if files.is_some_and(|files| files < 20_000) {
        eprintln!(
            "SKIPPED: 15,000 requests at once need an open-file limit of 20,000, here it is {files:?}"
        );
        return;
    }
    let run = run(&["fetch", "--count", "15000", "--json", "-q", "--cooks", "1"]);
    let object = run.json();
    assert_eq!(
        (&object["done"], &object["failed"]),
        (&15_000.into(), &0.into()),
        "{run:?}"
    );
    assert_eq!(
        (&object["in_flight_max"], &object["at_once_max"]),
        (&15_000.into(), &1.into()),
        "{object}"
    );
    if cfg!(target_os = "linux") {
        assert!(
            object["memory_per_connection_bytes"].as_u64() < Some(MEMORY_A_CONNECTION_MAX),
            "{object}"
        );
    }
}

#[test]
fn without_a_number_the_feature_decides_how_many_cooks() {
    let cooks = &run(&["fetch", "--json", "-q", "-n", "10"]).json()["cooks"];
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(
        *cooks,
        if cfg!(feature = "work-stealing") {
            cores
        } else {
            1
        }
    );
}

#[test]
fn many_cooks_fetch_the_same() {
    let one = run(&["fetch", "--json", "-q", "-n", "500", "--cooks", "1"]).json();
    let many = run(&["fetch", "--json", "-q", "-n", "500", "--cooks", "3"]).json();
    for object in [&one, &many] {
        assert_eq!(
            (&object["done"], &object["failed"]),
            (&500.into(), &0.into()),
            "{object}"
        );
        assert_eq!(object["in_flight_max"], 500, "{object}");
    }
    assert_eq!(one["bytes"], many["bytes"]);
    assert_eq!((&one["cooks"], &many["cooks"]), (&1.into(), &3.into()));
    assert_eq!(one["at_once_max"], 1);
    assert!(many["at_once_max"].as_u64() <= Some(3), "{many}");
}

#[test]
fn bodies_of_the_origin_can_be_kept() {
    let place = tempfile::tempdir().unwrap();
    let run = run(&[
        "fetch",
        "-n",
        "20",
        "-q",
        "--json",
        "--output",
        place.path().to_str().unwrap(),
    ]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let files = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len());
    let lens: Vec<u64> = files.collect();
    assert_eq!(lens.len(), 20);
    assert_eq!(Some(lens.iter().sum()), run.json()["bytes"].as_u64());
}

#[test]
fn ctrl_c_says_what_was_done_so_far() {
    let quick = Server::replying(ok("done"));
    let silent = Server::start(|mut stream| {
        read_request(&mut stream);
        thread::sleep(Duration::from_secs(60));
    });
    for args in [&["--json"][..], &[]] {
        let urls = [quick.url("/"), silent.url("/")];
        let (before, mut command) = (
            silent.accepted(),
            brigade(&["fetch", "-q", &urls[0], &urls[1]]),
        );
        let child = command.args(args).spawn().unwrap();
        wait_until(|| silent.accepted() > before);
        // Give the command time to read the quick reply too.
        thread::sleep(Duration::from_millis(300));
        signal(child.id(), Signal::INT);
        let run = finish(child);
        assert_eq!(run.status, Some(130), "{run:?}");
        if args.is_empty() {
            assert!(run.stdout.contains("1 broken off by Ctrl-C"), "{run:?}");
        } else {
            let object = run.json();
            assert_eq!(
                (&object["done"], &object["not_done"]),
                (&1.into(), &1.into())
            );
            assert_eq!(object["interrupted"], true);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_origin_ends_when_fetch_is_killed_or_interrupted() {
    for how in [Signal::KILL, Signal::INT] {
        let fetch = brigade(&["fetch", "-n", "100000", "-c", "10", "-q"])
            .spawn()
            .unwrap();
        let children = format!("/proc/{0}/task/{0}/children", fetch.id());
        let mut origin = None;
        wait_until(|| {
            let text = std::fs::read_to_string(&children).unwrap_or_default();
            origin = text.split_whitespace().next().map(str::to_owned);
            origin.is_some()
        });
        let origin = format!("/proc/{}/status", origin.unwrap());
        // Wait until requests are in flight.
        thread::sleep(Duration::from_millis(300));
        signal(fetch.id(), how);
        let run = finish(fetch);
        assert_eq!(
            run.status,
            if how == Signal::INT { Some(130) } else { None },
            "{run:?}"
        );
        // The process that adopts the orphan may be slow to reap it, so a zombie counts as ended.
        wait_until(|| match std::fs::read_to_string(&origin) {
            Ok(status) => status.contains("State:\tZ"),
            Err(_) => true,
        });
    }
}

#[track_caller]
fn wait_until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the condition does not become true"
        );
        thread::sleep(Duration::from_millis(10));
    }
}
