//! Tests of the live page of `brigade gallery --serve` in a real browser: the page opens, its figures
//! change, thumbnails appear, and a click changes the place where they are made.
//!
//! The test needs Chromium or Chrome, and finds it in the same way as the timeline's tests (`browser.rs`).
//! Those tests run a script inside the page and read the finished document. A live page is never finished,
//! so this test controls the browser over its debugging protocol.

mod common;
mod gallery_common;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use gallery_common::Gallery;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, stream::MaybeTlsStream};

/// The time after which a condition or an answer of the browser counts as missing.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_page_is_alive() {
    let Some(program) = find() else { return };
    let gallery = Gallery::open(&["--connections", "40", "--width", "420"]);
    let mut page = Page::open(&program, &format!("http://{}/", gallery.address));

    // There are 40 visitors, 8 album clients, the page itself, and the task that accepts connections.
    page.wait_for("Number($('in-flight').textContent) >= 50");
    page.wait_for("/ms|µs| s$/.test($('p99').textContent)");
    page.wait_for("[...document.images].filter((image) => image.naturalWidth === 320).length > 12");
    let answered = page.evaluate("$('requests').textContent");
    page.wait_for(&format!("$('requests').textContent !== {answered}"));
    assert_eq!(page.evaluate("$('at-once').textContent"), "1");
    assert_eq!(
        page.evaluate("document.querySelector(':checked').value"),
        "pool"
    );
    page.wait_for("Number($('chart').dataset.ticks) > 8");
    let painted =
        "[...$('chart').getContext('2d').getImageData(0, 0, 400, 100).data].some(Boolean)";
    assert_eq!(page.evaluate(painted), true);
    page.photograph("gallery light", "light");
    page.photograph("gallery dark", "dark");

    // A click tells the server to use another place, and the server reports that place to the page.
    page.evaluate("document.querySelector('[value=handler]').click()");
    page.wait_for("$('choice').dataset.place === 'handler'");
    let ticks = page.evaluate("Number($('chart').dataset.ticks)");
    page.wait_for(&format!("Number($('chart').dataset.ticks) > {ticks}"));
    assert_eq!(page.evaluate("$('lesson').textContent.length > 40"), true);
    page.wait_for("$('status').textContent.startsWith('live')");

    let foreign = "performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith(location.origin)).length";
    assert_eq!(
        page.evaluate(foreign),
        0,
        "everything comes from the server itself"
    );
    assert_eq!(
        page.complaints,
        Vec::<String>::new(),
        "nothing is written to the console"
    );
    drop(page);
    gallery.close();
}

fn find() -> Option<PathBuf> {
    let named = env::var_os("BRIGADE_BROWSER").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = || {
        let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
        let mut files =
            env::split_paths(&path).flat_map(|place| names.map(|name| place.join(name)));
        files.find(|file| file.is_file())
    };
    let found = named.or_else(on_path);
    if found.is_none() {
        let word = "no Chromium or Chrome found (Debian: apt-get install chromium)";
        assert!(env::var_os("BRIGADE_REQUIRE_BROWSER").is_none(), "{word}");
        let _ = writeln!(std::io::stderr(), "SKIPPED: {word}");
    }
    found
}

/// A page in its own browser process.
struct Page {
    browser: Child,
    /// The browser's profile, which two browsers must not share.
    _profile: tempfile::TempDir,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: Option<Value>,
    asked: u64,
    /// Messages on the console, and exceptions.
    complaints: Vec<String>,
}

impl Page {
    fn open(program: &Path, url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
            ])
            .args([
                "--disable-background-networking",
                "--no-first-run",
                "--no-proxy-server",
            ])
            .args(["--remote-debugging-port=0", "--window-size=1240,1000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let mut lines = BufReader::new(browser.stderr.take().unwrap()).lines();
        let address = lines
            .find_map(|line| Some(line.ok()?.split_once("listening on ")?.1.to_owned()))
            .expect("the browser says where it listens");
        // The browser must be able to continue to write to stderr.
        thread::spawn(move || lines.for_each(drop));
        let (socket, _) = tungstenite::connect(address).expect("the browser answers");
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let mut page = Self {
            browser,
            _profile: profile,
            socket,
            session: None,
            asked: 0,
            complaints: Vec::new(),
        };
        let target = page.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        page.session = Some(page.ask("Target.attachToTarget", target)["sessionId"].clone());
        for domain in ["Runtime.enable", "Log.enable", "Page.enable"] {
            page.ask(domain, json!({}));
        }
        page.ask("Page.navigate", json!({ "url": url }));
        page.wait_for("document.readyState === 'complete'");
        page
    }

    /// Sends one command of the protocol and returns its result.
    #[track_caller]
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut command = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = session.clone();
        }
        self.socket
            .send(Message::text(command.to_string()))
            .unwrap();
        loop {
            let message = self.socket.read().expect("the browser answers");
            let Message::Text(text) = message else {
                continue;
            };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == self.asked {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            let event = message["method"].as_str().unwrap_or_default();
            if [
                "Runtime.consoleAPICalled",
                "Runtime.exceptionThrown",
                "Log.entryAdded",
            ]
            .contains(&event)
            {
                self.complaints.push(message["params"].to_string());
            }
        }
    }

    /// Returns the value of an expression.
    #[track_caller]
    fn evaluate(&mut self, expression: &str) -> Value {
        let expression = format!(
            "(() => {{ const $ = (id) => document.getElementById(id); return {expression}; }})()"
        );
        let params = json!({ "expression": expression, "returnByValue": true });
        let result = self.ask("Runtime.evaluate", params);
        assert!(
            result.get("exceptionDetails").is_none(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    #[track_caller]
    fn wait_for(&mut self, condition: &str) {
        let begun = Instant::now();
        while self.evaluate(condition) != true {
            assert!(
                begun.elapsed() < PATIENCE,
                "{condition}: does not become true"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn photograph(&mut self, name: &str, theme: &str) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.ask("Emulation.setEmulatedMedia", media);
        thread::sleep(Duration::from_millis(800));
        let picture = self.ask(
            "Page.captureScreenshot",
            json!({ "captureBeyondViewport": true }),
        );
        let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        fs::create_dir_all(&room).unwrap();
        let file = base64(picture["data"].as_str().unwrap());
        assert!(file.len() > 10_000, "the screenshot is nearly empty");
        fs::write(room.join(format!("{name}.png")), file).unwrap();
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

/// Decodes base64.
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bytes: Vec<u8> = text.bytes().filter(|&byte| byte != b'=').collect();
    let decode = |chunk: &[u8]| {
        let bits = (0..4).fold(0_u32, |bits, i| {
            bits << 6 | chunk.get(i).map_or(0, |&byte| u32::from(digit(byte)))
        });
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    };
    bytes.chunks(4).flat_map(decode).collect()
}
