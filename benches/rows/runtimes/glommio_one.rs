//! glommio over io_uring, on one thread.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use glommio::{
    GlommioError, LocalExecutorBuilder, Placement, Task,
    net::{TcpListener, TcpStream},
};

use crate::{
    measure::unfit,
    runtime::{Conn, Net, One, Timed},
};

pub(crate) struct Glommio;

impl One for Glommio {
    type Handle<T: 'static> = Task<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        match LocalExecutorBuilder::new(Placement::Unbound).make() {
            Ok(executor) => executor.run(future),
            // glommio requires more locked memory than some machines allow.
            Err(error) => unfit(&format!("glommio does not start here: {error}")),
        }
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        glommio::spawn_local(future)
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        drop(glommio::spawn_local(future).detach());
    }
}

impl Timed for Glommio {
    async fn sleep(time: Duration) {
        glommio::timer::sleep(time).await;
    }
}

impl Net for Glommio {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(plain)?;
        let address = listener.local_addr().map_err(plain)?;
        Ok((listener, address))
    }

    async fn accept(listener: &mut TcpListener) -> io::Result<TcpStream> {
        let stream = listener.accept().await.map_err(plain)?;
        stream.set_nodelay(true).map_err(plain)?;
        Ok(stream)
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await.map_err(plain)?;
        stream.set_nodelay(true).map_err(plain)?;
        Ok(stream)
    }

    async fn receive(conn: &mut Conn<TcpStream>) -> io::Result<usize> {
        conn.stream.read(&mut conn.buffer).await
    }

    async fn send(conn: &mut Conn<TcpStream>, length: usize) -> io::Result<()> {
        conn.stream.write_all(&conn.buffer[..length]).await
    }
}

fn plain(error: GlommioError<()>) -> io::Error {
    error.into()
}
