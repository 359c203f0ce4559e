//! Tests of `brigade fetch` with a user's URLs: limits, connections that are used again, redirects, encodings,
//! files, proxies, and the parts of a request.

mod common;

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use common::{
    Server, assert_kind, brigade, fetch_one, finish, nobody, ok, path_of, read_request, run,
};
use serde_json::json;

/// Returns a server that records its largest number of simultaneous connections. The server takes a
/// moment for each reply.
fn counting() -> (Server, Arc<AtomicUsize>) {
    let (now, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let seen = most.clone();
    let server = Server::start(move |mut stream| {
        seen.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        read_request(&mut stream);
        thread::sleep(Duration::from_millis(30));
        now.fetch_sub(1, SeqCst);
        let _ = stream.write_all(ok("x").as_bytes());
    });
    (server, most)
}

#[test]
fn a_host_has_six_requests_at_a_time_unless_told_otherwise() {
    for (options, limit) in [(&[][..], 6), (&["--per-host", "2"], 2), (&["-c", "3"], 3)] {
        let (server, most) = counting();
        let url = server.url("/");
        let args = ["fetch", &url, "-n", "40", "-q", "--json"];
        let object = run(&[&args, options].concat()).json();
        assert_eq!(object["done"], 40, "{object}");
        assert_eq!(object["in_flight_max"], limit);
        assert!(most.load(SeqCst) <= limit, "{}", most.load(SeqCst));
    }
}

#[test]
fn each_host_has_its_own_limit() {
    let (one, _) = counting();
    let (two, _) = counting();
    let urls = [one.url("/"), two.url("/")];
    let args = [
        "fetch",
        &urls[0],
        &urls[1],
        "-n",
        "40",
        "--per-host",
        "3",
        "-q",
        "--json",
    ];
    let object = run(&args).json();
    assert_eq!(
        (&object["done"], &object["in_flight_max"]),
        (&json!(40), &json!(6)),
        "{object}"
    );
}

#[test]
fn connections_are_kept_and_the_last_request_says_goodbye() {
    let server = Server::answering(|_| ok("kept").into());
    let object = run(&["fetch", &server.url("/"), "-n", "100", "-q", "--json"]).json();
    assert_eq!(
        (&object["done"], &object["failed"]),
        (&json!(100), &json!(0)),
        "{object}"
    );
    assert!(server.accepted() <= 8, "{} connections", server.accepted());
    assert!(object["requests_per_s"].as_f64() > Some(1.0));
    assert_eq!(object["results"][99]["version"], "HTTP/1.1");
}

/// A server may close a connection that `fetch` keeps for the next request. No request may fail because of
/// that, even without `--retries`.
#[test]
fn a_kept_connection_that_the_server_closes_harms_nobody() {
    let silently = Server::start(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(ok("one").as_bytes());
        thread::sleep(Duration::from_millis(5));
    });
    let rudely = Server::start(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(ok("one").as_bytes());
        // Only a part of the second request is read, so closing sends a reset.
        let _ = stream.read(&mut [0; 4]);
    });
    for server in [silently, rudely] {
        let object = run(&["fetch", &server.url("/"), "-n", "60", "-q", "--json"]).json();
        assert_eq!(
            (&object["done"], &object["failed"]),
            (&json!(60), &json!(0)),
            "{object}"
        );
    }
}

#[test]
fn redirects_are_followed_and_named() {
    let server = Server::answering(|request| {
        let to = |status: &str, location: &str| {
            format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 2\r\n\r\nno")
        };
        match path_of(request) {
            "/a" => to("301 Moved", "b?x=1"),
            "/b?x=1" => to("307 Temporary", "/c#part"),
            "/loop" => to("302 Found", "/loop"),
            "/out" => to("302 Found", "ftp://elsewhere/"),
            "/nowhere" => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            path => ok(path),
        }
        .into()
    });
    let result = fetch_one(&server.url("/a"), &[]);
    assert_eq!(result["url"], server.url("/a"));
    assert_eq!(
        (&result["status"], &result["bytes"]),
        (&json!(200), &json!(2)),
        "{result}"
    );
    assert_eq!(
        result["redirects"],
        json!([server.url("/b?x=1"), server.url("/c#part")])
    );

    let stays = fetch_one(&server.url("/a"), &["--no-location"]);
    assert_eq!(
        (&stays["status"], &stays["redirects"]),
        (&json!(301), &json!([]))
    );
    assert_eq!(fetch_one(&server.url("/nowhere"), &["-L"])["status"], 302);
    let endless = assert_kind(&fetch_one(&server.url("/loop"), &[]), "protocol");
    assert!(endless.contains("more than 20 times"), "{endless}");
    let out = assert_kind(&fetch_one(&server.url("/out"), &[]), "protocol");
    assert!(out.contains("scheme ftp"), "{out}");
}

