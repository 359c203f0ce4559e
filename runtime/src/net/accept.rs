//! The methods of both kinds of listener. They accept connections and handle the errors of `accept`.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::socket::{Kind, Socket};
use super::stream::ByteStream;
use super::sys;
use crate::reactor::delay::Delay;
use crate::reactor::{Direction, Reactor};

/// A listener of mio. The trait is sealed. See [`TcpListener`](super::TcpListener).
pub trait Accept: Kind {
    type Stream: ByteStream<Address = Self::Address>;
    fn accept(&self) -> io::Result<(Self::Stream, Self::Address)>;
}

impl Accept for mio::net::TcpListener {
    type Stream = mio::net::TcpStream;

    fn accept(&self) -> io::Result<(Self::Stream, Self::Address)> {
        self.accept()
    }
}

impl Accept for mio::net::UnixListener {
    type Stream = mio::net::UnixStream;

    fn accept(&self) -> io::Result<(Self::Stream, Self::Address)> {
        sys::accept(self)
    }
}

/// A connection and its peer's address.
type Accepted<S> = (Socket<<S as Accept>::Stream>, <S as Kind>::Address);

impl<S: Accept> Socket<S> {
    /// Waits for a connection, and returns it with its peer's address.
    ///
    /// Skips a connection that fails before it is accepted. If no descriptor or memory is left, `accept`
    /// pauses and tries again. Meanwhile the connection stays in the OS's queue.
    ///
    /// This server has a task for each connection:
    ///
    /// ```
    /// use brigade::net::{TcpListener, TcpStream};
    ///
    /// async fn serve(listener: TcpListener) -> std::io::Result<()> {
    ///     loop {
    ///         let (stream, _) = listener.accept().await?;
    ///         brigade::spawn(async move { stream.write_all(b"soup").await });
    ///     }
    /// }
    /// # brigade::run(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let address = listener.local_addr()?;
    /// #     let serving = brigade::spawn(serve(listener));
    /// #     for _ in 0..2 {
    /// #         let stream = TcpStream::connect(address).await?;
    /// #         stream.read_exact(&mut [0; 4]).await?;
    /// #     }
    /// #     serving.abort();
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one for the listener, or if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<Accepted<S>> {
        let mut pause = Pause::new();
        loop {
            let accepted = self.read_with(S::accept).await;
            match self.take(accepted) {
                Err(error) => match Fault::of(&error) {
                    Fault::OfTheConnection => {}
                    Fault::ShortOfMeans => pause.wait(&self.io.reactor).await?,
                    Fault::OfTheListener => return Err(error),
                },
                accepted => return accepted,
            }
        }
    }

    /// Does the same as [`accept`](Self::accept), as a poll function, with one difference: if no descriptor or
    /// memory is left, returns the OS's error. The caller decides how long to wait before the next call.
    ///
    /// ```
    /// # use brigade::net::{TcpListener, TcpStream};
    /// # brigade::run(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let _guest = TcpStream::connect(listener.local_addr()?).await?;
    /// let (stream, peer) = std::future::poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert_eq!(stream.peer_addr()?, peer);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, except for errors of a single connection. Returns an error if
    /// the executor is dropped.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<S>>> {
        loop {
            let accepted = ready!(self.poll_io(Direction::Read, cx, S::accept));
            match self.take(accepted) {
                Err(error) if matches!(Fault::of(&error), Fault::OfTheConnection) => {}
                accepted => return Poll::Ready(accepted),
            }
        }
    }

    /// Registers a new connection, which is writable already. If the program has had the listener's
    /// descriptor, it may have replaced the listener by another type of socket. A short read of the connection
    /// then does not prove that the connection is empty.
    fn take(&self, accepted: io::Result<(S::Stream, S::Address)>) -> io::Result<Accepted<S>> {
        let (stream, peer) = accepted?;
        let reactor = self.io.reactor.clone();
        let stream = Socket::register(reactor, stream, true)?;
        if !self.io.source.read.drains() {
            stream.io.source.read.drains_no_more();
        }
        Ok((stream, peer))
    }

    /// Returns the connections as a stream that never ends. If no descriptor or memory is left, the stream
    /// pauses as [`accept`](Self::accept) does.
    ///
    /// ```
    /// use brigade::net::{TcpListener, TcpStream};
    /// use futures_util::{StreamExt, TryStreamExt};
    ///
    /// brigade::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let address = listener.local_addr()?;
    ///     let _one = TcpStream::connect(address).await?;
    ///     let _other = TcpStream::connect(address).await?;
    ///     let guests: Vec<TcpStream> = listener.incoming().take(2).try_collect().await?;
    ///     assert_eq!(guests.len(), 2);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn incoming(&self) -> Accepting<'_, S> {
        Accepting {
            listener: self,
            pause: Pause::new(),
        }
    }
}

