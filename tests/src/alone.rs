//! Runs tests that each need a separate process.

use std::env;
use std::process::{Command, Stdio};
use std::thread;

use crate::watch;

/// The variable that tells the child process which test to run.
const ALONE: &str = "BRIGADE_TEST_ALONE";

/// Runs `test` in a new process. That process runs the same test binary, but only this test.
///
/// `path` is the test's path, prefixed with the name of the binary, as `module_path!` gives it.
///
/// # Panics
/// Panics if the test fails in the child. The message contains everything that the child printed.
pub fn alone(path: &str, test: impl FnOnce() + Send + 'static) {
    watch(path, || {
        if in_child(&[]) {
            test();
        }
    });
}

/// Returns true in the child process, which runs only this test. In any other process, starts the child with
/// `variables` in the child's environment, waits for the child, and returns false.
///
/// # Panics
/// Panics if the test fails in the child, or if the caller is not on the thread that [`watch()`]
/// started.
pub fn in_child(variables: &[(&str, &str)]) -> bool {
    let thread = thread::current();
    let path = thread.name().expect("the thread of a test has its name");
    if env::var(ALONE).is_ok_and(|chosen| chosen == path) {
        return true;
    }
    let (_binary, name) = path.split_once("::").expect("a path in a module");
    let output = Command::new(env::current_exe().expect("the path of this binary"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, path)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("this binary can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{path} failed in its own process: {}\n{printed}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    false
}
