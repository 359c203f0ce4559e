//! Tests of `brigade gallery --serve` with too many clients, too large requests and too slow clients, and
//! of its shutdown.
//!
//! Most tests start a server with a limit so small that it is soon reached.

mod common;
mod gallery_common;

use std::{
    io::{Read as _, Write as _},
    thread,
    time::{Duration, Instant},
};

use gallery_common::{Client, Gallery};

/// The servers of these tests have limits of about a second, so only a server that hangs takes as long as
/// this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asserts that another client is still served.
#[track_caller]
fn assert_serves(gallery: &Gallery) {
    let reply = gallery.ask("GET", "/visitor/7");
    assert_eq!(
        (reply.status, &reply.body[..]),
        (200, &b"Welcome, visitor 7.\n"[..])
    );
}

#[test]
fn a_connection_too_many_is_told_so_and_may_come_back() {
    let gallery = Gallery::open(&["--max-connections", "2"]);
    let mut first = gallery.connect();
    let mut second = gallery.connect();
    for client in [&mut first, &mut second] {
        assert_eq!(client.ask("GET", "/visitor/1", &[]).status, 200);
    }
    // Two hundred more connections are opened. None is served, and none disturbs the first two.
    let crowd: Vec<Client> = (0..200).map(|_| gallery.connect()).collect();
    let mut told = 0;
    for mut client in crowd {
        // Some of these clients get a refusal. The connections of the others are closed without a reply.
        if let Some(reply) = client.reply() {
            assert_eq!(reply.status, 503);
            assert_eq!(reply.headers["connection"], "close");
            assert!(client.is_closed());
            told += 1;
        }
    }
    assert!(told > 0);
    assert_eq!(first.ask("GET", "/visitor/1", &[]).status, 200);
    first.hang_up();
    let begun = Instant::now();
    while gallery.connect().reply_to_visitor() != Some(200) {
        assert!(
            begun.elapsed() < PATIENCE,
            "no client gets the place that became free"
        );
        thread::sleep(Duration::from_millis(20));
    }
    gallery.close();
}

trait Visitor {
    fn reply_to_visitor(self) -> Option<u16>;
}

impl Visitor for Client {
    /// Returns the status, even if the server hung up before the request was sent.
    fn reply_to_visitor(mut self) -> Option<u16> {
        let _ = self
            .stream
            .write_all(b"GET /visitor/1 HTTP/1.1\r\nhost: test\r\n\r\n");
        self.reply().map(|reply| reply.status)
    }
}

