//! brigade on one thread.

use std::{io, net::SocketAddr, time::Duration};

use brigade::{
    SingleThread,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::runtime::{Conn, JoinedHere, Net, One, OneThread, Timed};

pub(crate) struct Brigade;

impl One for Brigade {
    type Handle<T: 'static> = JoinedHere<JoinHandle<OneThread<T>>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        // If this variable is set, the run is recorded. `benches/recorder` sets it to measure the cost of
        // recording.
        let recorded = std::env::var_os("BRIGADE_BENCH_RECORDED").is_some();
        // If this variable is set, timers have microsecond precision. Set the variable to measure the cost of
        // this precision.
        let precise = std::env::var_os("BRIGADE_BENCH_PRECISE").is_some();
        let executor = SingleThread::builder()
            .record_timeline(recorded)
            .precise_timers(precise)
            .build();
        executor.expect("brigade starts").block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        // SAFETY: `SingleThread` polls and drops its tasks on the thread of `block_on`.
        JoinedHere(brigade::spawn(unsafe { OneThread::new(future) }))
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        drop(Self::spawn(future));
    }
}

impl Timed for Brigade {
    fn sleep(time: Duration) -> impl Future<Output = ()> + 'static {
        brigade::time::sleep(time)
    }
}

impl Net for Brigade {
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