/// The stream of a listener's `incoming`. See [`TcpListener::incoming`](Socket::incoming) for an example.
#[must_use = "a stream does nothing until it is polled"]
pub struct Accepting<'a, S: Accept> {
    listener: &'a Socket<S>,
    pause: Pause,
}

impl<S: Accept + fmt::Debug> fmt::Debug for Accepting<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepting")
            .field("listener", self.listener)
            .finish_non_exhaustive()
    }
}

impl<S: Accept> futures_core::Stream for Accepting<'_, S> {
    type Item = io::Result<Socket<S::Stream>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Accepting { listener, pause } = &mut *self;
        loop {
            if let Err(error) = ready!(pause.poll(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
            match ready!(listener.poll_accept(cx)) {
                Err(error) if matches!(Fault::of(&error), Fault::ShortOfMeans) => {
                    pause.begin(&listener.io.reactor);
                }
                accepted => {
                    *pause = Pause::new();
                    return Poll::Ready(Some(accepted.map(|(stream, _)| stream)));
                }
            }
        }
    }
}

/// The cause of an error from `accept`.
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
        // EMFILE, ENFILE and ENOBUFS have no `ErrorKind` in std. EMFILE and ENFILE have the same numbers on
        // every Unix. ENOBUFS has one number on Linux and another number on the BSDs and macOS.
        match error.raw_os_error() {
            Some(23 | 24) if cfg!(unix) => Fault::ShortOfMeans,
            Some(105) if cfg!(target_os = "linux") => Fault::ShortOfMeans,
            Some(55) if cfg!(all(unix, not(target_os = "linux"))) => Fault::ShortOfMeans,
            // EPROTO: on Linux, this is an error of the new connection.
            Some(71) if cfg!(target_os = "linux") => Fault::OfTheConnection,
            _ => Fault::OfTheListener,
        }
    }
}

/// The first and the longest pause if no descriptor or memory is left. Each pause is twice as long as the
/// previous pause, up to the longest. Immediate tries would only keep the processor busy. Arbitrary: a person
/// hardly notices the first pause, and two tries per second cost almost nothing.
const SHORT_OF_MEANS: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_millis(500));

/// A pause that gets longer each time.
pub(super) struct Pause {
    next: Duration,
    delay: Option<Delay>,
}

impl Pause {
    pub(super) fn new() -> Self {
        Pause {
            next: SHORT_OF_MEANS.0,
            delay: None,
        }
    }

    /// Begins a pause. [`poll`](Self::poll) waits for its end.
    fn begin(&mut self, reactor: &Reactor) {
        self.delay = Some(Delay::begin(reactor, self.next));
        self.next = (self.next * 2).min(SHORT_OF_MEANS.1);
    }

    /// Waits for the end of the pause, if one has begun.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(delay) = &mut self.delay {
            let over = ready!(delay.poll(cx));
            self.delay = None;
            over?;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for one pause.
    pub(super) async fn wait(&mut self, reactor: &Reactor) -> io::Result<()> {
        self.begin(reactor);
        std::future::poll_fn(|cx| self.poll(cx)).await
    }
}
