//! Connects to a host: looks its name up once, and then connects to the address that answers first.
//!
//! A process may run out of descriptors or of local ports while thousands of sockets are open.
//! Descriptors and ports become free as other connections end, so a request that finds none free waits and
//! tries again.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use brigade::{
    net::{ConnectError, TcpStream, lookup_host},
    time::sleep,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use rustix::io::Errno;

use super::failure::{Failure, Kind, find_cause};
use crate::gauge::{Counted, Gauge};
use crate::prelude::*;

/// The first pause of a request that found no free descriptor or port. It doubles with each retry.
const PAUSE_FIRST: Duration = Duration::from_millis(10);

/// The longest pause of a request that found no free descriptor or port. Arbitrary: short compared with
/// the time limit of a request.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A run that has opened fewer connections than this cannot have used up the local ports.
const CONNECTIONS_TO_RUN_OUT: usize = 100;

/// The addresses of a name, or the reason why there are none. Shared by all requests that wait for them.
type Lookup = Shared<BoxFuture<'static, Result<Arc<[IpAddr]>, String>>>;

/// Opens sockets. One dialer serves the whole run and remembers the names that it has looked up.
///
/// It also counts connections and bytes for the progress bar and the summary.
#[derive(Default)]
pub(crate) struct Dialer {
    lookups: Mutex<HashMap<String, Lookup>>,
    /// The connections that are open or being opened.
    pub(crate) open: Arc<Gauge>,
    /// The number of connections opened in all.
    pub(crate) opened: AtomicUsize,
    /// Bytes of bodies received so far, counted before decoding.
    pub(crate) received: AtomicU64,
}

impl Dialer {
    /// Returns the addresses of a host, each with this port. The host is written as in a URI.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = match bare(host).parse() {
            Ok(address) => Arc::from([address]),
            Err(_) if host.is_empty() => {
                return Err(Failure::new(Kind::Dns, "the URL names no host"));
            }
            Err(_) => self.look_up(host).await?,
        };
        let addresses = addresses.iter();
        Ok(addresses.map(|&it| SocketAddr::new(it, port)).collect())
    }

    /// Looks a name up once, however many requests ask for it at the same time.
    async fn look_up(&self, name: &str) -> Result<Arc<[IpAddr]>, Failure> {
        let lookup = {
            let mut lookups = self.lookups.lock();
            let lookup = lookups.entry(name.to_owned());
            lookup
                .or_insert_with(|| start_lookup(name.to_owned()))
                .clone()
        };
        let found = lookup.clone().await;
        found.map_err(|error| {
            // Forget this failed lookup, so that a retry looks the name up again. Keep a newer lookup
            // that another request has begun.
            let mut lookups = self.lookups.lock();
            lookups.retain(|_, known| !known.ptr_eq(&lookup));
            Failure::new(Kind::Dns, format!("{name}: {error}"))
        })
    }

    /// Connects to the address that answers first.
    pub(crate) async fn dial(&self, to: &[SocketAddr]) -> Result<(TcpStream, Counted), Failure> {
        let open = self.open.up();
        let connect = || TcpStream::connect(to);
        let stream = patiently(|error| self.may_pass(error), connect).await;
        let stream = stream.map_err(|error| Failure::connecting(&error, to))?;
        self.opened.fetch_add(1, Relaxed);
        // A request is written in one piece, so nothing is gained by delaying small packets.
        let _ = stream.set_nodelay(true);
        Ok((stream, open))
    }

    /// Returns whether this process ran out of a resource that becomes free when other sockets close.
    fn may_pass(&self, error: &io::Error) -> bool {
        // `ADDRNOTAVAIL` means that no port is free. But a machine without an IPv6 address also reports it
        // for every IPv6 destination, so this error counts as a lack of ports only after many connections.
        let made = self.opened.load(Relaxed) + self.open.now();
        let passes = |error: &io::Error| match Errno::from_io_error(error) {
            Some(Errno::ADDRNOTAVAIL) => made >= CONNECTIONS_TO_RUN_OUT,
            _ => no_descriptor(error),
        };
        match find_cause::<ConnectError>(error) {
            Some(race) => race.attempts().iter().all(|(_, error)| passes(error)),
            None => passes(error),
        }
    }
}

/// Returns whether an error means that this process or the whole system has too many open files.
pub(crate) fn no_descriptor(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    matches!(error, Some(Errno::MFILE | Errno::NFILE))
}

fn start_lookup(name: String) -> Lookup {
    async move {
        // The system's name lookup blocks, so it runs on a thread of the blocking pool. Nothing else in
        // `fetch` runs there.
        let found = patiently(no_descriptor, || lookup_host((name.as_str(), 0))).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.iter().map(SocketAddr::ip).collect())
    }
    .boxed()
    .shared()
}

/// Repeats `attempt`, with pauses, as long as it fails with a temporary error.
pub(crate) async fn patiently<T, F: Future<Output = io::Result<T>>>(
    may_pass: impl Fn(&io::Error) -> bool,
    attempt: impl Fn() -> F,
) -> io::Result<T> {
    let mut pause = PAUSE_FIRST;
    loop {
        match attempt().await {
            Err(error) if may_pass(&error) => {
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            result => return result,
        }
    }
}

/// Returns a host without the brackets that an IPv6 address has in a URI.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address whose accept queue is full drops attempts to connect, like an address behind a firewall.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_deaf_first_address_does_not_hold_up_the_second() {
        use std::net::{Ipv4Addr, TcpListener};
        let [deaf, good] = [2, 1].map(|last| Ipv4Addr::new(127, 0, 0, last));
        let listener = TcpListener::bind((deaf, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        rustix::net::listen(&listener, 0).unwrap();
        let fill = || {
            let patience = Duration::from_millis(300);
            std::net::TcpStream::connect_timeout(&(deaf, port).into(), patience).ok()
        };
        let _filled: Vec<_> = std::iter::from_fn(fill).take(10).collect();
        let _good = TcpListener::bind((good, port)).unwrap();
        let dialer = Dialer::default();
        let addresses = [deaf, good].map(|address| SocketAddr::from((address, port)));
        let begun = std::time::Instant::now();
        let (stream, _open) = brigade::run(dialer.dial(&addresses)).unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), good);
        // The limit allows for lost SYN packets, which TCP repeats after one second, then two, then four.
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
    }

    #[test]
    fn only_errors_that_pass_by_themselves_are_waited_for() {
        let dialer = Dialer::default();
        let error = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        assert!(dialer.may_pass(&error(Errno::MFILE)));
        assert!(dialer.may_pass(&error(Errno::NFILE)));
        assert!(!dialer.may_pass(&error(Errno::CONNREFUSED)));
        assert!(
            !dialer.may_pass(&error(Errno::ADDRNOTAVAIL)),
            "no port was used"
        );
        dialer.opened.store(CONNECTIONS_TO_RUN_OUT, Relaxed);
        assert!(dialer.may_pass(&error(Errno::ADDRNOTAVAIL)));
    }
}
