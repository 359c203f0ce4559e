//! tokio with its `current_thread` scheduler.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    task::JoinHandle,
};

use crate::runtime::{Conn, JoinedHere, Net, One, OneThread, Timed};

pub(crate) struct Tokio;

impl One for Tokio {
    type Handle<T: 'static> = JoinedHere<JoinHandle<OneThread<T>>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("tokio starts")
            .block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        // SAFETY: a `current_thread` runtime polls its tasks on the thread of `block_on`. The runtime and
        // its tasks are also dropped on that thread.
        JoinedHere(tokio::spawn(unsafe { OneThread::new(future) }))
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        drop(Self::spawn(future));
    }
}

impl Timed for Tokio {
    fn sleep(time: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(time)
    }
}

impl Net for Tokio {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(listener: &mut TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn receive(conn: &mut Conn<TcpStream>) -> io::Result<usize> {
        conn.stream.read(&mut conn.buffer).await
    }

    async fn send(conn: &mut Conn<TcpStream>, length: usize) -> io::Result<()> {
        conn.stream.write_all(&conn.buffer[..length]).await
    }
}
