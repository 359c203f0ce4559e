//! Tests of `brigade fetch` against servers of other projects: python's http.server and nginx. nginx is
//! also tested over TLS, with a certificate from a test authority.
//!
//! If a server is not installed, its tests are skipped with a message. If `BRIGADE_REQUIRE_SERVERS` is
//! set, they fail instead.

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{assert_kind, fetch_one, nobody, run};
use serde_json::json;
use tempfile::TempDir;

/// A file of the size of a photograph, a file of an odd size, and an empty file.
const FILES: [(&str, usize); 3] = [
    ("large.bin", 5_000_000),
    ("odd.bin", 12_345),
    ("empty.bin", 0),
];

/// The directories of server programs on Debian, which a user's PATH does not contain.
const MORE_PATH: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Finds a program. If it is missing and not required, prints a message and returns `None`.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(MORE_PATH.map(PathBuf::from));
    let found = directories
        .map(|directory| directory.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let message = format!("{name} is not installed");
        assert!(
            std::env::var_os("BRIGADE_REQUIRE_SERVERS").is_none(),
            "{message}"
        );
        eprintln!("SKIPPED: {message}");
    }
    found
}

/// A server process and the directory that it serves. Its `drop` ends the process.
struct Served {
    child: Child,
    place: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        // SIGTERM lets nginx end its workers too.
        common::signal(self.child.id(), rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Creates a directory with files to serve.
fn site() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir_all(place.path().join("site/more")).unwrap();
    for (name, len) in FILES {
        let bytes: Vec<u8> = (0..len).map(|at| (at * 31 / 7) as u8).collect();
        fs::write(place.path().join("site").join(name), bytes).unwrap();
    }
    place
}

/// Fetches every file from `base` into a directory and compares it byte by byte with the original.
#[track_caller]
fn check_files(base: &str, site: &Path, options: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    for (name, len) in FILES {
        let output = ["--output", out.path().to_str().unwrap()];
        let result = fetch_one(&format!("{base}/{name}"), &[options, &output].concat());
        assert!(result["error"].is_null(), "{result}");
        assert_eq!(
            (&result["status"], &result["bytes"]),
            (&json!(200), &json!(len))
        );
        let file = result["file"].as_str().unwrap();
        assert!(
            fs::read(file).unwrap() == fs::read(site.join(name)).unwrap(),
            "{name} differs"
        );
    }
    let missing = fetch_one(&format!("{base}/missing"), options);
    assert_eq!(
        (&missing["status"], &missing["error"]),
        (&json!(404), &json!(null))
    );
}

#[test]
fn python_http_server() {
    let Some(python) = find("python3") else {
        return;
    };
    let place = site();
    let mut child = Command::new(python)
        .args([
            "-u",
            "-m",
            "http.server",
            "0",
            "--bind",
            "127.0.0.1",
            "--directory",
        ])
        .arg(place.path().join("site"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let served = Served { child, place };
    // The line is "Serving HTTP on 127.0.0.1 port 8000 …".
    let port = line
        .split_once("port ")
        .and_then(|(_, rest)| rest.split(' ').next())
        .expect("a port");
    let base = format!("http://127.0.0.1:{port}");
    check_files(&base, &served.place.path().join("site"), &[]);
    let localhost = fetch_one(&format!("http://localhost:{port}/odd.bin"), &[]);
    assert_eq!(localhost["bytes"], 12_345, "{localhost}");
    // The server lets five connections wait and drops further ones, so sending all requests at the same
    // time would end in time-outs.
    let list = served.place.path().join("list");
    let lines: Vec<String> = (0..300).map(|n| format!("{base}/odd.bin?{n}")).collect();
    fs::write(&list, lines.join("\n")).unwrap();
    let all = run(&["fetch", "-f", list.to_str().unwrap(), "--json", "-q"]).json();
    assert_eq!(
        (&all["done"], &all["failed"]),
        (&json!(300), &json!(0)),
        "{}",
        all["failures"]
    );
    let folder = fetch_one(&format!("{base}/more"), &[]);
    assert_eq!(folder["redirects"], json!([format!("{base}/more/")]));
    let url = format!("{base}/odd.bin");
    let many = run(&["fetch", &url, "-n", "50", "-c", "5", "--json", "-q"]).json();
    assert_eq!(
        (&many["done"], &many["bytes"]),
        (&json!(50), &json!(50 * 12_345)),
        "{many}"
    );
}

/// nginx on two ports. The second port uses TLS. Its certificate is for `localhost` and 127.0.0.1, and is
/// signed by `ca.pem`.
struct Nginx {
    served: Served,
    plain: SocketAddr,
    encrypted: SocketAddr,
}

impl Nginx {
    fn start() -> Option<Self> {
        let (nginx, openssl) = (find("nginx")?, find("openssl")?);
        let place = site();
        certify(&openssl, place.path());
        let (plain, encrypted) = (nobody(), nobody());
        let (root, port) = (place.path().display(), encrypted.port());
        // Without this setting, root's nginx would run its workers as a user who cannot read the directory.
        let user = if rustix::process::getuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let config = format!(
            "{user} daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;
             events {{ worker_connections 4096; }}
             http {{
                access_log off; server_tokens off;
                client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
                uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
                server {{
                    listen {plain} backlog=4096; listen {encrypted} ssl http2; listen 127.0.0.2:{port} ssl;
                    ssl_certificate {root}/server.pem; ssl_certificate_key {root}/server.key;
                    root {root}/site;
                }}
             }}"
        );
        fs::write(place.path().join("nginx.conf"), config).unwrap();
        let child = Command::new(nginx)
            .arg("-p")
            .arg(place.path())
            .arg("-e")
            .arg(place.path().join("error.log"))
            .arg("-c")
            .arg(place.path().join("nginx.conf"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            served: Served { child, place },
            plain,
            encrypted,
        };
        nginx.wait_until_up();
        Some(nginx)
    }

    fn wait_until_up(&self) {
        let begun = Instant::now();
        while TcpStream::connect(self.encrypted).is_err() {
            let log = fs::read_to_string(self.path("error.log")).unwrap_or_default();
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "nginx does not start: {log}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.served.place.path().join(name)
    }
}

/// Creates two authorities, `ca.pem` and `other.pem`, and a certificate that the first has signed. The
/// second signs nothing.
fn certify(openssl: &Path, place: &Path) {
    let run = |words: &str| {
        let output = Command::new(openssl)
            .args(words.split(' '))
            .current_dir(place)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "openssl {words}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        run(&format!(
            "req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 -subj /CN=brigade-test-{name}"
        ));
    }
    run(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=localhost"
    ));
    fs::write(
        place.join("extensions"),
        "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n",
    )
    .unwrap();
    run(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile extensions",
    );
}

#[test]
fn nginx_plain() {
    let Some(nginx) = Nginx::start() else { return };
    check_files(&format!("http://{}", nginx.plain), &nginx.path("site"), &[]);
    let url = format!("http://{}/odd.bin", nginx.plain);
    let many = run(&["fetch", &url, "-n", "1000", "--json", "-q"]).json();
    assert_eq!(
        (&many["done"], &many["bytes"]),
        (&json!(1000), &json!(1000 * 12_345)),
        "{many}"
    );
}

#[test]
fn nginx_encrypted() {
    let Some(nginx) = Nginx::start() else { return };
    let (ca, other) = (nginx.path("ca.pem"), nginx.path("other.pem"));
    let (ca, other) = (ca.to_str().unwrap(), other.to_str().unwrap());
    let port = nginx.encrypted.port();
    check_files(
        &format!("https://127.0.0.1:{port}"),
        &nginx.path("site"),
        &["--ca", ca],
    );
    let url = format!("https://localhost:{port}/odd.bin");
    // nginx closes an HTTP/2 connection after 1,000 requests.
    let many = run(&["fetch", &url, "-n", "2500", "--json", "-q", "--ca", ca]).json();
    assert_eq!(
        (&many["done"], &many["bytes"]),
        (&json!(2500), &json!(2500 * 12_345)),
        "{}",
        many["failures"]
    );
    assert_eq!(many["versions"], json!({"HTTP/2": 2500}));
    // A few requests may each open a connection before the first connection is ready to be shared.
    assert!(
        many["connections"].as_u64() < Some(20),
        "{}",
        many["connections"]
    );
    let older = fetch_one(&format!("https://127.0.0.1:{port}/odd.bin"), &["--ca", ca]);
    assert_eq!(older["version"], "HTTP/2");

    // The third URL is the same server under an address that its certificate does not contain.
    let elsewhere = format!("https://127.0.0.2:{port}/odd.bin");
    for (url, options, said) in [
        (&url, &[][..], "UnknownIssuer"),
        (&url, &["--ca", other], "UnknownIssuer"),
        (&elsewhere, &["--ca", ca], "not valid for name"),
    ] {
        let error = assert_kind(&fetch_one(url, options), "tls");
        assert!(error.contains(said), "{error}");
    }
}
