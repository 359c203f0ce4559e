//! Tests that need a process to themselves.

use std::env;
use std::process::{Command, Stdio};
use std::thread;

use crate::watch;

/// Set in the child: the test that it shall run.
const ALONE: &str = "BRIGADE_TEST_ALONE";

/// Runs `test` in a new process: this very test binary, asked for this one test.
///
/// `path` is the test's path with the name of the binary in front, as `module_path!` gives it.
///
/// # Panics
/// If the test fails there, with all that it printed.
pub fn alone(path: &str, test: impl FnOnce() + Send + 'static) {
    watch(path, || {
        if in_child(&[]) {
            test();
        }
    });
}

/// Returns whether this is the process that was started for this test alone, with `variables` in its
/// environment. If it is not, starts it and waits for it.
///
/// # Panics
/// If the test fails there; and on a thread that is not that of [`watch()`].
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
        "{path} failed in a process of its own: {}\n{printed}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    false
}
