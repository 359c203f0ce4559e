//! Makes connections for the tests.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use brigade::net::{TcpListener, TcpStream};
use brigade::task::JoinHandle;
use futures::channel::oneshot;

/// Returns both ends of a new connection.
///
/// # Panics
/// Panics if the connection cannot be made, or the ends do not agree on their addresses.
pub async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect = TcpStream::connect(listener.local_addr().unwrap());
    let (client, server) = futures::join!(connect, listener.accept());
    let (client, (server, peer)) = (client.unwrap(), server.unwrap());
    assert_eq!(client.local_addr().unwrap(), peer);
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    (client, server)
}

/// Returns an address at which no socket listens.
///
/// # Panics
/// Panics if no port is free.
pub fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Sends a hundred bytes from the client to the server and back, one byte at a time.
///
/// # Panics
/// Panics if a byte is lost or changed.
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

/// Spawns a task that reads from a stream, and returns once the read is waiting.
///
/// # Panics
/// Panics if the stream has data to read.
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
