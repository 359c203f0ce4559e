//! Tests of failing requests. Whatever the server does, the failure has the right kind and details, and
//! does not affect other requests.

mod common;

use std::{io::Write as _, thread, time::Duration};

use common::{Server, assert_kind, fetch_one, nobody, ok, read_request, run};

#[test]
fn nobody_there_is_refused() {
    let error = assert_kind(&fetch_one(&format!("http://{}/", nobody()), &[]), "refused");
    assert!(error.contains("127.0.0.1"), "{error}");
}

#[test]
fn a_name_without_an_address_is_dns() {
    let error = assert_kind(
        &fetch_one("http://no-such-host.invalid/", &["--timeout", "60"]),
        "dns",
    );
    assert!(error.contains("no-such-host.invalid"), "{error}");
}

#[test]
fn a_connection_broken_off_is_reset() {
    // Closing a socket with unread bytes sends a reset.
    let rude = Server::start(|mut stream| {
        let mut byte = [0];
        let _ = std::io::Read::read(&mut stream, &mut byte);
    });
    assert_kind(&fetch_one(&rude.url("/"), &[]), "reset");
    let mute = Server::replying("");
    let error = assert_kind(&fetch_one(&mute.url("/"), &[]), "reset");
    assert!(error.contains("without a reply"), "{error}");
}

#[test]
fn a_reply_cut_short_is_truncated() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nx-half: a hea",
        "HTTP/1.1 2",
    ] {
        let result = fetch_one(&Server::replying(reply).url("/"), &[]);
        assert_kind(&result, "truncated");
    }
}

#[test]
fn what_is_not_http_is_a_protocol_error() {
    for reply in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    ] {
        let result = fetch_one(&Server::replying(reply).url("/"), &[]);
        assert_kind(&result, "protocol");
    }
}

#[test]
fn headers_without_end_are_too_large() {
    let lines = Server::start(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-more: and more\r\n").is_ok() {}
    });
    assert_kind(&fetch_one(&lines.url("/"), &[]), "too_large");
    let one_line = Server::start(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx-long: ");
        while stream.write_all(&[b'y'; 1000]).is_ok() {}
    });
    assert_kind(&fetch_one(&one_line.url("/"), &[]), "too_large");
}

#[test]
fn a_body_larger_than_allowed_is_too_large_announced_or_not() {
    let announced = Server::replying("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n");
    assert_kind(
        &fetch_one(&announced.url("/"), &["--max-body", "1M"]),
        "too_large",
    );
    let endless = Server::start(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    let result = fetch_one(&endless.url("/"), &["--max-body", "100K"]);
    assert_kind(&result, "too_large");
    assert!(result["bytes"].as_u64() < Some(200 << 10), "{result}");
    let exact = Server::replying(ok("12345"));
    assert!(fetch_one(&exact.url("/"), &["--max-body", "5"])["error"].is_null());
}

#[test]
fn silence_is_a_timeout_that_says_where() {
    let silent = Server::start(|mut stream| {
        read_request(&mut stream);
        thread::sleep(Duration::from_secs(60));
    });
    let error = assert_kind(
        &fetch_one(&silent.url("/"), &["--timeout", "0.2"]),
        "timeout",
    );
    assert!(
        error.contains("0.2 s") && error.contains("waiting"),
        "{error}"
    );
    let drip = Server::start(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx");
        thread::sleep(Duration::from_secs(60));
    });
    let error = assert_kind(&fetch_one(&drip.url("/"), &["--timeout", "0.2"]), "timeout");
    assert!(error.contains("receiving"), "{error}");
}

/// Returns a server that answers everything in plain HTTP.
fn speaking_plainly() -> Server {
    Server::start(|mut stream| {
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        let _ = stream.write_all(ok("plain").as_bytes());
    })
}

#[test]
fn https_to_a_server_that_speaks_plainly_is_tls() {
    let plain = speaking_plainly();
    let url = format!("https://{}/", plain.address);
    assert_kind(&fetch_one(&url, &[]), "tls");
    let mute = Server::start(|mut stream| {
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
    });
    assert_kind(
        &fetch_one(&format!("https://{}/", mute.address), &[]),
        "tls",
    );
}

#[test]
fn retries_help_where_the_failure_passes_and_are_not_wasted_elsewhere() {
    let attempts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = attempts.clone();
    let flaky = Server::start(move |mut stream| {
        read_request(&mut stream);
        let attempt = seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let reply = if attempt < 2 {
            String::new()
        } else {
            ok("at last")
        };
        let _ = stream.write_all(reply.as_bytes());
    });
    assert_kind(&fetch_one(&flaky.url("/"), &["--retries", "1"]), "reset");
    attempts.store(0, std::sync::atomic::Ordering::SeqCst);
    assert!(fetch_one(&flaky.url("/"), &["--retries", "2"])["error"].is_null());

    let wrong = Server::replying("nonsense\r\n\r\n");
    assert_kind(&fetch_one(&wrong.url("/"), &["--retries", "5"]), "protocol");
    assert_eq!(wrong.accepted(), 1);
}

#[test]
fn one_failing_url_never_spoils_the_rest() {
    let good = Server::replying(ok("good"));
    let short = Server::replying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.");
    let wrong = Server::replying("nonsense\r\n\r\n");
    let refused = format!("http://{}/", nobody());
    let plain = speaking_plainly();
    let tls = format!("https://{}/", plain.address);
    let silent = Server::start(|_stream| thread::sleep(Duration::from_secs(60)));
    let list = tempfile::NamedTempFile::new().unwrap();
    let mut text = String::new();
    for number in 0..50 {
        text.push_str(&format!("{}\n", good.url(&format!("/{number}"))));
        for bad in [
            &short.url("/"),
            &wrong.url("/"),
            &refused,
            &tls,
            &silent.url("/"),
        ] {
            text.push_str(&format!("{bad}\n"));
        }
    }
    std::fs::write(list.path(), text).unwrap();
    let run = run(&[
        "fetch",
        "--file",
        list.path().to_str().unwrap(),
        "--json",
        "--timeout",
        "2",
    ]);
    let object = run.json();
    assert_eq!(run.status, Some(1), "{run:?}");
    assert_eq!(
        (&object["done"], &object["failed"]),
        (&50.into(), &250.into())
    );
    for kind in ["truncated", "protocol", "refused", "tls", "timeout"] {
        assert_eq!(
            object["failures"][kind], 50,
            "{kind}: {}",
            object["failures"]
        );
    }
    let results = object["results"].as_array().unwrap();
    assert_eq!(results.len(), 300);
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["error"].is_null(), index % 6 == 0, "{result}");
    }
}
