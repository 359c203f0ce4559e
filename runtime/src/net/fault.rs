//! What to do when a connection cannot be accepted.
//!
//! **Job.** Tell a fault of one connection, after which the next may be accepted at once, from a
//! shortage that has to pass first.
//!
//! **Owns** the pause between two attempts. **Never** hides a fault of the listener itself: that one goes
//! to the caller.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::time::{Sleep, sleep};

/// Whose fault it is that a connection could not be accepted.
pub(super) enum Fault {
    OfTheConnection,
    ShortOfMeans,
    OfTheListener,
}

impl Fault {
    pub(super) fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused => {
                return Fault::OfTheConnection;
            }
            Kind::OutOfMemory => return Fault::ShortOfMeans,
            _ => {}
        }
        // EMFILE, ENFILE and ENOBUFS have no kind in std. The first two have the same number on
        // every Unix, the last one of Linux or of the BSDs and macOS.
        match error.raw_os_error() {
            Some(23 | 24) if cfg!(unix) => Fault::ShortOfMeans,
            Some(105) if cfg!(target_os = "linux") => Fault::ShortOfMeans,
            Some(55) if cfg!(all(unix, not(target_os = "linux"))) => Fault::ShortOfMeans,
            // EPROTO: on Linux an error of the new connection comes out of accept.
            Some(71) if cfg!(target_os = "linux") => Fault::OfTheConnection,
            _ => Fault::OfTheListener,
        }
    }
}

/// How long to wait when the process or the machine has no descriptor or memory left: the
/// connection waits in the OS's queue, so trying again at once would only burn the processor.
/// Doubled up to the longer one. Thin air: short enough for a person, long enough for the processor.
const SHORT_OF_MEANS: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_millis(500));

/// A pause that gets longer each time.
#[derive(Debug)]
pub(super) struct Pause {
    next: Duration,
    sleep: Option<Sleep>,
}

impl Pause {
    pub(super) fn new() -> Self {
        Pause {
            next: SHORT_OF_MEANS.0,
            sleep: None,
        }
    }

    /// From here on, [`poll`](Self::poll) waits for the end of a pause.
    pub(super) fn begin(&mut self) {
        self.sleep = Some(sleep(self.next));
        self.next = (self.next * 2).min(SHORT_OF_MEANS.1);
    }

    /// Whether no pause is under way.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            ready!(Pin::new(sleep).poll(cx));
            self.sleep = None;
        }
        Poll::Ready(())
    }

    /// A pause.
    pub(super) async fn wait(&mut self) {
        self.begin();
        std::future::poll_fn(|cx| self.poll(cx)).await;
    }
}
