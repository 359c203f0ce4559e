//! The watchdog.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a test may take. This is far more than any test needs, even in a debug build on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Returns `LIMIT` times the value of `BRIGADE_PATIENCE`, which is set for tools that slow everything down.
fn limit() -> Duration {
    let patience = std::env::var("BRIGADE_PATIENCE").ok();
    LIMIT * patience.and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// The stack size of the test's thread: that of the main thread on most systems.
const STACK: usize = 8 << 20;

/// Runs `test` on a separate thread and fails by `name` if the test does not end within [`LIMIT`] (times
/// `BRIGADE_PATIENCE`, if that is set).
///
/// # Panics
/// If the test panics or hangs.
pub fn watch(name: &str, test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel::<()>();
    let thread = thread::Builder::new()
        .name(name.into())
        // Set the size explicitly, because a test may change the default for all threads.
        .stack_size(STACK)
        .spawn(move || {
            // This is dropped at the end, even if the test panics, which tells the watchdog.
            let _done = done;
            test();
        })
        .expect("a thread for the test");
    let limit = limit();
    match finished.recv_timeout(limit) {
        Err(mpsc::RecvTimeoutError::Timeout) => {
            panic!("{name} hangs: it was not done after {limit:?}")
        }
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            if let Err(payload) = thread.join() {
                resume_unwind(payload);
            }
        }
    }
}
