//! Tests of the command `brigade fetch` with servers that behave well.

mod common;

use std::{io::Write as _, thread, time::Duration};

use common::{Server, assert_kind, fetch_one, nobody, ok, read_request, run};
use serde_json::Value;

#[test]
fn a_good_reply_is_reported_with_status_bytes_and_time() {
    let server = Server::replying(ok("hello"));
    let result = fetch_one(&server.url("/a?b=c"), &[]);
    assert_eq!(result["url"], server.url("/a?b=c"));
    assert_eq!(
        (&result["status"], &result["bytes"]),
        (&200.into(), &5.into())
    );
    assert!(
        result["error"].is_null() && result["ms"].as_f64() > Some(0.0),
        "{result}"
    );
}

#[test]
fn the_request_is_what_a_server_expects() {
    let server = Server::start(|mut stream| {
        let request = read_request(&mut stream);
        let _ = stream.write_all(ok(&request).as_bytes());
    });
    let place = tempfile::tempdir().unwrap();
    let result = fetch_one(
        &server.url("/a%20b?x=1#y"),
        &["--output", place.path().to_str().unwrap()],
    );
    let request = std::fs::read_to_string(result["file"].as_str().unwrap()).unwrap();
    let mut lines = request.lines();
    assert_eq!(lines.next(), Some("GET /a%20b?x=1 HTTP/1.1"));
    assert_eq!(
        lines.next(),
        Some(format!("host: {}", server.address).as_str())
    );
    assert_eq!(request.matches("host:").count(), 1);
    assert!(request.contains("connection: close"), "{request}");
}

#[test]
fn bodies_may_be_chunked_or_end_with_the_connection_and_statuses_are_answers() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    for (reply, status, bytes) in [
        (chunked, 200, 5),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, 13),
        ("HTTP/1.0 200 OK\r\n\r\nold", 200, 3),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, 0),
        (
            "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello",
            204,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n",
            200,
            3,
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            200,
            2,
        ),
        (
            "HTTP/1.1 301 Moved\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n",
            301,
            0,
        ),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone",
            404,
            4,
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
            200,
            1,
        ),
    ] {
        let result = fetch_one(&Server::replying(reply).url("/"), &["--no-location"]);
        assert!(result["error"].is_null(), "{reply:?}: {result}");
        assert_eq!(
            (&result["status"], &result["bytes"]),
            (&status.into(), &bytes.into()),
            "{reply:?}"
        );
    }
}

/// A server may send a reset right after its reply. If the reply is complete, the reset is not a failure.
#[test]
fn a_reset_after_a_whole_reply_is_no_failure_and_within_one_it_is() {
    for (reply, error) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", None),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
            Some("reset"),
        ),
        ("HTTP/1.1 200 OK\r\n\r\nok", Some("reset")),
    ] {
        let server = Server::start(move |mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(reply.as_bytes());
            let now = Some(Duration::ZERO);
            rustix::net::sockopt::set_socket_linger(&stream, now).unwrap();
        });
        let result = fetch_one(&server.url("/"), &[]);
        match error {
            None => assert!(result["error"].is_null(), "{result}"),
            Some(kind) => drop(assert_kind(&result, kind)),
        }
    }
}

#[test]
fn a_reply_may_come_byte_by_byte() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        for byte in ok("slowly").as_bytes() {
            let _ = stream.write_all(std::slice::from_ref(byte));
            thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(fetch_one(&server.url("/"), &[])["bytes"], 6);
}

#[test]
fn long_headers_are_fine_up_to_a_limit() {
    let reply = |len: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 2\r\n\r\nok",
            "y".repeat(len)
        )
    };
    assert!(fetch_one(&Server::replying(reply(12_000)).url("/"), &[])["error"].is_null());
    assert_kind(
        &fetch_one(&Server::replying(reply(40_000)).url("/"), &[]),
        "too_large",
    );
}

#[test]
fn bodies_are_written_whole_or_not_at_all() {
    let good = Server::replying(ok("kept"));
    let short = Server::replying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.");
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("made/if/need/be");
    let (url_1, url_2) = (good.url("/../../name"), short.url("/short"));
    let run = run(&[
        "fetch",
        &url_1,
        &url_1,
        &url_2,
        "--output",
        directory.to_str().unwrap(),
        "-q",
    ]);
    assert_eq!(run.status, Some(1), "{run:?}");
    let mut names: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["1-127.0.0.1-name", "2-127.0.0.1-name"]);
    assert_eq!(
        std::fs::read_to_string(directory.join(&names[0])).unwrap(),
        "kept"
    );
}

#[test]
fn concurrency_is_kept_to_and_count_goes_round() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        thread::sleep(Duration::from_millis(30));
        let _ = stream.write_all(ok("x").as_bytes());
    });
    let url = server.url("/");
    let run = run(&[
        "fetch",
        &url,
        "--count",
        "20",
        "--concurrency",
        "3",
        "--json",
        "-q",
    ]);
    let object = run.json();
    assert_eq!(object["done"], 20);
    assert_eq!(
        (&object["in_flight_max"], &object["connections_max"]),
        (&3.into(), &3.into())
    );
    assert_eq!(server.accepted(), 20);
}

/// Checks the keys on which other programs rely, and that their values agree with each other.
#[track_caller]
fn check_object(object: &Value) {
    assert_eq!(object["demo"], "fetch");
    for key in [
        "cooks",
        "in_flight_max",
        "at_once_max",
        "done",
        "failed",
        "bytes",
    ] {
        assert!(object[key].is_u64(), "{key}: {object}");
    }
    for key in ["wall_s", "waiting_share", "waited_s"] {
        assert!(object[key].is_f64(), "{key}: {object}");
    }
    assert!(object["at_once_max"].as_u64() <= object["in_flight_max"].as_u64());
    assert!(object["at_once_max"].as_u64() <= object["cooks"].as_u64());
    let busy = object["busy"].as_array().expect("busy");
    assert_eq!(Some(busy.len() as u64), object["cooks"].as_u64());
    let shares = busy.iter().chain([&object["waiting_share"]]);
    assert!(
        shares
            .map(|share| share.as_f64().unwrap())
            .all(|share| (0.0..=1.0).contains(&share))
    );
    assert!(
        object["verdict"]
            .as_str()
            .is_some_and(|verdict| verdict.ends_with('.')),
        "{object}"
    );
}

#[test]
fn results_come_in_the_order_of_the_urls() {
    let server = Server::replying(ok("x"));
    let urls: Vec<String> = (0..10)
        .map(|number| server.url(&format!("/{number}")))
        .collect();
    let mut args = vec!["fetch", "--json"];
    args.extend(urls.iter().map(String::as_str));
    let run = run(&args);
    let object = run.json();
    check_object(&object);
    let fetched: Vec<&str> = object["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["url"].as_str().unwrap())
        .collect();
    assert_eq!(fetched, urls);
}

#[test]
fn a_failed_run_still_prints_a_whole_object() {
    let run = run(&["fetch", &format!("http://{}/", nobody()), "--json"]);
    assert_eq!(run.status, Some(1));
    check_object(&run.json());
}

#[test]
fn output_that_is_piped_has_no_colour_and_no_bar() {
    let server = Server::replying(ok("x"));
    let run = run(&["fetch", &server.url("/"), &format!("http://{}/", nobody())]);
    assert!(
        !run.stdout.contains('\x1b') && !run.stderr.contains('\x1b'),
        "{run:?}"
    );
    for word in [
        "1 done, 1 failed (refused 1)",
        "latency",
        "in flight",
        "at once",
        server.url("/").as_str(),
    ] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
}