/// Returns a reply with a body in this encoding.
fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Returns a body in each of the encodings except brotli, and twice for `deflate`: in zlib's format, and as
/// the bare stream that some servers send.
fn in_every_encoding(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    use flate2::{Compression, write};
    let level = Compression::default();
    let mut gzip = write::GzEncoder::new(Vec::new(), level);
    let mut zlib = write::ZlibEncoder::new(Vec::new(), level);
    let mut bare = write::DeflateEncoder::new(Vec::new(), level);
    gzip.write_all(body).unwrap();
    zlib.write_all(body).unwrap();
    bare.write_all(body).unwrap();
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("zstd", zstd::encode_all(body, 3).unwrap()),
    ]
}

/// `hello` in brotli's format without compression.
const BROTLI_HELLO: &[u8] = b"\x0b\x02\x80hello\x03";

#[test]
fn compressed_bodies_are_decoded() {
    let place = tempfile::tempdir().unwrap();
    let mut bodies = in_every_encoding(b"hello");
    bodies.push(("br", BROTLI_HELLO.to_vec()));
    for (encoding, body) in bodies {
        let server = Server::answering(move |request| {
            assert!(
                request.contains("accept-encoding: gzip, deflate, br, zstd\r\n"),
                "{request}"
            );
            encoded(encoding, &body)
        });
        let file = place.path().join("body");
        let result = fetch_one(&server.url("/"), &["-o", file.to_str().unwrap()]);
        assert_eq!(result["error"], json!(null), "{encoding}");
        assert_eq!(
            (&result["encoding"], &result["bytes"]),
            (&json!(encoding), &json!(5))
        );
        assert_eq!(std::fs::read(&file).unwrap(), b"hello", "{encoding}");
    }
    // An empty body is valid in every encoding, and a body in an unknown encoding is kept undecoded.
    for (encoding, body, bytes) in [("gzip", &b""[..], 0), ("compress", b"raw", 3)] {
        let reply = encoded(encoding, body);
        let result = fetch_one(&Server::replying(reply).url("/"), &[]);
        assert_eq!(
            (&result["error"], &result["bytes"]),
            (&json!(null), &json!(bytes))
        );
    }
    // A gzip or zstd body may consist of several members. Bytes after the end of a deflate body are
    // ignored.
    let [gzip, zlib, bare, zstd] = &in_every_encoding(b"hello")[..] else {
        panic!("there are four encodings")
    };
    for (encoded_once, added, bytes) in [
        (gzip, &gzip.1[..], 10),
        (zstd, &zstd.1, 10),
        (zlib, b"padding", 5),
        (bare, b"padding", 5),
    ] {
        let reply = encoded(encoded_once.0, &[&encoded_once.1[..], added].concat());
        let result = fetch_one(&Server::replying(reply).url("/"), &[]);
        assert_eq!(
            (&result["error"], &result["bytes"]),
            (&json!(null), &json!(bytes)),
            "{}",
            encoded_once.0
        );
    }
    // If the user chose the encodings, the body is kept undecoded.
    let reply = encoded("gzip", b"no gzip");
    let result = fetch_one(
        &Server::replying(reply).url("/"),
        &["-H", "accept-encoding: gzip"],
    );
    assert_eq!(
        (&result["error"], &result["bytes"]),
        (&json!(null), &json!(7))
    );
}

#[test]
fn a_compressed_body_that_is_cut_or_broken_is_no_answer() {
    let mut bodies = in_every_encoding(&b"hello hello hello ".repeat(100));
    bodies.push(("br", BROTLI_HELLO.to_vec()));
    for (encoding, body) in bodies {
        let cut = encoded(encoding, &body[..body.len() - 3]);
        assert_kind(
            &fetch_one(&Server::replying(cut).url("/"), &[]),
            "truncated",
        );
        let mut broken = vec![0xff; 40];
        broken.extend_from_slice(&body);
        let broken = encoded(encoding, &broken);
        let error = assert_kind(
            &fetch_one(&Server::replying(broken).url("/"), &[]),
            "protocol",
        );
        assert!(error.contains(encoding), "{error}");
    }
}

