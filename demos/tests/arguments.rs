//! Tests of the menu, of `--help` and of bad input. For bad input, the command prints one clear line on
//! stderr, opens no socket, and ends with status 2.

mod common;

use std::fs::OpenOptions;

use common::{Server, brigade, finish, ok, run};

#[test]
fn brigade_alone_prints_a_menu() {
    let run = run(&[]);
    assert_eq!(run.status, Some(0));
    let place = |words: &str| {
        run.stdout
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {run:?}"))
    };
    for demo in [
        "fetch",
        "kitchen",
        "cashier",
        "equations",
        "squares",
        "parts",
        "matrix",
    ] {
        place(&format!("brigade {demo} "));
    }
    assert!(place("Begin with `brigade kitchen`") < place("then `brigade fetch`"));
    assert!(
        run.stdout.lines().all(|line| line.chars().count() <= 100),
        "{run:?}"
    );
}

#[test]
fn help_lists_the_demos_one_line_each_and_explains_fetch() {
    let help = run(&["--help"]);
    assert_eq!(help.status, Some(0));
    assert_eq!(
        help.stdout
            .lines()
            .filter(|line| line.trim().starts_with("fetch "))
            .count(),
        1
    );
    assert!(
        !help.stdout.contains("origin"),
        "the help lists the hidden command `origin`: {}",
        help.stdout
    );

    let help = run(&["fetch", "--help"]);
    assert_eq!(help.status, Some(0));
    for word in [
        "--concurrency",
        "--timeout",
        "--ca",
        "redirects",
        "Exit status",
        "--json",
    ] {
        assert!(help.stdout.contains(word), "{word}: {}", help.stdout);
    }
}

#[test]
fn help_says_what_cooks_mean_and_which_keys_json_has() {
    let menu = run(&[]).stdout;
    let demos = menu
        .lines()
        .filter_map(|line| line.strip_prefix("  brigade "));
    let demos: Vec<&str> = demos.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(demos.len(), 15, "{menu}");
    for demo in demos {
        let help = run(&["help", demo]);
        assert_eq!(help.status, Some(0));
        for words in ["--cooks here: ", "--json adds ", "run-1cook.svg"] {
            assert!(help.stdout.contains(words), "{demo}, {words}: {help:?}");
        }
    }
    let help = run(&["help"]).stdout;
    for key in ["wall_s", "busy", "waiting_share", "`runs`", "`brigade` is"] {
        assert!(help.contains(key), "{key}: {help}");
    }
}

#[test]
fn an_early_end_of_the_reader_is_no_crash() {
    let mut child = brigade(&["fetch", "--help"]).spawn().unwrap();
    drop(child.stdout.take());
    let run = common::finish(child);
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
}

#[test]
fn arguments_that_make_no_sense_are_named() {
    for (args, named) in [
        (&["fetsh"][..], "fetsh"),
        (&["fetch", "--cuont", "3"], "--cuont"),
        (&["fetch", "--count", "0"], "--count"),
        (&["fetch", "--count", "many"], "many"),
        (&["fetch", "--concurrency", "0"], "--concurrency"),
        (&["fetch", "--concurrency", "-1"], "-1"),
        (&["fetch", "--timeout", "0"], "--timeout"),
        (&["fetch", "--timeout", "-1"], "--timeout"),
        (&["fetch", "--timeout", "NaN"], "--timeout"),
        (&["fetch", "--retries", "-1"], "-1"),
        (&["fetch", "--max-body", "huge"], "--max-body"),
        (&["fetch", "--cooks", "0"], "--cooks"),
        (&["fetch", "--cooks", "9999"], "--cooks"),
        (&["fetch", "nonsense"], "nonsense"),
        (&["kitchen", "--minute", "0"], "--minute"),
        (&["kitchen", "--minute", "soon"], "soon"),
        (&["kitchen", "--timeline", "run.png"], "run.png"),
        (&["kitchen", "--timeline", "run.html/"], "that is a folder"),
        (&["fetch", "--per-host", "0"], "--per-host"),
        (&["fetch", "--rate", "0"], "--rate"),
        (&["fetch", "http://a b/"], "http://a b/"),
        (&["fetch", "http://host/a b"], "%20"),
        (&["fetch", "-d", "x"], "URL of yours"),
        (&["fetch", "-C"], "--output"),
        (
            &["fetch", "http://host/", "-H", "Content-Length: 3"],
            "itself",
        ),
        (
            &["kitchen", "--timeline", "/nowhere/run.svg"],
            "no folder /nowhere",
        ),
        (&["kitchen", "--cooks", "1,1"], "--cooks 1,1"),
        (&["gallery", "--listen", "here"], "an address and a port"),
        (&["--cooks", "2"], "no demo"),
        (&["help", "nothing"], "nothing"),
        (&["cashier", "--customers", "0"], "--customers"),
        (&["equations", "--minute", "-5"], "-5"),
        (&["squares", "--size", "1"], "--size"),
        (&["parts", "--parts", "0"], "--parts"),
        (&["matrix", "--tasks", "1"], "--tasks"),
        (&["fetch", "http://"], "http://"),
        (&["fetch", "ftp://host/"], "ftp"),
        (&["fetch", "--file", "/nowhere/list"], "/nowhere/list"),
        (&["fetch", "--file", "/"], "/"),
        (
            &["fetch", "--output", "/dev/null/directory"],
            "/dev/null/directory",
        ),
        (&["fetch", "--ca", "/nowhere/ca.pem"], "/nowhere/ca.pem"),
        (&["fetch", "--ca", "/dev/null"], "no certificate"),
    ] {
        let run = run(args);
        let line = run.refused();
        assert!(line.contains(named), "{args:?}: {line}");
    }
}

