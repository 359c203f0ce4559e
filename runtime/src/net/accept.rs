//! Accepting, and what to do when a connection cannot be accepted.
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

use crate::io::{Registered, Source};
use crate::time::{Sleep, sleep};

/// Waits for a connection, which `accept` takes from the listener.
pub(super) async fn accept<S: Source, C>(
    listener: &Registered<S>,
    accept: impl Fn(&S) -> io::Result<C>,
) -> io::Result<C> {
    let mut pause = Pause::new();
    loop {
        match listener.read_with(&accept).await {
            Ok(connection) => return Ok(connection),
            Err(error) => match Fault::of(&error) {
                Fault::OfTheConnection => {}
                Fault::ShortOfMeans => pause.wait().await,
                Fault::OfTheListener => return Err(error),
            },
        }
    }
}

/// [`accept`] as a poll function, of which the caller keeps the pause.
pub(super) fn poll_accept<S: Source, C>(
    listener: &Registered<S>,
    cx: &mut Context<'_>,
    pause: &mut Pause,
    accept: impl Fn(&S) -> io::Result<C>,
) -> Poll<io::Result<C>> {
    loop {
        ready!(pause.poll(cx));
        match ready!(listener.poll_read_with(cx, &accept)) {
            Ok(connection) => {
                *pause = Pause::new();
                return Poll::Ready(Ok(connection));
            }
            Err(error) => match Fault::of(&error) {
                Fault::OfTheConnection => {}
                Fault::ShortOfMeans => pause.begin(),
                Fault::OfTheListener => return Poll::Ready(Err(error)),
            },
        }
    }
}

/// Whose fault it is that a connection could not be accepted.
enum Fault {
    OfTheConnection,
    ShortOfMeans,
    OfTheListener,
}

impl Fault {
    fn of(error: &io::Error) -> Self {
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
    fn begin(&mut self) {
        self.sleep = Some(sleep(self.next));
        self.next = (self.next * 2).min(SHORT_OF_MEANS.1);
    }

    /// Ready when the pause under way is over, and where there is none.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