/// A small body that unpacks to a large one is cut off at the limit. The large body is never in memory as a
/// whole.
#[test]
fn a_bomb_ends_at_the_limit() {
    for (encoding, body) in in_every_encoding(&vec![0; 64 << 20]) {
        let packed = body.len();
        let server = Server::replying(encoded(encoding, &body));
        let args = [
            "fetch",
            &server.url("/"),
            "--max-body",
            "1M",
            "--json",
            "-q",
        ];
        let object = run(&args).json();
        assert_kind(&object["results"][0], "too_large");
        let bytes = object["results"][0]["bytes"].as_u64().unwrap();
        assert!(bytes < 2 << 20, "{encoding}: {bytes} of {packed}");
        if let Some(peak) = object["memory_peak_bytes"].as_u64() {
            assert!(peak < 60 << 20, "{encoding}: {peak}");
        }
    }
}

/// Returns a server that replies with the request that it received, including the body.
fn echo() -> Server {
    Server::start(|mut stream| {
        let mut request = read_request(&mut stream);
        let len = request
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; len.map_or(0, |len| len.parse().unwrap())];
        let _ = stream.read_exact(&mut body);
        request.push_str(&String::from_utf8(body).unwrap());
        let _ = stream.write_all(ok(&request).as_bytes());
    })
}

/// Returns the request that `server` received. `server` replies with that request, and `-o -` prints only
/// the body of the reply.
#[track_caller]
fn sent(server: &Server, options: &[&str]) -> String {
    let url = server.url("/path");
    let run = run(&[&["fetch", &url, "-o", "-"], options].concat());
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    run.stdout
}

#[test]
fn method_headers_and_body_are_those_that_were_given() {
    let server = echo();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file").unwrap();
    let at = format!("@{}", file.path().display());

    let plain = sent(&server, &[]);
    assert!(plain.starts_with("GET /path HTTP/1.1\r\n"), "{plain}");
    let post = sent(&server, &["-d", "a=1", "-d", &at]);
    assert!(post.starts_with("POST /path HTTP/1.1\r\n"), "{post}");
    assert!(
        post.contains("content-type: application/x-www-form-urlencoded\r\n"),
        "{post}"
    );
    assert!(post.ends_with("\r\n\r\na=1&from a file"), "{post}");
    let put = sent(
        &server,
        &[
            "-X",
            "PUT",
            "-d",
            "{}",
            "-H",
            "Content-Type: application/json",
        ],
    );
    assert!(
        put.starts_with("PUT ") && put.contains("content-type: application/json\r\n"),
        "{put}"
    );
    let named = sent(
        &server,
        &["-H", "User-Agent: me", "-H", "accept:", "-H", "Host: other"],
    );
    assert!(
        named.contains("user-agent: me\r\n") && named.contains("host: other\r\n"),
        "{named}"
    );
    assert!(!named.contains("accept: "), "{named}");
    assert_eq!(named.matches("host:").count(), 1);
}

#[test]
fn secrets_stay_with_the_server_that_they_are_for() {
    let other = echo();
    let to = other.url("/");
    let server = Server::answering(move |_| {
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into()
    });
    let told = sent(
        &server,
        &[
            "-H",
            "Authorization: secret",
            "-H",
            "Cookie: secret",
            "-H",
            "X-A: b",
        ],
    );
    assert!(
        told.contains("x-a: b") && !told.contains("secret"),
        "{told}"
    );
}

