//! Name lookup.
//!
//! The OS's lookup (`getaddrinfo`) blocks, so it runs on the blocking pool. Text that already is an address
//! is only parsed. Nothing is cached here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::context;
use crate::coop::consume_budget;
use crate::handle;

/// A type that can be turned into socket addresses, like [`std::net::ToSocketAddrs`]. The trait is sealed.
///
/// ```
/// use brigade::net::{ToSocketAddrs, lookup_host};
///
/// async fn how_many(target: impl ToSocketAddrs) -> std::io::Result<usize> {
///     Ok(lookup_host(target).await?.len())
/// }
///
/// brigade::run(async {
///     assert_eq!(how_many("127.0.0.1:80").await?, 1);
///     assert_eq!(how_many(std::net::SocketAddr::from(([127, 0, 0, 1], 80))).await?, 1);
///     assert!(how_many(("localhost", 80)).await? >= 1);
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub trait ToSocketAddrs: sealed::Sealed {}

mod sealed {
    use std::net::SocketAddr;

    pub trait Sealed {
        /// Returns the addresses, or the name to look up.
        fn target(&self) -> Target;
    }

    pub enum Target {
        Address(SocketAddr),
        Addresses(Vec<SocketAddr>),
        /// `host:port`
        Name(String),
        /// A host and its port.
        Pair(String, u16),
    }
}

use sealed::Sealed;
pub(super) use sealed::Target;

/// Returns the addresses of a name, in the OS's order. Text that is an address is not looked up.
///
/// Lookups have threads of their own, at most 64. So a lookup never waits behind closures of
/// [`spawn_blocking`](crate::spawn_blocking). If all 64 threads are busy, a lookup waits for one of them.
///
/// ```
/// brigade::run(async {
///     let addresses = brigade::net::lookup_host("127.0.0.1:80").await?;
///     assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap()]);
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
/// Returns an error if the lookup fails. Returns `InvalidInput` if the text has no port, or if there is no
/// address. Returns an error if a lookup is needed and no executor is current.
///
/// # Cancel safety
/// Dropping the future does not stop a lookup that has begun, but discards the answer.
pub async fn lookup_host(name: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    lookup(name.target()).await
}

pub(super) async fn lookup(target: Target) -> io::Result<Vec<SocketAddr>> {
    // A lookup of a literal address never waits. Spend budget (see `coop`), so that a loop of such lookups
    // yields.
    consume_budget().await;
    let addresses = match target {
        Target::Address(address) => return Ok(vec![address]),
        Target::Addresses(addresses) => addresses,
        Target::Name(name) => {
            if let Ok(address) = name.parse() {
                return Ok(vec![address]);
            }
            blocking(move || collect(&name)).await?
        }
        Target::Pair(host, port) => {
            if let Ok(ip) = host.parse::<IpAddr>() {
                return Ok(vec![SocketAddr::new(ip, port)]);
            }
            blocking(move || collect((host.as_str(), port))).await?
        }
    };
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "there is no address to use",
        ));
    }
    Ok(addresses)
}

/// Calls `make` with each address until a call succeeds. If every call fails, returns the last error.
pub(super) async fn first_of<T>(
    name: impl ToSocketAddrs,
    make: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in lookup_host(name).await? {
        consume_budget().await;
        match make(address) {
            Ok(made) => return Ok(made),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("`lookup_host` gives an address or an error"))
}

fn collect(name: impl std::net::ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    name.to_socket_addrs().map(Iterator::collect)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let Some(lookup) = context::with(|shared| shared.map(|shared| handle::look_up(shared, work)))
    else {
        return Err(io::Error::other(
            "brigade::net::lookup_host was called outside of a brigade executor",
        ));
    };
    match lookup.await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Implements `ToSocketAddrs` for each `$type`. The expression `$target` computes the target from `$value`.
macro_rules! addresses {
    ($($type:ty: |$value:ident| $target:expr;)*) => {$(
        impl Sealed for $type {
            fn target(&self) -> Target {
                let $value = self;
                $target
            }
        }
        impl ToSocketAddrs for $type {}
    )*};
}

fn one(address: impl Into<SocketAddr>) -> Target {
    Target::Address(address.into())
}

addresses! {
    SocketAddr: |it| one(*it);
    SocketAddrV4: |it| one(*it);
    SocketAddrV6: |it| one(*it);
    (IpAddr, u16): |it| one(*it);
    (Ipv4Addr, u16): |it| one(*it);
    (Ipv6Addr, u16): |it| one(*it);
    [SocketAddr]: |it| Target::Addresses(it.to_vec());
    Vec<SocketAddr>: |it| Target::Addresses(it.clone());
    str: |it| Target::Name(it.to_owned());
    String: |it| Target::Name(it.clone());
    (&str, u16): |it| Target::Pair(it.0.to_owned(), it.1);
    (String, u16): |it| Target::Pair(it.0.clone(), it.1);
}

impl<const N: usize> Sealed for [SocketAddr; N] {
    fn target(&self) -> Target {
        Target::Addresses(self.to_vec())
    }
}
impl<const N: usize> ToSocketAddrs for [SocketAddr; N] {}

impl<T: ToSocketAddrs + ?Sized> Sealed for &T {
    fn target(&self) -> Target {
        (**self).target()
    }
}
impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
