//! nio on one thread, as a local runtime without additional workers.

use std::{io, net::SocketAddr, time::Duration};

use nio::{
    JoinHandle, RuntimeBuilder,
    net::{TcpListener, TcpStream},
};

use crate::runtime::{Conn, Joined, Net, One, Timed};

pub(crate) struct Nio;

impl One for Nio {
    type Handle<T: 'static> = Joined<JoinHandle<T>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        RuntimeBuilder::new()
            .worker_threads(1)
            .build()
            .expect("nio starts")
            .block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Joined(nio::spawn_local(future))
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        drop(nio::spawn_local(future));
    }
}

impl Timed for Nio {
    fn sleep(time: Duration) -> impl Future<Output = ()> + 'static {
        nio::sleep(time)
    }
}

impl Net for Nio {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(listener: &mut TcpListener) -> io::Result<TcpStream> {
        let stream = listener.accept().await?.connect().await?;
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
        let mut rest = &conn.buffer[..length];
        while !rest.is_empty() {
            match conn.stream.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => rest = &rest[written..],
            }
        }
        Ok(())
    }
}