#[test]
fn with_fail_a_status_of_400_is_a_failure() {
    let server =
        Server::answering(|_| b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone".into());
    assert_eq!(fetch_one(&server.url("/"), &[])["status"], 404);
    let result = fetch_one(&server.url("/"), &["--fail"]);
    assert_eq!(result["status"], 404);
    assert_eq!(assert_kind(&result, "status"), "status: 404 Not Found");
    let run = run(&["fetch", &server.url("/"), "--fail", "-o", "-"]);
    assert_eq!((run.status, run.stdout.as_str()), (Some(1), ""));
    assert_eq!(run.stderr, "brigade: status: 404 Not Found\n");
}

#[test]
fn one_body_can_be_printed_and_nothing_else_is() {
    let server = Server::replying(ok("the body"));
    let printed = run(&["fetch", &server.url("/"), "-o", "-"]);
    assert_eq!(
        (printed.status, printed.stdout.as_str()),
        (Some(0), "the body")
    );
    assert_eq!(printed.stderr, "");
    assert!(!Path::new("-").exists(), "a file or folder `-` was created");
    let url = server.url("/");
    for args in [
        &["fetch", &url, &url, "-o", "-"][..],
        &["fetch", &url, "-n", "2", "-o", "-"],
        &["fetch", "-o", "-"],
        &["fetch", &url, "-o", "-", "--json"],
    ] {
        assert!(run(args).refused().contains("-o -"), "{args:?}");
    }
}

#[test]
fn files_are_named_as_their_urls_end() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::answering(|request| ok(path_of(request)).into());
    let folder = place.path().join("many");
    let (a, b) = (server.url("/x/a.html"), server.url("/x/"));
    let both = run(&["fetch", &a, &b, "-q", "-o", folder.to_str().unwrap()]);
    assert_eq!(both.status, Some(0), "{both:?}");
    assert_eq!(
        std::fs::read_to_string(folder.join("a.html")).unwrap(),
        "/x/a.html"
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("index.html")).unwrap(),
        "/x/"
    );
    let one = place.path().join("one.html");
    assert_eq!(
        fetch_one(&a, &["-o", one.to_str().unwrap()])["file"],
        one.to_str().unwrap()
    );
    assert_eq!(std::fs::read_to_string(one).unwrap(), "/x/a.html");
}

/// Returns a server with a file of 100 bytes. It supports ranges. It breaks off its first reply after 40
/// bytes.
fn ranges(date: Arc<Mutex<&'static str>>, requests: Arc<Mutex<Vec<String>>>) -> Server {
    Server::start(move |mut stream| {
        let request = read_request(&mut stream);
        let date = *date.lock().unwrap();
        let header = |name: &str| {
            let lines = request.lines();
            lines
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .next()
        };
        let body: String = (0..100).map(|n| char::from(b'a' + n % 26)).collect();
        let from = header("range").filter(|_| header("if-range") == Some(date));
        let from: Option<usize> = from.map(|it| it[6..].trim_end_matches('-').parse().unwrap());
        let reply = match from {
            Some(from) => format!(
                "HTTP/1.1 206 Partial\r\ncontent-range: bytes {from}-99/100\r\ncontent-length: {}\r\n\
                 last-modified: {date}\r\n\r\n{}",
                100 - from,
                &body[from..]
            ),
            None => format!(
                "HTTP/1.1 200 OK\r\nlast-modified: {date}\r\ncontent-length: 100\r\n\r\n{}",
                &body[..if requests.lock().unwrap().is_empty() {
                    40
                } else {
                    100
                }]
            ),
        };
        requests.lock().unwrap().push(request.clone());
        let _ = stream.write_all(reply.as_bytes());
    })
}

const MONDAY: &str = "Mon, 06 Jan 2020 10:00:00 GMT";
const TUESDAY: &str = "Tue, 07 Jan 2020 10:00:00 GMT";

/// Resumes a partial download, with each kind of answer that a server may give to the request for the rest.
#[test]
fn a_part_is_whole_or_stays_or_is_begun_anew_as_the_server_says() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("body");
    let part = place.path().join(".body.part");
    let fetch = |head: &str, option: &str| {
        let _ = std::fs::remove_file(&file);
        std::fs::write(&part, "part").unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let opened = std::fs::File::options().append(true).open(&part).unwrap();
        opened.set_modified(changed).unwrap();
        let reply = format!("HTTP/1.1 {head}\r\ncontent-length: 4\r\n\r\nbody");
        let server = Server::replying(reply);
        let options = ["-C", "-o", file.to_str().unwrap(), option];
        let result = fetch_one(&server.url("/"), &options);
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        (result, read(&file), read(&part))
    };
    for option in ["-L", "--fail"] {
        let whole = "416 No Such Range\r\ncontent-range: bytes */4";
        let (result, file, part) = fetch(whole, option);
        assert_eq!(
            (&result["error"], &result["bytes"]),
            (&json!(null), &json!(4))
        );
        assert_eq!((file.as_str(), part.as_str()), ("part", ""));
    }
    let (_, file, part) = fetch("206 Partial\r\ncontent-range: bytes 4-7/8", "-L");
    assert_eq!((file.as_str(), part.as_str()), ("partbody", ""));
    let (_, file, part) = fetch("200 OK", "-L");
    assert_eq!((file.as_str(), part.as_str()), ("body", ""));

    let (result, file, part) = fetch("206 Partial\r\ncontent-range: bytes 2-5/8", "-L");
    assert_kind(&result, "protocol");
    assert_eq!((file.as_str(), part.as_str()), ("", "part"));
    for (option, is_failure) in [("-L", false), ("--fail", true)] {
        let (result, file, part) = fetch("500 Sorry", option);
        assert_eq!(result["error"].is_string(), is_failure, "{result}");
        assert_eq!((file.as_str(), part.as_str()), ("", "part"));
    }
}

