//! The checker verifies that each exercise fails before it is solved and passes afterwards.
//!
//! ```console
//! $ cargo run -p brigade-exercises -- check 1 9   # some exercises
//! ```
//!
//! The README in the folder above lists the other commands.

mod breaks;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use breaks::{BREAKS, Break};

/// The exercises that ask for code. Each entry has the exercise's number, the name of its test, and its
/// subject.
const WRITE: [(usize, &str, &str); 6] = [
    (
        1,
        "e01_park",
        "an executor for one future, whose thread sleeps while the future waits",
    ),
    (2, "e02_squares", "a computation that lets other tasks run"),
    (
        3,
        "e03_oneshot",
        "a future that wakes the task that polled it last",
    ),
    (4, "e04_port", "a source of events like UDP"),
    (5, "e05_semaphore", "a fair semaphore"),
    (
        6,
        "e06_shares",
        "a third executor, which polls the tasks of two lanes in turn",
    ),
];

/// How a run of tests ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Passed,
    Failed,
    /// The build failed, or no test ran.
    Broken,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let numbers: Vec<usize> = arguments
        .iter()
        .skip(1)
        .filter_map(|n| n.parse().ok())
        .collect();
    let done = match arguments.first().map(String::as_str) {
        None => {
            list();
            Ok(true)
        }
        Some("check") => check(&numbers),
        Some("try") => attempt(&numbers),
        Some(other) => Err(io::Error::other(format!(
            "the commands are `check` and `try`, not `{other}`"
        ))),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("exercises: {error}");
            ExitCode::from(2)
        }
    }
}

fn list() {
    for (number, test, what) in WRITE {
        println!("{number:2}  write {what}: cargo test -p brigade-exercises --test {test}");
    }
    for Break { number, what, .. } in BREAKS {
        println!(
            "{number:2}  break: {what}. Which test finds it? cargo run -p brigade-exercises -- try {number}"
        );
    }
}

/// Checks the exercises with these numbers. If no number is given, checks all exercises.
fn check(numbers: &[usize]) -> io::Result<bool> {
    let wanted = |number: usize| numbers.is_empty() || numbers.contains(&number);
    let mut all = true;
    let mut tell = |number: usize, before: Ending, after: Ending| {
        let good = (before, after) == (Ending::Failed, Ending::Passed);
        let mark = if good { "ok" } else { "WRONG" };
        println!("exercise {number:2}: before {before:?}, after {after:?}: {mark}");
        all &= good;
    };
    for (number, test, _) in WRITE.iter().filter(|(number, ..)| wanted(*number)) {
        let start = ["-p", "brigade-exercises", "--test", test];
        let solved = [&start[..], &["--features", "solutions"]].concat();
        let run = |arguments: &[&str]| tests(&root(), arguments, "", false);
        tell(*number, run(&start)?.0, run(&solved)?.0);
    }
    let chosen: Vec<_> = BREAKS.iter().filter(|it| wanted(it.number)).collect();
    if !chosen.is_empty() {
        let copy = copy()?;
        for it in chosen {
            let after = find(&copy, it)?.0;
            let before = broken(&copy, it)?.0;
            tell(it.number, before, after);
        }
    }
    Ok(all)
}

/// Puts the bugs in, one after another, and shows which tests fail.
fn attempt(numbers: &[usize]) -> io::Result<bool> {
    let copy = copy()?;
    for it in BREAKS.iter().filter(|it| numbers.contains(&it.number)) {
        println!(
            "exercise {}: {}\nin {}:\n- {}\n+ {}",
            it.number, it.what, it.file, it.from, it.to
        );
        let (ending, printed) = broken(&copy, it)?;
        let says = |line: &&str| line.ends_with("... FAILED") || line.starts_with("thread '");
        let failures = printed.lines().filter(says);
        println!("{ending:?}");
        failures.for_each(|line| println!("  {line}"));
    }
    Ok(true)
}

fn root() -> PathBuf {
    let exercises = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = exercises.ancestors().nth(2);
    root.expect("runtime/exercises is in the workspace").into()
}

/// Runs tests in a folder. Returns how they ended and what they printed. `arguments` are passed to cargo, and
/// `filter` is a part of the names of the tests to run.
fn tests(
    folder: &Path,
    arguments: &[&str],
    filter: &str,
    by_loom: bool,
) -> io::Result<(Ending, String)> {
    let command = |last: &[&str]| {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo
            .current_dir(folder)
            .arg("test")
            .args(arguments)
            .args(last);
        if folder != root() {
            let build = if by_loom { "build-loom" } else { "build" };
            cargo.env("CARGO_TARGET_DIR", folder.with_file_name(build));
        }
        if by_loom {
            cargo.env("RUSTFLAGS", "--cfg loom");
        }
        cargo.output()
    };
    let built = command(&["--no-run"])?;
    if !built.status.success() {
        eprint!("{}", String::from_utf8_lossy(&built.stderr));
        return Ok((Ending::Broken, String::new()));
    }
    let output = command(&["--", filter])?;
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    let any = printed
        .lines()
        .any(|line| line.starts_with("test ") && line.ends_with("... ok"));
    let ending = match (output.status.success(), any) {
        // Do not require a printed result. If all threads of a model sleep forever, loom aborts the process,
        // and the harness prints no result.
        (false, _) => Ending::Failed,
        (true, true) => Ending::Passed,
        (true, false) => Ending::Broken,
    };
    Ok((ending, printed))
}

/// Copies the workspace into the build folder. The copy has a build folder of its own, beside the copy.
fn copy() -> io::Result<PathBuf> {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let copy = target.join("exercises/copy");
    copy_folder(&root(), &copy)?;
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().expect("an entry has a name");
        match path.is_dir() {
            // Skip the build folder, because it contains the copy.
            true if name == "target" || name == ".git" || to.starts_with(&path) => {}
            true => copy_folder(&path, &to.join(name))?,
            false => copy_file(&path, &to.join(name))?,
        }
    }
    Ok(())
}

/// Copies a file. An equal copy stays as it is, so that cargo does not compile it again.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let text = fs::read(from)?;
    match fs::read(to).is_ok_and(|there| there == text) {
        true => Ok(()),
        false => fs::write(to, text),
    }
}

/// Runs the tests that should find a bug.
fn find(copy: &Path, it: &Break) -> io::Result<(Ending, String)> {
    let arguments: &[&str] = match it.by_loom {
        true => &["-p", "brigade", "--lib", "--release"],
        false => &["-p", "brigade", "--lib"],
    };
    tests(copy, arguments, it.caught_by, it.by_loom)
}

/// Puts a bug in, runs the tests that should find it, and takes the bug out again.
fn broken(copy: &Path, it: &Break) -> io::Result<(Ending, String)> {
    let path = copy.join(it.file);
    let whole = fs::read_to_string(&path)?;
    if whole.matches(it.from).count() != 1 {
        let what = format!("{} should contain once:\n{}", it.file, it.from);
        return Err(io::Error::other(what));
    }
    fs::write(&path, whole.replacen(it.from, it.to, 1))?;
    let found = find(copy, it);
    fs::write(&path, whole)?;
    found
}
