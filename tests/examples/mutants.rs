//! Puts known bugs back, one at a time, and checks that the suite fails with each.
//!
//! ```text
//! cargo run -p brigade-tests --example mutants              puts back all bugs
//! cargo run -p brigade-tests --example mutants -- ring idle  puts back bugs with `ring` or `idle` in their names
//! ```
//!
//! The bugs are in `tests/mutants/list.diff`. The program puts the bugs into a copy of the sources, in the
//! target directory. It writes each verdict to `tests/mutants/RESULTS.md` immediately, and keeps the verdicts
//! of earlier runs until they are replaced. Each check first runs without the bug, because a check that fails
//! without the bug proves nothing. If the suite has just passed, skip this first run with `--sure`. A check
//! that hangs counts as failed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use brigade_tests::mutants::{Check, Mutant, list, root};

/// The maximum duration of a check, without its build.
const PATIENCE: Duration = Duration::from_secs(120);

/// The files in the workspace's root that are copied.
const FILES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "README.md", "ARCHITECTURE.md"];

/// Returns the folders of the workspace's members. Cargo needs all of them.
fn members() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let list = manifest.lines().find(|line| line.starts_with("members"));
    let names = list.expect("a list of members").split('"');
    names.skip(1).step_by(2).map(str::to_owned).collect()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Passed,
    Failed,
    Hung,
    DoesNotBuild,
}

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let sure = words.iter().any(|word| word == "--sure");
    words.retain(|word| word != "--sure");
    let chosen = |mutant: &&Mutant| {
        words.is_empty() || words.iter().any(|word| mutant.name.contains(word.as_str()))
    };
    let all = list();
    let mutants: Vec<&Mutant> = all.iter().filter(chosen).collect();
    let kitchen = Kitchen::new().expect("the sources can be copied");
    let mut sound = BTreeMap::new();
    let mut survived = 0;
    for mutant in &mutants {
        let check = &mutant.check;
        let mut without = || *sound.entry(check).or_insert_with(|| kitchen.run(check));
        let without = if sure { End::Passed } else { without() };
        let verdict = match without {
            End::Passed => kitchen.judge(mutant),
            other => format!("**the check is unsound: without the bug it {other:?}**"),
        };
        println!("{:32} {verdict}", mutant.name);
        survived += u32::from(!verdict.starts_with("caught"));
        note(&all, mutant, &verdict);
    }
    println!("{survived} of {} bugs not caught", mutants.len());
    ExitCode::from(u8::from(survived > 0))
}

/// Writes the verdict on one bug to `RESULTS.md`. The verdicts on the other bugs stay.
fn note(all: &[Mutant], judged: &Mutant, verdict: &str) {
    let path = root().join("tests/mutants/RESULTS.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let rows = all.iter().filter_map(|mutant| {
        let Mutant {
            name,
            bug,
            what,
            check,
            ..
        } = mutant;
        let head = format!("| `{name}` |");
        let old = || {
            let row = before.lines().find(|line| line.starts_with(&head))?;
            row.strip_suffix(" |")?.rsplit(" | ").next()
        };
        let verdict = if *name == judged.name {
            Some(verdict)
        } else {
            old()
        }?;
        Some(format!("{head} {bug} | {what} | {check} | {verdict} |\n"))
    });
    let rows: Vec<String> = rows.collect();
    let caught = rows.iter().filter(|row| row.contains("| caught: ")).count();
    let text = format!(
        "# Bugs put back\n\nWritten by `cargo run -p brigade-tests --example mutants`: \
         {caught} caught of {} put back.\n\n\
         | bug put back | whose it was | what it does | the check | verdict |\n\
         |---|---|---|---|---|\n{}",
        rows.len(),
        rows.concat(),
    );
    fs::write(path, text).expect("the results can be written");
}

/// A copy of the sources, and the target directory of its builds.
struct Kitchen {
    copy: PathBuf,
    target: PathBuf,
}

impl Kitchen {
    fn new() -> io::Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root().join("target"), PathBuf::from)
            .join("mutants");
        let copy = target.join("tree");
        fs::create_dir_all(&copy)?;
        for part in members().into_iter().chain(FILES.map(str::to_owned)) {
            mirror(&root().join(&part), &copy.join(&part))?;
        }
        Ok(Kitchen { copy, target })
    }

    /// Puts the bug into the copy, runs the bug's check, and takes the bug out again.
    fn judge(&self, mutant: &Mutant) -> String {
        let path = self.copy.join(&mutant.file);
        let source = fs::read_to_string(&path).expect("the source can be read");
        let buggy = match mutant.apply(&source) {
            Ok(buggy) => buggy,
            Err(rotten) => return format!("**{rotten}**"),
        };
        fs::write(&path, buggy).expect("the copy can be written");
        let end = self.run(&mutant.check);
        fs::write(&path, source).expect("the copy can be written");
        match end {
            End::Failed => "caught: it fails".into(),
            End::Hung => "caught: it hangs".into(),
            End::Passed => "**survived**".into(),
            End::DoesNotBuild => "**does not build**".into(),
        }
    }

    fn cargo(&self, check: &Check) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(check.arguments())
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null());
        if let Check::Loom(_) = check {
            // Use a separate directory, because `--cfg loom` applies to all dependencies.
            command
                .env("RUSTFLAGS", "--cfg loom")
                // Only one crate changes between two builds. Link-time optimization would optimize all crates
                // again for each bug.
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_TARGET_DIR", self.target.join("loom"));
        }
        command
    }

    fn run(&self, check: &Check) -> End {
        let build = self.cargo(check).args(["--no-run", "--quiet"]).status();
        if !build.expect("cargo can be started").success() {
            return End::DoesNotBuild;
        }
        let list = self.cargo(check).args(["--quiet", "--", "--list"]).output();
        let list = String::from_utf8(list.expect("cargo can be started").stdout);
        let list = list.expect("the names of tests are UTF-8");
        let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
        let names: Vec<_> = names.filter(|name| check.includes(name)).collect();
        assert!(!names.is_empty(), "{check} names no test");
        let mut tests = self.cargo(check);
        // Start a process group, so that cargo and its tests can be killed together.
        tests
            .args(["--quiet", "--", "--exact"])
            .args(names)
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut tests = tests.spawn().expect("cargo can be started");
        let began = Instant::now();
        loop {
            match tests.try_wait().expect("a child can be waited for") {
                Some(status) if status.success() => break End::Passed,
                Some(_) => break End::Failed,
                None if began.elapsed() > PATIENCE => {
                    let group = i32::try_from(tests.id()).expect("a process id");
                    // SAFETY: `killpg` takes only numbers, and the process group was made above.
                    unsafe { libc::killpg(group, libc::SIGKILL) };
                    let _ = tests.wait();
                    break End::Hung;
                }
                None => thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// Makes the file or folder `to` equal to `from`. An unchanged file keeps its modification time, so cargo
/// does not rebuild it.
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if name != "target" {
                mirror(&from.join(&name), &to.join(&name))?;
            }
        }
        return Ok(());
    }
    let text = fs::read(from)?;
    if fs::read(to).ok().as_ref() != Some(&text) {
        fs::write(to, text)?;
    }
    Ok(())
}
