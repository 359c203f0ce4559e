//! The watchdog, which fails a test that hangs.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The maximum duration of a test. This is far more than any test needs, even in a debug build on a busy
/// machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Returns `LIMIT`, multiplied by the environment variable `BRIGADE_PATIENCE` if that is set. Tests need more
/// time under tools that slow them down.
fn limit() -> Duration {
    let patience = std::env::var("BRIGADE_PATIENCE").ok();
    LIMIT * patience.and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// The stack size of the thread that runs the test. It is the usual size of a main thread's stack.
const STACK: usize = 8 << 20;

/// Runs `test` on a separate thread. Fails with `name` in the message if the test does not end within
/// `limit()`.
///
/// # Panics
/// Panics if the test panics or hangs.
pub fn watch(name: &str, test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel::<()>();
    let thread = thread::Builder::new()
        .name(name.into())
        // Set the size explicitly, because a test may change the default for all threads.
        .stack_size(STACK)
        .spawn(move || {
            // The drop of `done` notifies the watchdog of the test's end, even after a panic.
            let _done = done;
            test();
        })
        .expect("a thread for the test");
    let limit = limit();
    match finished.recv_timeout(limit) {
        Err(mpsc::RecvTimeoutError::Timeout) => {
            panic!("{name} hangs: the test has not ended after {limit:?}")
        }
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            if let Err(payload) = thread.join() {
                resume_unwind(payload);
            }
        }
    }
}
