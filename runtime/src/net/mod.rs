//! Sockets.
//!
//! **Job.** The socket types of mio as async ones: each is a
//! [`Registered`](crate::io::Registered) source with the methods and traits that people expect.
//!
//! **Owns** nothing by itself. **Never** knows an executor: a socket knows its reactor.
//!
//! All methods take `&self`, all types are `Send + Sync`, and any number of tasks may use a socket at
//! once. A socket belongs to the executor that was current when it was made; it is woken by that
//! executor's event loop, also when another polls it.
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
//!     // One task reads while another writes: no lock, no halves.
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
mod split;
mod tcp_stream;
mod tcp_listener;
pub(crate) mod udp;
#[cfg(unix)]
mod unix_stream;
#[cfg(unix)]
mod unix_listener;
#[cfg(unix)]
mod unix_datagram;
mod sockets;

pub use self::addr::{ToSocketAddrs, lookup_host};
pub use self::connect::ConnectError;
pub use self::split::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use self::tcp_listener::{Incoming, TcpListener};
pub use self::tcp_stream::TcpStream;
pub use self::udp::UdpSocket;
#[cfg(unix)]
pub use self::unix_datagram::UnixDatagram;
#[cfg(unix)]
pub use self::unix_listener::{UnixIncoming, UnixListener};
#[cfg(unix)]
pub use self::unix_stream::UnixStream;
