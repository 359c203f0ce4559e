//! The watchdog.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a test may take. Far more than any needs, also on a busy machine in a debug build.
pub const LIMIT: Duration = Duration::from_secs(30);

/// `LIMIT`, or so many times that: `BRIGADE_PATIENCE=10` for tools under which everything is slow.
fn limit() -> Duration {
    let patience = std::env::var("BRIGADE_PATIENCE").ok();
    LIMIT * patience.and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// That of the main thread on most systems.
const STACK: usize = 8 << 20;

/// Runs `test` on a thread of its own and fails by `name` if it is not done within [`LIMIT`]
/// (times `BRIGADE_PATIENCE`, where that is set).
///
/// # Panics
/// If the test panics or hangs.
pub fn watch(name: &str, test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel::<()>();
    let thread = thread::Builder::new()
        .name(name.into())
        // Said outright, for a test that spoils the default for everybody else.
        .stack_size(STACK)
        .spawn(move || {
            // Dropped at the end, also when the test panics: that is the signal.
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
