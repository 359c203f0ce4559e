//! Opens the HTML page in a real browser, operates it, and takes screenshots.
//!
//! The tests need Chromium or Chrome on the path. `BRIGADE_BROWSER` may name another browser. Without a
//! browser, the tests are skipped and report this on stderr. If `BRIGADE_REQUIRE_BROWSER` is set, they fail
//! instead.
//!
//! A script drives the page from within: `browser/selftest.js` is appended to the page and sends it the
//! events that a user would cause. The script writes its report into the document, and the browser prints the
//! document. So the test needs no waiting and no remote-control protocol.

#[path = "browser/runs.rs"]
mod runs;

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use brigade::{WorkStealing, timeline::Timeline};
use brigade_timeline::{Drawing, TaskFigures};

const SELFTEST: &str = include_str!("browser/selftest.js");
/// The time after which a browser counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);
/// The maximum median time of a frame, in milliseconds. This limit is far above the usual time, because the
/// machine may be busy.
const FRAME_MS_MAX: f64 = 100.0;

#[test]
fn the_page_can_be_explored() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let report = browser.try_out(&runs::kitchen(), "kitchen");
    assert!(report.lines().count() > 25, "{report}");
}

/// Threads record an action a moment before or after the action happens. In the hand-written runs of the
/// other tests, every recorded time is exact. So this test records a real run.
#[test]
fn a_real_run_is_read_as_the_runtime_reads_it() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let executor = WorkStealing::builder()
        .workers(3)
        .record_timeline(true)
        .build()
        .unwrap();
    executor.block_on(async {
        let tasks = (0..200_u64).map(|i| {
            brigade::spawn(async move {
                for turn in 0..i % 5 {
                    brigade::yield_now().await;
                    brigade::time::sleep(Duration::from_micros(turn * i)).await;
                }
                if i % 11 == 0 {
                    brigade::spawn_blocking(move || i).await.unwrap();
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for (i, task) in tasks.into_iter().enumerate() {
            if i % 17 == 3 {
                task.abort();
            }
            let _ = task.await;
        }
    });
    browser.try_out(&executor.timeline().unwrap(), "real");
}

#[test]
fn the_page_is_smooth_with_a_hundred_thousand_events() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let run = runs::requests(2000, 16);
    assert!(run.events.len() > 100_000, "{}", run.events.len());
    let report = browser.try_out(&run, "requests");
    let medians = report.lines().filter_map(|line| {
        let (_, rest) = line.split_once("median ")?;
        rest.split(' ').next()?.parse::<f64>().ok()
    });
    let medians: Vec<f64> = medians.collect();
    assert_eq!(medians.len(), 6, "{report}");
    assert!(medians.iter().all(|&ms| ms < FRAME_MS_MAX), "{report}");
}

#[test]
fn a_run_without_events_is_shown_as_one() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let mut run = Timeline::default();
    browser.try_out(&run, "empty");
    run.dropped = 12_345;
    let page = self::page("nothing but a gap", &run);
    let output = browser.open(&page, "gap", &["--dump-dom"]);
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("12,345 events found no room"), "{dom}");
}

#[test]
fn screenshots_are_taken() {
    let Some(browser) = Browser::find() else {
        return;
    };
    for (name, run) in [
        ("kitchen", runs::kitchen()),
        ("requests", runs::requests(2000, 16)),
    ] {
        let page = self::page(name, &run);
        for fragment in [
            "by=worker&theme=light",
            "by=worker&theme=dark",
            "by=task&theme=light",
            "by=task&theme=dark",
        ] {
            let picture = browser.room.join(format!("{name} {fragment}.png"));
            let shot = format!("--screenshot={}", picture.display());
            browser.open_at(
                &page,
                name,
                fragment,
                &[&shot, "--virtual-time-budget=3000"],
            );
            let png = fs::read(&picture).expect("there is a picture");
            let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
            assert_eq!((side(16), side(20)), (1400, 900));
            // If the page were blank below its header, its picture would take fewer bytes.
            assert!(
                png.len() > 60_000,
                "{}: {} bytes",
                picture.display(),
                png.len()
            );
        }
    }
    say(&format!("screenshots: {}", browser.room.display()));
}

/// Returns a page with the figures that the library computes. The selftest compares these figures with its
/// own.
fn page(title: &str, run: &Timeline) -> String {
    let figures = brigade_timeline::figures(run);
    let tasks = run.tasks.iter().zip(&figures.tasks);
    let counted = tasks.filter(|(task, life)| !task.is_main && !life.is_blocking);
    let lives: Vec<_> = counted.map(|(_, life)| life).collect();
    let figure = |name: &str, value: String| (name.to_owned(), value);
    let nanos = |name, time: fn(&TaskFigures) -> Duration| {
        let sum: Duration = lives.iter().map(|life| time(life)).sum();
        figure(name, sum.as_nanos().to_string())
    };
    let said = vec![
        figure("in flight (concurrency)", figures.in_flight_max.to_string()),
        figure("at once (parallelism)", figures.at_once_max.to_string()),
        nanos("ns running", |life| life.running),
        nanos("ns ready, not running", |life| life.queued),
        nanos("ns waiting", |life| life.waiting),
        figure(
            "longest poll",
            format!(
                "{:?}",
                figures
                    .longest_poll
                    .map_or(Duration::ZERO, |poll| poll.took)
            ),
        ),
        figure("critical path", format!("{:?}", figures.critical_path)),
    ];
    Drawing::new(run).title(title).figures(said).html()
}

struct Browser {
    program: PathBuf,
    room: PathBuf,
}

impl Browser {
    fn find() -> Option<Self> {
        let named = env::var_os("BRIGADE_BROWSER").map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        let on_path = || {
            let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
            let places = env::split_paths(&path);
            let mut files = places.flat_map(|place| names.map(|name| place.join(name)));
            files.find(|file| file.is_file())
        };
        let Some(program) = named.or_else(on_path) else {
            let word = "no Chromium or Chrome found (Debian: apt-get install chromium)";
            assert!(env::var_os("BRIGADE_REQUIRE_BROWSER").is_none(), "{word}");
            say(&format!("SKIPPED: {word}"));
            return None;
        };
        let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        fs::create_dir_all(&room).unwrap();
        Some(Self { program, room })
    }

    /// Opens the page of a run, lets the selftest operate it, and checks the report.
    fn try_out(&self, run: &Timeline, name: &str) -> String {
        let page = self::page(name, run);
        let (before, after) = page.rsplit_once("</body>").unwrap();
        let page = format!("{before}<script type=\"module\">{SELFTEST}</script></body>{after}");
        let output = self.open(&page, &format!("{name} selftest"), &["--dump-dom"]);
        let dom = String::from_utf8_lossy(&output.stdout);
        let report = dom.split_once("<pre id=\"selftest\" hidden=\"\">");
        let report = report.and_then(|(_, rest)| rest.split_once("</pre>"));
        let (report, _) = report.expect("the selftest came to its end");
        assert!(!report.contains("FAILED"), "{name}: {report}");
        for line in report.lines().filter(|line| line.starts_with("frame")) {
            say(&format!("{name}, {} events: {line}", run.events.len()));
        }
        report.to_owned()
    }

    fn open(&self, page: &str, name: &str, arguments: &[&str]) -> Output {
        self.open_at(page, name, "", arguments)
    }

    /// Opens a page, which must not write anything to the console.
    fn open_at(&self, page: &str, name: &str, fragment: &str, arguments: &[&str]) -> Output {
        let file = self.room.join(format!("{name}.html"));
        fs::write(&file, page).unwrap();
        // Two browsers cannot share a profile.
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new(&self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
            ])
            .args(["--disable-background-networking", "--no-first-run"])
            .args([
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--window-size=1400,900",
            ])
            .arg("--enable-logging=stderr")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .arg(format!("file://{}#{fragment}", file.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let output = finish(child);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        let console: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .collect();
        assert!(console.is_empty(), "{name}: {console:#?}");
        output
    }
}

/// Waits until the browser ends. If it hangs, kills it and fails the test.
fn finish(mut child: std::process::Child) -> Output {
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |mut pipe: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).map(|_| bytes)
        })
    };
    let (out, err) = (read(Box::new(out)), read(Box::new(err)));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the browser hung");
        }
        thread::sleep(Duration::from_millis(20));
    };
    Output {
        status,
        stdout: out.join().unwrap().unwrap(),
        stderr: err.join().unwrap().unwrap(),
    }
}

/// Writes a line to stderr directly, because the test harness hides the output of the print macros if a test
/// passes.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
