//! Connects to the first address that answers.
//!
//! A name may have several addresses, of both families (IPv4 and IPv6). An attempt to connect to a dead
//! address fails immediately, or gets no answer for minutes. The addresses are tried in turn. If an attempt
//! fails or takes longer than `HEAD_START`, the next attempt begins. The first connection wins, and the other
//! attempts are dropped. This is RFC 8305, "happy eyeballs", without its part about lookups.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::TcpStream;
use super::socket::{Peer, Socket};
use crate::coop;
use crate::reactor::Reactor;
use crate::reactor::delay::Delay;

type Connection = TcpStream;

/// When an attempt has taken this long, the next attempt begins, and the earlier one continues. RFC 8305,
/// section 8, recommends 250 ms. Most connections take less time, and a person hardly notices the delay.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that answers. `addresses` comes from `lookup`, so it is not empty.
pub(super) async fn connect_first(
    reactor: Arc<Reactor>,
    addresses: Vec<SocketAddr>,
) -> io::Result<Connection> {
    // For a single address, return the OS's own error.
    if let [address] = addresses[..] {
        return connect_one(reactor, address).await;
    }
    let mut race = Race {
        head_start: Delay::begin(&reactor, HEAD_START),
        reactor,
        waiting: alternate(&addresses),
        running: Vec::new(),
        failed: Vec::new(),
        one_failed: false,
    };
    poll_fn(|cx| race.poll(cx)).await
}

async fn connect_one(reactor: Arc<Reactor>, address: SocketAddr) -> io::Result<Connection> {
    let connection = begin(reactor, address)?;
    made(&connection).await?;
    Ok(connection)
}

/// Begins to connect to one address. A connection to one known address needs only this function and [`made`]:
/// no box, timer or nested future.
pub(super) fn begin(reactor: Arc<Reactor>, address: SocketAddr) -> io::Result<Connection> {
    let stream = mio::net::TcpStream::connect(address)?;
    Socket::register(reactor, stream, false)
}

/// Waits until the connection is made. If connecting has failed, `SO_ERROR` holds the error after a writable
/// event. If the socket has a peer address, the connection is made. Otherwise, the OS is still connecting.
pub(super) fn made<S: Peer>(connection: &Socket<S>) -> impl Future<Output = io::Result<()>> {
    connection.io.write_with(|stream| {
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error),
        }
    })
}

/// Orders the addresses so that the two families alternate until one family runs out. So a machine with
/// broken IPv6 does not try all IPv6 addresses first. Within a family, the order is kept.
fn alternate(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let of = |ipv6| addresses.iter().filter(move |it| it.is_ipv6() == ipv6);
    let (mut these, mut those) = (of(first), of(!first));
    let mut order = VecDeque::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(these.next());
        order.extend(those.next());
    }
    order
}

struct Race {
    reactor: Arc<Reactor>,
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt>,
    failed: Vec<(SocketAddr, io::Error)>,
    /// True if an attempt has failed since the latest attempt began.
    one_failed: bool,
    /// A timer that ends when the latest attempt has lasted for `HEAD_START`.
    head_start: Delay,
}

struct Attempt {
    address: SocketAddr,
    connection: Pin<Box<dyn Future<Output = io::Result<Connection>> + Send + Sync>>,
}

impl Race {
    /// Polls all attempts. Begins the next attempt if an attempt has failed, or if the latest attempt has
    /// lasted for `HEAD_START`.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Connection>> {
        loop {
            if let Some(connection) = self.poll_running(cx) {
                return Poll::Ready(Ok(connection));
            }
            if self.waiting.is_empty() {
                if self.running.is_empty() {
                    return Poll::Ready(Err(self.defeat()));
                }
                return Poll::Pending;
            }
            let held = !self.running.is_empty() && !self.one_failed;
            if held && self.head_start.poll(cx).is_pending() {
                return Poll::Pending;
            }
            // The OS may refuse every attempt immediately, so each attempt must spend budget.
            ready!(coop::poll_spend(cx));
            self.begin_next();
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<Connection> {
        let mut index = 0;
        while let Some(attempt) = self.running.get_mut(index) {
            match attempt.connection.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(connection)) => return Some(connection),
                Poll::Ready(Err(error)) => {
                    let attempt = self.running.remove(index);
                    self.failed.push((attempt.address, error));
                    self.one_failed = true;
                }
            }
        }
        None
    }

    fn begin_next(&mut self) {
        if let Some(address) = self.waiting.pop_front() {
            self.running.push(Attempt {
                address,
                connection: Box::pin(connect_one(self.reactor.clone(), address)),
            });
            self.head_start = Delay::begin(&self.reactor, HEAD_START);
            self.one_failed = false;
        }
    }

    /// Returns one error, which contains the errors of all attempts.
    fn defeat(&mut self) -> io::Error {
        let attempts = std::mem::take(&mut self.failed);
        let (_, last) = attempts.last().expect("there is at least one address");
        let kind = last.kind();
        io::Error::new(kind, ConnectError { attempts })
    }
}

/// The error of an attempt to connect to several addresses of which none accepts the connection. It contains
/// each address with its error.
///
/// [`TcpStream::connect`](super::TcpStream::connect) wraps this error in an `io::Error`. The kind of the
/// `io::Error` is the kind of the last failure.
///
/// ```
/// use std::net::SocketAddr;
/// use brigade::net::{ConnectError, TcpStream};
///
/// // No program listens at these ports.
/// let free = || std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
/// let addresses: [SocketAddr; 2] = [free()?, free()?];
///
/// let error = brigade::run(TcpStream::connect(addresses)).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
/// let all = error.get_ref().unwrap().downcast_ref::<ConnectError>().unwrap();
/// assert_eq!(all.attempts().len(), 2);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct ConnectError {
    attempts: Vec<(SocketAddr, io::Error)>,
}

impl ConnectError {
    /// Returns the addresses and their errors, in the order of the failures.
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        &self.attempts
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address accepted a connection")?;
        for (number, (address, error)) in self.attempts.iter().enumerate() {
            let comma = if number == 0 { ": " } else { "; " };
            write!(f, "{comma}{address}: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns() {
        let parse = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|it| it.parse().unwrap()).collect()
        };
        for (given, tried) in [
            ("1.1.1.1:1", "1.1.1.1:1"),
            ("1.1.1.1:1 1.1.1.2:1", "1.1.1.1:1 1.1.1.2:1"),
            ("[::1]:1 [::2]:1 1.1.1.1:1", "[::1]:1 1.1.1.1:1 [::2]:1"),
            (
                "1.1.1.1:1 [::1]:1 [::2]:1 [::3]:1",
                "1.1.1.1:1 [::1]:1 [::2]:1 [::3]:1",
            ),
            (
                "[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 1.1.1.2:1",
                "[::1]:1 1.1.1.1:1 [::2]:1 1.1.1.2:1 [::3]:1",
            ),
        ] {
            assert_eq!(alternate(&parse(given)), parse(tried));
        }
    }
}
