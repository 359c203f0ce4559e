//! tokio with its `multi_thread` scheduler.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    task::JoinHandle,
};

use crate::runtime::{Conn, Joined, Many, ManyNet, ManyTimed, workers};

pub(crate) struct Tokio;

fn block_on<F: Future>(builder: &mut Builder, future: F) -> F::Output {
    let runtime = builder.worker_threads(workers()).enable_all().build();
    runtime.expect("tokio starts").block_on(future)
}

impl Many for Tokio {
    type Handle<T: Send + 'static> = Joined<JoinHandle<T>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(&mut Builder::new_multi_thread(), future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(tokio::spawn(future))
    }

    fn detach<F: Future<Output = ()> + Send + 'static>(future: F) {
        drop(tokio::spawn(future));
    }
}

impl ManyTimed for Tokio {
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(time)
    }
}

/// tokio with its alternative timer, for the benchmarks of timers. This timer is unstable, so the type exists
/// only in a build with `--cfg tokio_unstable`.
#[cfg(tokio_unstable)]
pub(crate) struct TokioAlt;

#[cfg(tokio_unstable)]
impl Many for TokioAlt {
    type Handle<T: Send + 'static> = Joined<JoinHandle<T>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(Builder::new_multi_thread().enable_alt_timer(), future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Tokio::spawn(future)
    }

    fn detach<F: Future<Output = ()> + Send + 'static>(future: F) {
        Tokio::detach(future);
    }
}

#[cfg(tokio_unstable)]
impl ManyTimed for TokioAlt {
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(time)
    }
}

impl ManyNet for Tokio {
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

    async fn receive(conn: &mut Conn<TcpStream>) -> io::Result<usize> {
        conn.stream.read(&mut conn.buffer).await
    }

    async fn send(conn: &mut Conn<TcpStream>, length: usize) -> io::Result<()> {
        conn.stream.write_all(&conn.buffer[..length]).await
    }
}
