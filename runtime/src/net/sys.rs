//! Socket system calls that std and mio lack, or that mio makes wrongly.
//!
//! brigade declares these few functions itself, so it needs no other crate. Addresses are encoded byte by
//! byte, so their layout in std does not matter.

use std::io;
use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net as unix;

/// Lengthens the queue of connections that wait to be accepted.
///
/// mio asks for a queue of 128 connections, as std does. If a burst overflows the queue, the kernel drops
/// connections, and their clients try again a second later. On every Unix, a second `listen` changes only the
/// length of the queue. If the call fails, the length stays the same. Miri does not support a second
/// `listen`.
pub(super) fn enlarge_backlog(listener: &impl AsRawFd) {
    /// The default limit on Linux (`net.core.somaxconn`). Other systems reduce the length to their own limit.
    const LENGTH: i32 = 4096;

    // SAFETY: the declaration matches POSIX, and all arguments and results are plain numbers.
    unsafe extern "C" {
        /// A call is safe with any arguments, because `listen` rejects invalid arguments.
        safe fn listen(socket: i32, backlog: i32) -> i32;
    }
    if !cfg!(miri) {
        let _ = listen(listener.as_raw_fd(), LENGTH);
    }
}

/// True if the constants below are right for this architecture. Some old architectures use other numbers.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NUMBERS_ARE_KNOWN: bool = cfg!(not(any(
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc",
    target_arch = "sparc64"
)));

/// Begins to connect a non-blocking stream from `local` to `remote`.
///
/// # Errors
/// Returns the OS's error, or `Unsupported` on systems other than Linux.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn begin_connect(local: SocketAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    use std::os::fd::OwnedFd;

    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    /// `SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK`.
    const KIND: i32 = 1 | 0o2_000_000 | 0o4_000;
    const EINPROGRESS: i32 = 115;

    // SAFETY: the declarations match POSIX, with a pointer to bytes in place of a pointer to a `sockaddr`.
    unsafe extern "C" {
        safe fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
        fn bind(socket: i32, address: *const u8, length: u32) -> i32;
        fn connect(socket: i32, address: *const u8, length: u32) -> i32;
    }
    /// Returns the bytes of a `sockaddr_in` or `sockaddr_in6`.
    fn encode(address: SocketAddr) -> Vec<u8> {
        let port = address.port().to_be_bytes();
        match address {
            SocketAddr::V4(v4) => {
                let family = AF_INET.to_ne_bytes();
                [&family[..], &port, &v4.ip().octets(), &[0; 8]].concat()
            }
            SocketAddr::V6(v6) => {
                let (family, flow) = (AF_INET6.to_ne_bytes(), v6.flowinfo().to_ne_bytes());
                let scope = v6.scope_id().to_ne_bytes();
                [&family[..], &port, &flow, &v6.ip().octets(), &scope].concat()
            }
        }
    }
    fn check(result: i32) -> io::Result<i32> {
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(result)
        }
    }

    if !NUMBERS_ARE_KNOWN {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let domain = if remote.is_ipv6() { AF_INET6 } else { AF_INET };
    let socket = check(socket(domain.into(), KIND, 0))?;
    // SAFETY: the OS has just made the descriptor, and nothing else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let (from, to) = (encode(local), encode(remote));
    // SAFETY: the pointer and the length belong to one buffer, which is only read.
    check(unsafe { bind(socket.as_raw_fd(), from.as_ptr(), from.len() as u32) })?;
    // SAFETY: the pointer and the length belong to one buffer, which is only read.
    match check(unsafe { connect(socket.as_raw_fd(), to.as_ptr(), to.len() as u32) }) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn begin_connect(_: SocketAddr, _: SocketAddr) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Accepts a connection through std. mio's own call panics if the peer's path has no zero byte at its end,
/// because Linux then reports one byte more than an address holds.
pub(super) fn accept(
    listener: &mio::net::UnixListener,
) -> io::Result<(mio::net::UnixStream, unix::SocketAddr)> {
    if cfg!(mio_unsupported_force_poll_poll) {
        // mio's emulation with poll(2) arms the next event only if mio itself gets `WouldBlock`.
        return listener.accept();
    }
    // SAFETY: `listener` keeps the descriptor open, and `ManuallyDrop` does not close it.
    let listener = unsafe { unix::UnixListener::from_raw_fd(listener.as_raw_fd()) };
    let (stream, peer) = ManuallyDrop::new(listener).accept()?;
    stream.set_nonblocking(true)?;
    Ok((mio::net::UnixStream::from_std(stream), peer))
}

/// The process, user and group of a [`UnixStream`](super::UnixStream)'s peer at the time of connecting.
/// See [`peer_cred`](super::Socket::peer_cred).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UCred {
    process: Option<i32>,
    user: u32,
    group: u32,
}

impl UCred {
    /// Returns the peer's process ID, if the system reports it.
    pub fn pid(&self) -> Option<i32> {
        self.process
    }

    /// Returns the peer's effective user ID.
    pub fn uid(&self) -> u32 {
        self.user
    }

    /// Returns the peer's effective group ID.
    pub fn gid(&self) -> u32 {
        self.group
    }
}

/// Returns the credentials of the peer of a Unix stream.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn peer_credentials(stream: &impl AsRawFd) -> io::Result<UCred> {
    const SOL_SOCKET: i32 = 1;
    const SO_PEERCRED: i32 = 17;
    /// The struct `ucred` of Linux.
    #[repr(C)]
    struct Credentials {
        process: i32,
        user: u32,
        group: u32,
    }
    // SAFETY: the declaration matches POSIX.
    unsafe extern "C" {
        fn getsockopt(
            socket: i32,
            level: i32,
            name: i32,
            value: *mut Credentials,
            length: *mut u32,
        ) -> i32;
    }

    if !NUMBERS_ARE_KNOWN {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut peer = Credentials {
        process: 0,
        user: u32::MAX,
        group: u32::MAX,
    };
    let mut length = size_of::<Credentials>() as u32;
    let socket = stream.as_raw_fd();
    // SAFETY: both pointers are to locals, `length` is the size of `peer`, and every bit pattern is valid for
    // `Credentials`.
    match unsafe { getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &mut peer, &mut length) } {
        0 => Ok(UCred {
            process: Some(peer.process),
            user: peer.user,
            group: peer.group,
        }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn peer_credentials(stream: &impl AsRawFd) -> io::Result<UCred> {
    // SAFETY: the declaration matches the BSDs and macOS.
    unsafe extern "C" {
        fn getpeereid(socket: i32, user: *mut u32, group: *mut u32) -> i32;
    }

    let (mut user, mut group) = (u32::MAX, u32::MAX);
    // SAFETY: both pointers are to locals.
    match unsafe { getpeereid(stream.as_raw_fd(), &mut user, &mut group) } {
        0 => Ok(UCred {
            process: None,
            user,
            group,
        }),
        _ => Err(io::Error::last_os_error()),
    }
}