#[test]
fn one_bad_url_stops_the_run_before_anything_is_fetched() {
    let server = Server::replying(ok("never sent"));
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        list.path(),
        format!("{}\n# fine so far\n\ngopher://host/\n", server.url("/")),
    )
    .unwrap();
    let run = run(&["fetch", "--file", list.path().to_str().unwrap()]);
    let line = run.refused();
    assert!(line.contains("line 4") && line.contains("gopher"), "{line}");
    assert_eq!(server.accepted(), 0);
}

#[test]
fn a_list_without_a_url_is_refused() {
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "# nothing\n\n").unwrap();
    let run = run(&["fetch", "--file", list.path().to_str().unwrap()]);
    assert!(run.refused().contains("no URL"));
}

#[test]
fn a_list_that_is_no_text_is_refused() {
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), [0xff, 0xfe, 0, b'\n', 0x80]).unwrap();
    run(&["fetch", "--file", list.path().to_str().unwrap()]).refused();
}

#[test]
fn a_url_cannot_write_to_the_terminal() {
    let run = run(&["fetch", "http://ho\x1b[2Jst\r\nsecond line/"]);
    assert!(!run.refused().contains('\x1b'));
}

/// A report that cannot be written because the disk is full is an error. A reader that closes the pipe is
/// not an error.
#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_is_an_error() {
    for args in [&["kitchen", "--json"][..], &["kitchen"], &["--help"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = finish(brigade(args).stdout(full).spawn().unwrap());
        assert_eq!(run.status, Some(1), "{args:?}: {run:?}");
        assert!(run.stderr.contains("standard output"), "{run:?}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = finish(brigade(args).stdout(writer).spawn().unwrap());
        assert_eq!(run.status, Some(0), "{args:?}: {run:?}");
    }
}

/// Returns the path and the text of each Rust file in a folder and its subfolders.
fn sources(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            all.push((path.display().to_string(), text));
        }
    }
    all
}

/// The common code depends on no demo, and no demo depends on the command line. So these modules have no
/// dependency cycle.
#[test]
fn the_command_line_knows_the_demos_and_nothing_knows_the_command_line() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let shared = sources(&root.join("common"));
    assert!(shared.len() > 10);
    let demos: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| !matches!(name.as_str(), "main" | "common" | "drawing"))
        .collect();
    // Returns whether a path in `text` begins with `crate::` and the name in `module`.
    let names = |text: &str, module: &str| {
        let after = text.split("crate::").skip(1);
        after.flat_map(|it| it.split(';').take(1)).any(|imports| {
            let listed = imports.starts_with('{');
            let paths = imports.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let paths = paths.filter(|it| !it.is_empty());
            let mut first = paths.map(|it| it.split("::").next().unwrap());
            if listed {
                first.any(|it| it == module)
            } else {
                first.next() == Some(module)
            }
        })
    };
    for (file, text) in shared {
        for demo in &demos {
            assert!(!names(&text, demo), "{file} names {demo}");
        }
    }
    for (file, text) in sources(&root) {
        let top = ["/src/main.rs", "/src/cli.rs", "/src/cli/"];
        if !top.iter().any(|it| file.contains(it)) && !file.contains("/drawing/") {
            assert!(!names(&text, "cli"), "{file} names the command line");
        }
    }
}