#[test]
fn a_file_that_broke_off_is_gone_on_with() {
    for changes in [false, true] {
        let (date, requests) = (
            Arc::new(Mutex::new(MONDAY)),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let server = ranges(date.clone(), requests.clone());
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("alphabet");
        let options = ["-C", "-o", file.to_str().unwrap()];
        assert_kind(&fetch_one(&server.url("/"), &options), "truncated");
        assert!(!file.exists());
        if changes {
            *date.lock().unwrap() = TUESDAY;
        }
        let result = fetch_one(&server.url("/"), &options);
        assert_eq!(
            (&result["error"], &result["bytes"]),
            (&json!(null), &json!(100))
        );
        assert_eq!(result["status"], if changes { 200 } else { 206 });
        let expected: String = (0..100).map(|n| char::from(b'a' + n % 26)).collect();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        assert!(requests.lock().unwrap()[1].contains("range: bytes=40-\r\n"));
        // A complete file is not fetched again.
        let again = fetch_one(&server.url("/"), &options);
        assert_eq!(
            (&again["status"], &again["bytes"]),
            (&json!(null), &json!(0))
        );
        assert_eq!(server.accepted(), 2);
    }
}

#[test]
fn a_rate_spreads_the_requests() {
    let server = Server::answering(|_| ok("x").into());
    let begun = Instant::now();
    let object = run(&[
        "fetch",
        &server.url("/"),
        "-n",
        "11",
        "--rate",
        "20",
        "-q",
        "--json",
    ])
    .json();
    assert_eq!(object["done"], 11);
    assert!(
        begun.elapsed() > Duration::from_millis(450),
        "{:?}",
        begun.elapsed()
    );
}

/// Returns a proxy that records the first line and the credentials of each request, answers plain requests
/// itself, and opens tunnels for `CONNECT`.
fn proxy(lines: Arc<Mutex<Vec<String>>>) -> Server {
    Server::start(move |mut stream| {
        let request = read_request(&mut stream);
        let line = request.lines().next().unwrap_or_default().to_owned();
        let password = request
            .lines()
            .find(|line| line.starts_with("proxy-authorization: "));
        lines
            .lock()
            .unwrap()
            .push(format!("{line} {}", password.unwrap_or_default()));
        let Some(to) = line.strip_prefix("CONNECT ") else {
            let _ = stream.write_all(ok("by proxy").as_bytes());
            return;
        };
        let Ok(server) = TcpStream::connect(to.split(' ').next().unwrap()) else {
            let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
            return;
        };
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let pump = |mut from: TcpStream, mut to: TcpStream| {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        };
        let (there, back) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || pump(there, server));
        pump(back, stream);
    })
}

#[test]
fn proxies_of_the_environment_are_used_unless_told_otherwise() {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let proxy = proxy(lines.clone());
    let direct = Server::replying(ok("direct"));
    let url = direct.url("/a?b");
    let with = format!("http://me:word@{}", proxy.address);
    let body = |url: &str, names: &[(&str, &str)], options: &[&str]| {
        let mut command = brigade(&[&["fetch", url, "-o", "-"], options].concat());
        command.envs(names.iter().copied());
        finish(command.spawn().unwrap())
    };
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy"] {
        assert_eq!(
            body(&url, &[(name, &with)], &[]).stdout,
            "by proxy",
            "{name}"
        );
    }
    let line = lines.lock().unwrap()[0].clone();
    assert_eq!(
        line,
        format!("GET {url} HTTP/1.1 proxy-authorization: Basic bWU6d29yZA==")
    );
    assert_eq!(
        body(&url, &[("http_proxy", &with)], &["--no-proxy"]).stdout,
        "direct"
    );
    let excepted = [("http_proxy", with.as_str()), ("no_proxy", "127.0.0.1")];
    assert_eq!(body(&url, &excepted, &[]).stdout, "direct");

    // Behind the tunnel is a server without TLS. The TLS error shows that bytes went both ways.
    let plain = Server::start(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(ok("plain").as_bytes());
    });
    let secure = format!("https://{}/", plain.address);
    let run = body(&secure, &[("https_proxy", &with)], &[]);
    assert!(run.stderr.starts_with("brigade: tls: "), "{run:?}");
    let tunnel = format!("CONNECT {} HTTP/1.1 proxy-auth", plain.address);
    assert!(lines.lock().unwrap().last().unwrap().starts_with(&tunnel));
    let gone = format!("https://{}/", nobody());
    let run = body(&gone, &[("https_proxy", &with)], &[]);
    assert!(run.stderr.contains("502 Bad Gateway"), "{run:?}");

    // An unusable proxy is refused before anything is fetched.
    let before = direct.accepted();
    for value in ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "http://"] {
        let run = body(&url, &[("http_proxy", value)], &[]);
        assert!(run.refused().contains("http_proxy: "), "{run:?}");
    }
    assert_eq!(direct.accepted(), before);
}

