//! compio over io_uring, on one thread.

use std::{io, mem, net::SocketAddr, time::Duration};

use compio::{
    BufResult,
    buf::{IntoInner, IoBuf},
    io::{AsyncRead, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{JoinHandle, Runtime},
};

use crate::runtime::{Conn, Joined, Net, One, Timed};

pub(crate) struct Compio;

impl One for Compio {
    type Handle<T: 'static> = Joined<JoinHandle<T>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        Runtime::new().expect("compio starts").block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Joined(compio::runtime::spawn(future))
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        compio::runtime::spawn(future).detach();
    }
}

impl Timed for Compio {
    fn sleep(time: Duration) -> impl Future<Output = ()> + 'static {
        compio::runtime::time::sleep(time)
    }
}

impl Net for Compio {
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
        let BufResult(result, buffer) = conn.stream.read(mem::take(&mut conn.buffer)).await;
        conn.buffer = buffer;
        result
    }

    async fn send(conn: &mut Conn<TcpStream>, length: usize) -> io::Result<()> {
        let part = mem::take(&mut conn.buffer).slice(..length);
        let BufResult(result, part) = conn.stream.write_all(part).await;
        conn.buffer = part.into_inner();
        result
    }
}
