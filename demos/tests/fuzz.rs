//! Fuzz tests of `fetch` with random URLs and replies. Each URL or reply must lead to a result or to one of
//! `fetch`'s own errors, and never to a panic, a hang or a message of several lines.

mod common;

use std::{io::Write as _, sync::Arc, time::Duration};

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use common::{Server, read_request, run};

/// The kinds of failure that the help lists, except `status`, which needs `--fail`.
const KINDS: [&str; 10] = [
    "dns",
    "refused",
    "reset",
    "timeout",
    "tls",
    "protocol",
    "truncated",
    "too_large",
    "io",
    "output",
];

/// Asserts that the error of a result is of a known kind. If there is no error, asserts that there is a
/// status.
fn assert_sound(result: &Value, of: &str) {
    match result["error"].as_str() {
        None => assert!(result["status"].is_u64(), "{of}: {result}"),
        Some(error) => {
            let kind = error.split(':').next().unwrap();
            assert!(KINDS.contains(&kind), "{of}: {result}");
            assert!(!error.contains(['\n', '\u{1b}']), "{of}: {result}");
        }
    }
}

/// Generates text that resembles a URL, mostly with port 1, at which nothing listens.
fn url() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![
        6 => Just("http://".to_owned()),
        2 => Just("https://".to_owned()),
        1 => "[a-z]{0,8}:?/{0,3}",
    ];
    let host = prop_oneof![
        4 => Just("127.0.0.1:1".to_owned()),
        2 => Just("[::1]:1".to_owned()),
        1 => Just("user:pa%20ss@127.0.0.1:1".to_owned()),
        1 => "127\\.0\\.0\\.1:[0-9]{0,7}x?",
        1 => "\\[[0-9a-f:.]{0,12}\\]?:1",
        1 => "[0-9.]{1,12}:1",
    ];
    let rest = prop_oneof![
        2 => "(/[a-z0-9%.~-]{0,10}){0,4}",
        1 => "[?#/\\\\ a-zäß🍜%&=\\t]{0,30}",
        1 => "/\\PC{0,40}",
        1 => (1_usize..60_000).prop_map(|length| format!("/{}", "x".repeat(length))),
    ];
    (scheme, host, rest).prop_map(|(scheme, host, rest)| scheme + &host + &rest)
}

/// Returns whether `text` can be an argument: it is not empty, has no NUL, and does not begin with a dash.
fn is_an_argument(text: &str) -> bool {
    !text.contains('\0') && !text.starts_with('-') && !text.is_empty()
}

#[test]
fn any_url_is_fetched_or_refused() {
    let mut runner = TestRunner::new(Config {
        cases: 120,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(
        &url().prop_filter("an argument", |it| is_an_argument(it)),
        |url| {
            let run = run(&["fetch", &url, "--json", "-q", "--timeout", "2"]);
            match run.status {
                Some(2) => drop(run.refused()),
                Some(status @ (0 | 1)) => {
                    let object = run.json();
                    let results = object["results"].as_array().unwrap();
                    prop_assert_eq!(results.len(), 1);
                    prop_assert_eq!(status == 0, results[0]["error"].is_null());
                    assert_sound(&results[0], &url);
                }
                status => panic!("{url}: {status:?}: {}", run.stderr),
            }
            prop_assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
            Ok(())
        },
    );
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Generates text that resembles a reply: whole, cut short, contradictory, enormous, or noise.
fn reply() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        6 => Just("HTTP/1.1 200 OK".to_owned()),
        1 => "HTTP/[0-9]\\.[0-9] [0-9]{1,4} [a-zA-Z ]{0,8}",
        1 => "\\PC{0,30}",
    ];
    let header = prop_oneof![
        3 => (0_u32..300).prop_map(|length| format!("content-length: {length}")),
        1 => Just("content-length: 18446744073709551616".to_owned()),
        1 => Just("content-length: 99999999999".to_owned()),
        1 => Just("content-length: -1".to_owned()),
        2 => Just("transfer-encoding: chunked".to_owned()),
        1 => Just("connection: close".to_owned()),
        1 => "[a-z-]{0,12}:? ?\\PC{0,20}",
        1 => (1_usize..100_000).prop_map(|length| format!("x-long: {}", "y".repeat(length))),
        1 => Just("\tfolded".to_owned()),
    ];
    let body = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..300),
        2 => (0_usize..40, "[0-9a-fx]{1,9}").prop_map(|(length, size)| {
            format!("{size}\r\n{}\r\n0\r\n\r\n", "z".repeat(length)).into_bytes()
        }),
        1 => Just(vec![b'b'; 200_000]),
    ];
    let parts = (line, prop::collection::vec(header, 0..6), body, 0_usize..20);
    parts.prop_map(|(line, headers, body, cut)| {
        let mut reply = line.into_bytes();
        for header in headers {
            reply.extend_from_slice(b"\r\n");
            reply.extend_from_slice(header.as_bytes());
        }
        reply.extend_from_slice(b"\r\n\r\n");
        reply.extend_from_slice(&body);
        // Sometimes the second half is missing.
        if cut == 0 {
            let half = reply.len() / 2;
            reply.truncate(half);
        }
        reply
    })
}

#[test]
fn any_reply_is_an_answer_or_an_error() {
    const REPLIES: usize = 400;
    let mut runner = TestRunner::new(Config::default());
    let draw = |_| reply().new_tree(&mut runner).unwrap().current();
    let replies: Arc<Vec<Vec<u8>>> = Arc::new((0..REPLIES).map(draw).collect());
    let server = Server::start({
        let replies = replies.clone();
        move |mut stream| {
            let request = read_request(&mut stream);
            let path = request.split(' ').nth(1).unwrap_or_default();
            let number = path.trim_start_matches('/').parse().unwrap_or(0_usize);
            // The client may have closed the connection.
            let _ = stream.write_all(&replies[number]);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("urls");
    let urls: Vec<String> = (0..REPLIES).map(|n| server.url(&format!("/{n}"))).collect();
    std::fs::write(&list, urls.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    let run = run(&[
        "fetch",
        "--file",
        list,
        "--json",
        "-q",
        "--concurrency",
        "20",
        "--timeout",
        "20",
        "--max-body",
        "64K",
    ]);
    assert!(
        matches!(run.status, Some(0 | 1)),
        "{:?}: {}",
        run.status,
        run.stderr
    );
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let object = run.json();
    let results = object["results"].as_array().unwrap();
    assert_eq!(results.len(), REPLIES);
    let mut failed = 0;
    for (result, reply) in results.iter().zip(replies.iter()) {
        let shown: Vec<u8> = reply.iter().copied().take(300).collect();
        assert_sound(result, &shown.escape_ascii().to_string());
        // The piece that was read last may exceed the limit.
        assert!(result["bytes"].as_u64() <= Some(256 << 10), "{result}");
        failed += u64::from(!result["error"].is_null());
    }
    // The test is useful only if there were failures and successes.
    assert!(
        failed > 20 && failed < REPLIES as u64 - 20,
        "{failed} failed"
    );
    assert_eq!(object["failed"], failed);
}
