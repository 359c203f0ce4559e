//! Tests what `#[brigade::main]` and `#[brigade::test]` generate, and the compile errors for wrong input.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// The functions called `main` are in modules, because a test binary already has its own `main`.
mod program {
    use std::io;

    /// The attribute must accept a function that has a doc comment, uses `?` and spawns a task.
    #[brigade::main]
    pub(super) async fn main() -> io::Result<()> {
        let task = brigade::spawn(async { Err::<(), _>(io::Error::other("burnt")) });
        task.await.unwrap()?;
        Ok(())
    }
}

mod program_with_workers {
    const WORKERS: usize = 2;

    #[brigade::main(workers = WORKERS + 1)]
    pub(super) async fn main() {
        assert_eq!(brigade::Handle::current().metrics().workers.len(), 3);
    }
}

#[test]
fn main_runs_and_returns_its_output() {
    assert_eq!(program::main().unwrap_err().to_string(), "burnt");
    program_with_workers::main();
}

/// Each fragment that a `macro_rules!` macro inserts has an invisible group around it. The attribute must
/// accept such groups.
mod pasted {
    macro_rules! whole {
        ($visibility:vis $name:ident $body:block) => {
            #[brigade::test]
            $visibility async fn $name() $body
        };
    }
    whole!(private { assert!(brigade::spawn(async {}).await.is_ok()) });
    whole!(pub(super) restricted {});
}

/// The attribute must accept a doc comment on a test.
#[brigade::test]
async fn a_task_is_spawned() {
    assert_eq!(brigade::spawn(async { 42 }).await.unwrap(), 42);
}

#[brigade::test]
async fn an_error_is_an_output() -> io::Result<()> {
    let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    listener.local_addr()?;
    Ok(())
}

#[brigade::test]
async fn an_output_may_be_of_an_opaque_type() -> impl std::process::Termination {
    std::process::ExitCode::SUCCESS
}

#[brigade::test]
#[should_panic(expected = "the noodles are burnt")]
async fn should_panic_is_kept() {
    panic!("the noodles are burnt");
}

#[brigade::test]
#[ignore = "the harness must ignore this test"]
async fn ignore_is_kept() {
    panic!("an ignored test ran");
}

#[cfg(any())]
#[brigade::test]
async fn cfg_above_is_kept() {
    does_not_exist();
}

#[brigade::test]
#[cfg(any())]
async fn cfg_below_is_kept() {
    does_not_exist();
}

#[brigade::test(virtual_time)]
async fn an_hour_passes_in_no_time() -> io::Result<()> {
    let before = std::time::Instant::now();
    brigade::time::sleep(Duration::from_secs(3600)).await;
    brigade::spawn_local(async {}).await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(3000));
    Ok(())
}

async fn order() -> Vec<u32> {
    let (send, receive) = async_channel::unbounded();
    for number in 0..8 {
        let send = send.clone();
        drop(brigade::spawn(async move { send.send(number).await }));
    }
    drop(send);
    let mut order = Vec::new();
    while let Ok(number) = receive.recv().await {
        order.push(number);
    }
    order
}

#[brigade::test(seed = 7, virtual_time)]
async fn a_seed_decides_the_order() {
    let drawn = order().await;
    assert_ne!(drawn, [0, 1, 2, 3, 4, 5, 6, 7]);
    let again = std::thread::spawn(|| {
        let builder = brigade::SingleThread::builder().seed(7).virtual_time(true);
        builder.build().unwrap().block_on(order())
    });
    assert_eq!(drawn, again.join().unwrap());
}

#[brigade::test(workers = 3)]
async fn workers_are_asked_for() {
    assert_eq!(brigade::Handle::current().metrics().workers.len(), 3);
}

/// The attribute makes real tests, which the harness lists by name.
#[test]
fn the_harness_lists_the_tests() {
    let output = Command::new(env::current_exe().unwrap())
        .arg("--list")
        .output();
    let list = String::from_utf8(output.unwrap().stdout).unwrap();
    let is_listed = |name: &str| {
        list.lines()
            .any(|line| line == format!("macros::{name}: test"))
    };
    assert!(is_listed("a_task_is_spawned"), "{list}");
    assert!(is_listed("should_panic_is_kept"), "{list}");
    assert!(is_listed("ignore_is_kept"), "{list}");
    assert!(is_listed("an_hour_passes_in_no_time"), "{list}");
    assert!(!list.contains("macros::cfg_"), "{list}");
}

// ---- the compiler's messages -------------------------------------------------------------------

/// A crate called `brigade`, with only the items that the attributes need.
const STUB: &str = "
    pub fn run<F: Future>(_: F) -> F::Output { loop {} }
    pub struct WorkStealing;
    impl WorkStealing {
        pub fn builder() -> Self { Self }
        pub fn workers(self, _: usize) -> Self { self }
        pub fn build(self) -> Result<Self, String> { Ok(self) }
        pub fn block_on<F: Future>(&self, _: F) -> F::Output { loop {} }
    }
    pub use brigade_macros::{main, test};
";

