//! Connections to try something on.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use brigade::net::{TcpListener, TcpStream};
use brigade::task::JoinHandle;
use futures::channel::oneshot;

/// Two ends of a connection.
///
/// # Panics
/// If it cannot be had, or the two do not agree on their addresses.
pub async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect = TcpStream::connect(listener.local_addr().unwrap());
    let (client, server) = futures::join!(connect, listener.accept());
    let (client, (server, peer)) = (client.unwrap(), server.unwrap());
    assert_eq!(client.local_addr().unwrap(), peer);
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    (client, server)
}

/// An address at which nobody listens.
///
/// # Panics
/// If there is none to be had.
pub fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A hundred bytes, each of which goes there and comes back before the next.
///
/// # Panics
/// If one does not, or comes back as another.
pub async fn to_and_fro((client, server): (TcpStream, TcpStream)) {
    let echo = brigade::spawn(async move {
        let mut byte = [0];
        while server.read(&mut byte).await.unwrap() == 1 {
            server.write_all(&byte).await.unwrap();
        }
    });
    for n in 0..100 {
        client.write_all(&[n]).await.unwrap();
        let mut byte = [0];
        assert_eq!(client.read(&mut byte).await.unwrap(), 1);
        assert_eq!(byte, [n]);
    }
    drop(client);
    echo.await.unwrap();
}

/// A task that reads from a stream; it is known to wait.
///
/// # Panics
/// If there is something to read.
pub async fn waiting_reader(stream: TcpStream) -> JoinHandle<io::Result<usize>> {
    let (waits, begun) = oneshot::channel();
    let reader = brigade::spawn(async move {
        let mut byte = [0];
        let mut read = pin!(stream.read(&mut byte));
        assert!(futures::poll!(read.as_mut()).is_pending());
        waits.send(()).unwrap();
        read.await
    });
    begun.await.unwrap();
    reader
}
