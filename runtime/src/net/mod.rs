//! Sockets.
//!
//! Each type is a [`Socket`] around one of mio's sockets. A `Socket` is a
//! [`Registered`](crate::io::Registered) source with the usual methods and traits. All methods take `&self`,
//! and all types are `Send + Sync`. So any number of tasks may use a socket at the same time. A socket
//! belongs to the executor that was current when the socket was made. This executor's event loop wakes the
//! waiting tasks, even if another executor polls them.
//!
//! ```
//! use std::sync::Arc;
//! use brigade::net::{TcpListener, TcpStream};
//!
//! brigade::run(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let stream = Arc::new(TcpStream::connect(listener.local_addr()?).await?);
//!     let (peer, _) = listener.accept().await?;
//!
//!     // One task reads while another writes, without a lock and without a split.
//!     let reader = stream.clone();
//!     let reading = brigade::spawn(async move { reader.read_exact(&mut [0; 4]).await });
//!     stream.write_all(b"soup, please").await?;
//!     peer.write_all(b"soup").await?;
//!     reading.await.unwrap()
//! })?;
//! # std::io::Result::Ok(())
//! ```

mod addr;
mod accept;
mod connect;
mod datagram;
mod socket;
mod split;
mod stream;
mod sys;
mod tcp;
mod udp;
mod unix;

pub use self::accept::Accepting;
pub use self::addr::{ToSocketAddrs, lookup_host};
pub use self::connect::ConnectError;
pub use self::socket::Socket;
pub use self::split::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
#[cfg(feature = "hyper")]
pub(crate) use self::stream::ByteStream;
pub use self::sys::UCred;
pub use self::tcp::{Incoming, TcpListener, TcpStream};
pub use self::udp::UdpSocket;
pub use self::unix::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};
