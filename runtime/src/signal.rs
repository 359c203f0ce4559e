//! Signals of Unix as futures (feature `signal`): Ctrl-C, SIGTERM, and the others.
//!
//! Almost nothing is allowed in a signal handler, so the handler only sets a flag and writes one byte into a
//! socket. The other end of the socket is an ordinary source of events. A forked child process has its own
//! copy of the flag, but shares the socket. So a byte that comes while the flag is not set was written by a
//! child, and is ignored. The crate `signal-hook` provides the handler. The crate lets any number of
//! listeners share a signal, including code that does not use brigade. No thread is started.
//!
//! # A trap
//!
//! Once a program has listened for a signal, the signal's default action is gone until the process ends. It
//! does not come back even if all listeners are dropped. So a second Ctrl-C does not end the program by
//! itself. The program must listen for it, as `examples/graceful_shutdown.rs` does.

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;
use signal_hook::consts::{self, FORBIDDEN};
use signal_hook::{SigId, flag, low_level};

use crate::net::UnixStream;
use crate::sync::{Arc, AtomicBool, Ordering};

/// A signal's number. Constants name the common signals.
///
/// ```
/// use brigade::signal::Kind;
///
/// assert_eq!(Kind::INTERRUPT.to_string(), "SIGINT");
/// assert_eq!(Kind::from_raw(15), Kind::TERMINATE);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Kind(i32);

impl Kind {
    /// SIGINT: Ctrl-C was pressed.
    pub const INTERRUPT: Kind = Kind(consts::SIGINT);
    /// SIGTERM: a request to terminate, from a service manager, a container runtime or `kill`.
    pub const TERMINATE: Kind = Kind(consts::SIGTERM);
    /// SIGHUP: the terminal is gone. By convention, it also means "read your settings again".
    pub const HANGUP: Kind = Kind(consts::SIGHUP);
    /// SIGQUIT: Ctrl-\ was pressed.
    pub const QUIT: Kind = Kind(consts::SIGQUIT);
    /// SIGUSR1: a signal for your own use.
    pub const USER1: Kind = Kind(consts::SIGUSR1);
    /// SIGUSR2: a signal for your own use.
    pub const USER2: Kind = Kind(consts::SIGUSR2);
    /// SIGCHLD: a child process has ended or stopped.
    pub const CHILD: Kind = Kind(consts::SIGCHLD);
    /// SIGWINCH: the size of the terminal's window has changed.
    pub const WINDOW: Kind = Kind(consts::SIGWINCH);

    /// Returns the signal with this number. The OS need not have such a signal.
    ///
    /// ```
    /// use brigade::signal::Kind;
    ///
    /// let kinds = ["1", "15"].map(|number| Kind::from_raw(number.parse().unwrap()));
    /// assert_eq!(kinds, [Kind::HANGUP, Kind::TERMINATE]);
    /// ```
    pub const fn from_raw(number: i32) -> Self {
        Kind(number)
    }

    /// Returns the signal's number.
    ///
    /// This example computes a shell's exit status for a program that a signal has ended:
    ///
    /// ```
    /// assert_eq!(128 + brigade::signal::Kind::INTERRUPT.as_raw(), 130);
    /// ```
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match low_level::signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// Listens for a signal while the `Signal` lives.
///
/// Signals that come while no task waits are not lost, but several may be reported as one. A report means
/// "the signal came at least once since the last report", as with the OS itself.
///
/// ```
/// use brigade::signal::{Kind, Signal};
///
/// brigade::run(async {
///     let hangup = Signal::new(Kind::HANGUP)?;
///     # signal_hook::low_level::raise(signal_hook::consts::SIGHUP)?;
///     // In a terminal: kill -HUP ...
///     hangup.recv().await?;
///     println!("reading the settings again");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Signal {
    kind: Kind,
    /// True if a signal came since the last report.
    came: Arc<AtomicBool>,
    /// The first function sets `came`, and the second function writes into the other end of `pipe`.
    _registrations: [Registration; 2],
    pipe: UnixStream,
}

/// A function that the signal handler calls. Dropping this value removes the function.
#[derive(Debug)]
struct Registration(SigId);

impl Drop for Registration {
    fn drop(&mut self) {
        low_level::unregister(self.0);
    }
}

/// The maximum number of bytes taken out of the socket at a time. Each byte stands for a signal. Arbitrary.
const BYTES: usize = 64;