/// A few bytes arrive again and again. A limit on the silence between them would therefore never be reached.
#[test]
fn a_head_that_trickles_in_is_cut_off() {
    let gallery = Gallery::open(&["--max-wait", "1"]);
    let mut slow = gallery.connect();
    let begun = Instant::now();
    slow.send(b"GET /visitor/1 HTTP/1.1\r\n");
    let mut trickle = slow.stream.try_clone().unwrap();
    let trickling = thread::spawn(move || {
        while begun.elapsed() < PATIENCE && trickle.write_all(b"a: b\r\n").is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    assert_serves(&gallery);
    assert!(slow.is_closed());
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "it was cut off too soon"
    );
    trickling.join().unwrap();
    assert!(begun.elapsed() < PATIENCE, "the slow head was not cut off");
    gallery.close();
}

#[test]
fn an_idle_connection_is_closed() {
    let gallery = Gallery::open(&["--max-wait", "1"]);
    let (mut silent, mut idle) = (gallery.connect(), gallery.connect());
    assert_eq!(idle.ask("GET", "/visitor/1", &[]).status, 200);
    assert!(idle.is_closed());
    assert!(silent.is_closed());
    assert_serves(&gallery);
    gallery.close();
}

#[test]
fn a_body_that_trickles_in_is_cut_off() {
    let gallery = Gallery::open(&["--max-wait", "1"]);
    let mut slow = gallery.connect();
    slow.send(b"POST /thumbnail HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\nabc");
    assert_serves(&gallery);
    assert_eq!(slow.reply().unwrap().status, 408);
    gallery.close();
}

/// The client sends requests without end and reads no reply, until all buffers between client and server
/// are full.
#[test]
fn a_client_that_never_reads_is_cut_off() {
    let gallery = Gallery::open(&["--max-wait", "1", "--max-connections", "1"]);
    let mut client = gallery.connect();
    assert_eq!(client.ask("GET", "/visitor/1", &[]).status, 200);
    let many = b"GET /page.js HTTP/1.1\r\nhost: test\r\n\r\n".repeat(100);
    client.stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let error = loop {
        if let Err(error) = client.stream.write_all(&many) {
            break error;
        }
    };
    assert_ne!(
        error.kind(),
        std::io::ErrorKind::WouldBlock,
        "it was never cut off"
    );
    // Wait until the client's slot is free again.
    let begun = Instant::now();
    while gallery.connect().reply_to_visitor() != Some(200) {
        assert!(begun.elapsed() < PATIENCE, "its connection is still there");
        thread::sleep(Duration::from_millis(20));
    }
    gallery.close();
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let gallery = Gallery::open(&["--max-head", "1024"]);
    let reply = |length: usize| {
        let mut client = gallery.connect();
        let value = "x".repeat(length);
        client.send(format!("GET /visitor/1 HTTP/1.1\r\nhost: {value}\r\n\r\n").as_bytes());
        (client.reply().expect("a reply").status, client)
    };
    assert_eq!(reply(900).0, 200);
    let (status, mut client) = reply(2000);
    assert_eq!(status, 431);
    assert!(client.is_closed());
    assert_serves(&gallery);
    gallery.close();
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let gallery = Gallery::open(&["--max-body", "1000"]);
    // The length is announced, so the request is refused before any of the body arrives.
    let mut client = gallery.connect();
    client.send(b"POST /thumbnail HTTP/1.1\r\nhost: test\r\ncontent-length: 1001\r\n\r\n");
    assert_eq!(client.reply().unwrap().status, 413);
    // The length is not announced, so the request is refused as soon as the body is too large.
    let mut client = gallery.connect();
    client.send(b"POST /thumbnail HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
    client.send(format!("7d0\r\n{}\r\n", "x".repeat(2000)).as_bytes());
    assert_eq!(client.reply().unwrap().status, 413);
    assert_serves(&gallery);
    gallery.close();
}

#[test]
fn a_picture_of_ones_own_becomes_a_thumbnail_and_rubbish_does_not() {
    let gallery = Gallery::open(&[]);
    let mut file = Vec::new();
    let picture = image::RgbImage::from_pixel(800, 200, image::Rgb([200, 30, 30]));
    picture
        .write_to(
            &mut std::io::Cursor::new(&mut file),
            image::ImageFormat::Png,
        )
        .unwrap();
    let mut client = gallery.connect();
    let reply = client.ask("POST", "/thumbnail", &file);
    assert_eq!(
        (reply.status, &reply.headers["content-type"][..]),
        (200, "image/jpeg")
    );
    let thumbnail = image::load_from_memory(&reply.body).unwrap().into_rgb8();
    assert_eq!(thumbnail.dimensions(), (320, 80));
    let [red, green, blue] = thumbnail.get_pixel(160, 40).0;
    assert!(red.abs_diff(200) < 8 && green.abs_diff(30) < 8 && blue.abs_diff(30) < 8);
    // The connection is kept, and the finished thumbnail can be requested again.
    assert_eq!(client.ask("GET", "/finished/1", &[]).body, reply.body);
    assert_eq!(client.ask("GET", "/finished/2", &[]).status, 410);
    assert_eq!(client.ask("POST", "/thumbnail", b"rubbish").status, 422);
    assert_eq!(client.ask("POST", "/thumbnail", b"").status, 422);
    assert_eq!(client.ask("GET", "/picture/3", &[]).status, 200);
    gallery.close();
}

#[test]
fn what_is_not_there_is_not_there() {
    let gallery = Gallery::open(&[]);
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/page.css", 200),
        ("GET", "/nothing", 404),
        ("GET", "/visitor/x", 404),
        ("GET", "/visitor/-1", 404),
        ("GET", "//", 404),
        ("GET", "/finished/18446744073709551615", 410),
        ("POST", "/", 405),
        ("DELETE", "/picture/1", 405),
        ("PUT", "/place/cellar", 404),
        ("PUT", "/place/handler", 200),
        ("OPTIONS", "*", 404),
    ] {
        assert_eq!(gallery.ask(method, path).status, status, "{method} {path}");
    }
    let page = gallery.ask("GET", "/");
    assert!(page.headers["content-security-policy"].contains("default-src 'none'"));
    let mut client = gallery.connect();
    client.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n");
    assert_eq!(client.reply().unwrap().status, 400);
    assert_serves(&gallery);
    gallery.close();
}

/// A request in flight when Ctrl-C is pressed gets its reply. An idle connection and a stream of events
/// are closed. Then the process ends.
#[test]
fn ctrl_c_lets_requests_under_way_end() {
    let mut gallery = Gallery::open(&[]);
    let mut idle = gallery.connect();
    assert_eq!(idle.ask("GET", "/visitor/1", &[]).status, 200);
    let mut listener = gallery.connect();
    listener.send(b"GET /events HTTP/1.1\r\nhost: test\r\n\r\n");
    listener.stream.read_exact(&mut [0; 15]).unwrap();
    // Half of a body has arrived.
    let mut busy = gallery.connect();
    busy.send(b"POST /thumbnail HTTP/1.1\r\nhost: test\r\ncontent-length: 8\r\n\r\nhalf");
    thread::sleep(Duration::from_millis(300));
    gallery.interrupt();
    assert!(idle.is_closed());
    assert!(listener.is_closed());
    busy.send(b"done");
    let reply = busy.reply().expect("a reply");
    assert_eq!(reply.status, 422, "these eight bytes are no picture");
    // Do not check whether the reply announces the close. This depends on which is faster, the shutdown
    // or the body.
    assert!(busy.is_closed());
    let report = gallery.wait();
    assert!(report.starts_with("gallery: served"), "{report}");
}
