//! brigade with worker threads.

use std::{io, net::SocketAddr, time::Duration};

use brigade::{
    WorkStealing,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::runtime::{Conn, Joined, Many, ManyNet, ManyTimed, workers};

pub(crate) struct Brigade;

impl Many for Brigade {
    type Handle<T: Send + 'static> = Joined<JoinHandle<T>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        WorkStealing::with_workers(workers())
            .expect("brigade starts")
            .block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(brigade::spawn(future))
    }

    fn detach<F: Future<Output = ()> + Send + 'static>(future: F) {
        drop(brigade::spawn(future));
    }
}

impl ManyTimed for Brigade {
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static {
        brigade::time::sleep(time)
    }
}

impl ManyNet for Brigade {
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