#[test]
fn a_list_of_any_system_is_read_whole() {
    let server = Server::answering(|request| ok(path_of(request)).into());
    let list = tempfile::NamedTempFile::new().unwrap();
    for end in ["\n", "\r\n", "\r"] {
        let lines = ["# a list", "/1", "/2 # why", "/3\tcolumn", "", "/4"];
        let lines = lines.map(|line| match line.strip_prefix('/') {
            Some(rest) => server.url(&format!("/{rest}")),
            None => line.to_owned(),
        });
        std::fs::write(list.path(), format!("\u{feff}{}{end}", lines.join(end))).unwrap();
        let object = run(&["fetch", "-q", "--json", "-f", list.path().to_str().unwrap()]).json();
        let results = object["results"].as_array().unwrap();
        let urls: Vec<_> = results
            .iter()
            .map(|it| it["url"].as_str().unwrap())
            .collect();
        let expected: Vec<_> = (1..=4).map(|n| server.url(&format!("/{n}"))).collect();
        assert_eq!(urls, expected, "{end:?}");
    }
}

/// After many failures, the closing sentence names the likely reason and does not praise the run.
#[test]
fn a_server_that_accepts_too_few_is_named_as_such() {
    let answers = Arc::new(AtomicUsize::new(4));
    let busy = Server::start(move |mut stream| {
        read_request(&mut stream);
        let taken = answers.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        match taken {
            Ok(_) => drop(stream.write_all(ok("x").as_bytes())),
            Err(_) => thread::sleep(Duration::from_secs(60)),
        }
    });
    let args = ["-n", "20", "--per-host", "20", "--timeout", "2", "-q"];
    let run = run(&[&["fetch", &busy.url("/")], &args[..]].concat());
    assert_eq!(run.status, Some(1));
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("requests failed. Most likely the server did not accept"),
        "{words}"
    );
    assert!(
        !words.contains("concurrency without parallelism"),
        "{words}"
    );
}

/// File descriptors that are already open count against the limit. If descriptors run out, requests wait.
#[cfg(target_os = "linux")]
#[test]
fn few_descriptors_make_it_slower_and_nothing_else() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        thread::sleep(Duration::from_millis(10));
        let _ = stream.write_all(ok("x").as_bytes());
    });
    let program = env!("CARGO_BIN_EXE_brigade");
    for (limit, inherited, url) in [(300, 200, ""), (90, 30, ""), (100, 60, &*server.url("/"))] {
        let script = format!(
            "for i in $(seq 10 {}); do eval \"exec $i</dev/null\"; done; ulimit -n {limit}; \
             exec {program} fetch {url} -n 400 --per-host 400 --json -q",
            9 + inherited
        );
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let object: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!(
            (&object["done"], &object["failed"]),
            (&json!(400), &json!(0)),
            "{limit}, {inherited}: {object}"
        );
    }
}

/// If a machine has few ports, requests wait until connections end and their ports become free.
#[cfg(target_os = "linux")]
#[test]
fn running_out_of_ports_is_waited_for() {
    let program = env!("CARGO_BIN_EXE_brigade");
    // There are ten ports for each of the origin's sixteen addresses.
    let script = format!(
        "ip link set lo up && echo '40000 40009' > /proc/sys/net/ipv4/ip_local_port_range && \
         exec {program} fetch -n 600 --retries 0 --json -q"
    );
    let output = std::process::Command::new("unshare")
        .args(["-rn", "sh", "-c", &script])
        .output();
    let Some(output) = output.ok().filter(|it| !it.stdout.is_empty()) else {
        eprintln!("SKIPPED: this system does not allow a separate network");
        return;
    };
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&object["done"], &object["failed"]),
        (&json!(600), &json!(0)),
        "{object}"
    );
}