impl Signal {
    /// Starts to listen. A signal may have any number of listeners.
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::signal::{Kind, Signal};
    ///
    /// // The OS allows no listener for SIGKILL.
    /// let error = Signal::new(Kind::from_raw(9)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// # });
    /// ```
    ///
    /// # Errors
    /// Returns `InvalidInput` for a signal that cannot have listeners: SIGKILL, SIGSTOP, SIGILL, SIGFPE and
    /// SIGSEGV. Returns the OS's error if the number is no signal, or if there are no descriptors left.
    /// Returns an error outside of an executor.
    pub fn new(kind: Kind) -> io::Result<Self> {
        if FORBIDDEN.contains(&kind.0) {
            let what = format!("{kind} cannot have listeners");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let (listening, telling) = StdUnixStream::pair()?;
        let pipe = UnixStream::try_from(listening)?;
        let came = Arc::new(AtomicBool::new(false));
        // The handler calls its functions in this order.
        let registrations = [
            Registration(flag::register(kind.0, came.clone())?),
            Registration(low_level::pipe::register(kind.0, telling)?),
        ];
        Ok(Signal {
            kind,
            came,
            _registrations: registrations,
            pipe,
        })
    }

    /// Returns what to report after a read. Returns `None` if the bytes came from a forked child.
    fn report(&self, read: io::Result<usize>) -> Option<io::Result<()>> {
        match read {
            Ok(0) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => self.came.swap(false, Ordering::SeqCst).then_some(Ok(())),
            Err(error) => Some(Err(error)),
        }
    }

    /// Waits for the signal. If a signal came since the listener was made and was not reported yet, the wait
    /// ends at once.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use brigade::signal::{Kind, Signal};
    /// let child = Signal::new(Kind::CHILD)?;
    /// std::process::Command::new("true").spawn()?.wait()?;
    /// child.recv().await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the executor is dropped during the wait, or if other code has removed the signal's
    /// handler.
    ///
    /// # Cancel safety
    /// Dropping the future loses no signal.
    pub async fn recv(&self) -> io::Result<()> {
        loop {
            let read = self.pipe.read(&mut [0; BYTES]).await;
            if let Some(report) = self.report(read) {
                return report;
            }
        }
    }

    /// Returns the signal of this listener.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use brigade::signal::{Kind, Signal};
    /// let window = Signal::new(Kind::WINDOW)?;
    /// assert_eq!(window.kind(), Kind::WINDOW);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// Yields an item for each report of the signal; the stream never ends. Its errors are those of
/// [`recv`](Signal::recv).
impl futures_core::Stream for Signal {
    type Item = io::Result<()>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let read = ready!(pin!(&self.pipe).poll_read(cx, &mut [0; BYTES]));
            if let Some(report) = self.report(read) {
                return Poll::Ready(Some(report));
            }
        }
    }
}

/// Waits for Ctrl-C: see [`Kind::INTERRUPT`].
///
/// The future listens from its first poll on. To receive every Ctrl-C, keep a [`Signal`].
///
/// ```
/// # brigade::run(async {
/// let asked = brigade::signal::ctrl_c();
/// # // Raise the signal once the future listens.
/// # let raise = async { signal_hook::low_level::raise(signal_hook::consts::SIGINT) };
/// # let asked = async { futures_util::future::join(asked, raise).await.0 };
/// asked.await?;
/// println!("cleaning up");
/// # std::io::Result::Ok(())
/// # })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
/// Returns the errors of [`Signal::new`] and [`Signal::recv`].
///
/// # Cancel safety
/// Dropping the future stops listening. The default action does not come back: see the [module](self).
pub async fn ctrl_c() -> io::Result<()> {
    Signal::new(Kind::INTERRUPT)?.recv().await
}

/// Waits for SIGTERM, a request to terminate: see [`Kind::TERMINATE`]. In other respects it is like
/// [`ctrl_c`].
///
/// ```
/// # brigade::run(async {
/// let asked = brigade::signal::terminate();
/// # // Raise the signal once the future listens.
/// # let raise = async { signal_hook::low_level::raise(signal_hook::consts::SIGTERM) };
/// # let asked = async { futures_util::future::join(asked, raise).await.0 };
/// asked.await?;
/// println!("cleaning up");
/// # std::io::Result::Ok(())
/// # })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
/// Returns the errors of [`Signal::new`] and [`Signal::recv`].
///
/// # Cancel safety
/// Dropping the future stops listening, as with [`ctrl_c`].
pub async fn terminate() -> io::Result<()> {
    Signal::new(Kind::TERMINATE)?.recv().await
}

/// Waits for Ctrl-C or SIGTERM, and returns which of the two came. In other respects it is like
/// [`ctrl_c`].
///
/// ```
/// # brigade::run(async {
/// let asked = brigade::signal::shutdown();
/// # // Raise the signal once the future listens.
/// # let raise = async { signal_hook::low_level::raise(signal_hook::consts::SIGTERM) };
/// # let asked = async { futures_util::future::join(asked, raise).await.0 };
/// let signal = asked.await?;
/// println!("{signal}: cleaning up");
/// # std::io::Result::Ok(())
/// # })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
/// Returns the errors of [`Signal::new`] and [`Signal::recv`].
///
/// # Cancel safety
/// Dropping the future stops listening, as with [`ctrl_c`].
pub async fn shutdown() -> io::Result<Kind> {
    let signals = [Signal::new(Kind::INTERRUPT)?, Signal::new(Kind::TERMINATE)?];
    let [mut interrupt, mut terminate] = [pin!(signals[0].recv()), pin!(signals[1].recv())];
    std::future::poll_fn(|cx| {
        if let Poll::Ready(came) = interrupt.as_mut().poll(cx) {
            return Poll::Ready(came.map(|()| Kind::INTERRUPT));
        }
        let came = ready!(terminate.as_mut().poll(cx));
        Poll::Ready(came.map(|()| Kind::TERMINATE))
    })
    .await
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    /// Other code removes the signal's handler, which closes the other end of the socket.
    #[test]
    #[cfg_attr(miri, ignore = "waits for events")]
    fn a_signal_that_can_no_longer_come_is_an_error() {
        crate::run(async {
            let mut signal = Signal::new(Kind::WINDOW).unwrap();
            low_level::unregister(signal._registrations[1].0);
            assert!(signal.recv().await.is_err());
            assert!(signal.next().now_or_never().unwrap().unwrap().is_err());
        });
    }
}
