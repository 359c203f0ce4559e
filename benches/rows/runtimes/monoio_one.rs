//! monoio on one thread, with io_uring if the kernel has it, or else with epoll.

use std::{io, mem, net::SocketAddr, time::Duration};

use monoio::{
    FusionDriver, RuntimeBuilder,
    buf::IoBuf,
    io::{AsyncReadRent, AsyncWriteRentExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::runtime::{Conn, Net, One, Timed};

pub(crate) struct Monoio;

impl One for Monoio {
    type Handle<T: 'static> = JoinHandle<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        RuntimeBuilder::<FusionDriver>::new()
            .enable_timer()
            .build()
            .expect("monoio starts")
            .block_on(future)
    }

    fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        monoio::spawn(future)
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        drop(monoio::spawn(future));
    }
}

impl Timed for Monoio {
    fn sleep(time: Duration) -> impl Future<Output = ()> + 'static {
        monoio::time::sleep(time)
    }
}

impl Net for Monoio {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(listener: &mut TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_addr(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn receive(conn: &mut Conn<TcpStream>) -> io::Result<usize> {
        let (result, buffer) = conn.stream.read(mem::take(&mut conn.buffer)).await;
        conn.buffer = buffer;
        result
    }

    async fn send(conn: &mut Conn<TcpStream>, length: usize) -> io::Result<()> {
        let part = mem::take(&mut conn.buffer).slice(..length);
        let (result, part) = conn.stream.write_all(part).await;
        conn.buffer = part.into_inner();
        result.map(drop)
    }
}
