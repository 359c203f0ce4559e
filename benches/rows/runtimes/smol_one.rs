//! smol on one thread: the local executors of async-executor. async-io provides timers and sockets.
//!
//! There are two columns. [`Smol`] uses `LocalExecutor`. [`SmolStatic`] uses `StaticLocalExecutor`, which
//! keeps no list of its tasks, so it cannot drop them.

use std::{
    cell::Cell,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use async_executor::{LocalExecutor, StaticLocalExecutor, Task};
use async_io::{Async, Timer};
use futures_util::io::{AsyncReadExt, AsyncWriteExt};

use crate::runtime::{Conn, Net, One, Timed};

pub(crate) struct Smol;

pub(crate) struct SmolStatic;

thread_local! {
    // Both executors are leaked, so that `spawn` only reads a thread-local and counts no references.
    static USUAL: Cell<Option<&'static LocalExecutor<'static>>> = const { Cell::new(None) };
    static STATIC: Cell<Option<&'static StaticLocalExecutor>> = const { Cell::new(None) };
}

impl One for Smol {
    type Handle<T: 'static> = Task<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        let executor: &'static LocalExecutor<'static> = Box::leak(Box::default());
        USUAL.set(Some(executor));
        async_io::block_on(executor.run(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        USUAL.get().expect("inside block_on").spawn(future)
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        Self::spawn(future).detach();
    }
}

impl One for SmolStatic {
    type Handle<T: 'static> = Task<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        let executor = LocalExecutor::new().leak();
        STATIC.set(Some(executor));
        async_io::block_on(executor.run(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        STATIC.get().expect("inside block_on").spawn(future)
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        Self::spawn(future).detach();
    }
}

/// Adds the timers and sockets of async-io, which are the same for both executors.
macro_rules! with_async_io {
    ($runtime:ty) => {
        impl Timed for $runtime {
            async fn sleep(time: Duration) {
                Timer::after(time).await;
            }
        }

        impl Net for $runtime {
            type Listener = Async<TcpListener>;
            type Stream = Async<TcpStream>;

            async fn listen() -> io::Result<(Self::Listener, SocketAddr)> {
                let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
                let address = listener.get_ref().local_addr()?;
                Ok((listener, address))
            }

            async fn accept(listener: &mut Self::Listener) -> io::Result<Self::Stream> {
                let (stream, _) = listener.accept().await?;
                stream.get_ref().set_nodelay(true)?;
                Ok(stream)
            }

            async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
                let stream = Async::<TcpStream>::connect(address).await?;
                stream.get_ref().set_nodelay(true)?;
                Ok(stream)
            }

            async fn receive(conn: &mut Conn<Self::Stream>) -> io::Result<usize> {
                conn.stream.read(&mut conn.buffer).await
            }

            async fn send(conn: &mut Conn<Self::Stream>, length: usize) -> io::Result<()> {
                conn.stream.write_all(&conn.buffer[..length]).await
            }
        }
    };
}

with_async_io!(Smol);
with_async_io!(SmolStatic);