/// Returns the path of the library `brigade_macros`, which was built for this test. If the build used
/// `--target`, the library is in the host's folder. Otherwise it is in the test's folder.
fn macros() -> PathBuf {
    let exe = env::current_exe().unwrap();
    let deps = exe.parent().unwrap();
    let profile = deps.parent().unwrap();
    let host = profile.ancestors().nth(2).unwrap();
    let host = host.join(profile.file_name().unwrap()).join("deps");
    let folders = [deps, &host].map(|folder| fs::read_dir(folder).into_iter().flatten());
    let files = folders
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let built = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.contains("brigade_macros-") && name.ends_with(env::consts::DLL_SUFFIX)
    });
    let age = |path: &PathBuf| fs::metadata(path).and_then(|it| it.modified());
    built
        .max_by_key(|path| age(path).unwrap_or(SystemTime::UNIX_EPOCH))
        .expect("the attributes have been built")
}

/// Compiles a program in `folder` and returns the compiler's messages, without colours.
fn compile(folder: &Path, name: &str, kind: &[&str], text: &str) -> (bool, String) {
    fs::write(folder.join(format!("{name}.rs")), text).unwrap();
    let macros = macros();
    let output = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()))
        .current_dir(folder)
        .args(["--edition=2024", "--emit=metadata", "--error-format=short"])
        .arg("--extern")
        .arg(format!("brigade_macros={}", macros.display()))
        .arg(format!(
            "-Ldependency={}",
            macros.parent().unwrap().display()
        ))
        .args(kind)
        .arg(format!("{name}.rs"))
        .output()
        .expect("the compiler that built this test");
    (
        output.status.success(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Compiles programs that use the attributes, and checks the compiler's messages.
fn messages(programs: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let library = ["--crate-type=lib"];
    let (built, said) = compile(folder.path(), "brigade", &library, STUB);
    assert!(built, "{said}");
    for (text, expected) in programs {
        let kind: &[&str] = match text.contains("brigade::test") {
            true => &["--test", "--extern=brigade=libbrigade.rmeta"],
            false => &["--crate-type=bin", "--extern=brigade=libbrigade.rmeta"],
        };
        let (built, said) = compile(folder.path(), "program", kind, text);
        match expected.is_empty() {
            true => assert!(built, "{text}\n{said}"),
            // The expected error comes first, and no other error follows.
            false => {
                let first = said.lines().next().unwrap_or("");
                let errors = said.lines().filter(|line| line.contains(": error")).count();
                assert!(first.contains(expected), "{text}\n{said}");
                assert_eq!(errors, 1, "{text}\n{said}");
            }
        }
    }
}

#[test]
fn wrong_functions_are_told_what_is_wrong_and_where() {
    messages(&[
        ("#[brigade::main]\nasync fn main() {}", ""),
        (
            "#[brigade::main]\nfn main() {}",
            "program.rs:2:1: error: only an `async fn` can be run",
        ),
        (
            "#[brigade::main]\nstruct Main;",
            "program.rs:2:1: error: only an `async fn`",
        ),
        (
            "#[brigade::main]\nasync unsafe fn main() {}",
            "program.rs:2:7: error: `async fn` is expected here",
        ),
        (
            "#[brigade::main]\nasync fn main(arguments: Vec<String>) {}",
            "program.rs:2:14: error: the function must not have parameters",
        ),
        (
            "#[brigade::main]\nasync fn main<T>() {}",
            "program.rs:2:14: error: the function must not be generic",
        ),
        (
            "fn main() {}\n#[brigade::test]\n#[test]\nasync fn twice() {}",
            "program.rs:3:2: error: `#[brigade::test]` adds `#[test]` itself",
        ),
    ]);
}

#[test]
fn wrong_arguments_are_told_what_is_wrong_and_where() {
    let program = |arguments: &str| format!("#[brigade::main({arguments})]\nasync fn main() {{}}");
    let cases = [
        ("workers = 2", ""),
        ("workers = { 1 + 1 },", ""),
        ("workers", "program.rs:1:17: error: `workers` needs a value"),
        (
            "workers 2",
            "program.rs:1:25: error: `workers = value` is expected",
        ),
        (
            "cooks = 2",
            "program.rs:1:17: error: the arguments are `workers = n`",
        ),
        (
            "virtual_time = true",
            "program.rs:1:17: error: `virtual_time` takes no value",
        ),
        (
            "seed = 1, seed = 2",
            "program.rs:1:27: error: `seed` is given twice",
        ),
        (
            "workers = 2, seed = 1",
            "program.rs:1:30: error: `workers` asks for `WorkStealing`",
        ),
        (
            "virtual_time, workers = 2",
            "program.rs:1:17: error: `workers` asks for",
        ),
        (",", "program.rs:1:17: error: an argument is expected"),
        // For a value of the wrong type, the compiler itself reports the position.
        (
            "workers = \"two\"",
            "program.rs:1:27: error[E0308]: mismatched types",
        ),
    ];
    let programs = cases.map(|(arguments, expected)| (program(arguments), expected));
    let programs = programs
        .each_ref()
        .map(|(text, expected)| (text.as_str(), *expected));
    messages(&programs);
}

/// The compiler reports errors in the user's body at the user's lines.
#[test]
fn errors_in_the_body_point_at_the_users_line() {
    messages(&[
        (
            "#[brigade::main]\nasync fn main() {\n    let _sum: u32 = \"two\";\n}",
            "program.rs:3:21: error[E0308]: mismatched types",
        ),
        (
            "#[brigade::main]\nasync fn main() -> Result<(), String> {\n    Ok(1)\n}",
            "program.rs:3:8: error[E0308]: mismatched types",
        ),
        (
            "fn main() {}\n#[brigade::test]\nasync fn gone() {\n    missing().await\n}",
            "program.rs:4:5: error[E0425]: cannot find function `missing`",
        ),
    ]);
}
