//! smol with worker threads. All of them run one shared executor, as with smol's own global executor.
//! async-io provides timers and sockets.
//!
//! There are two columns. [`Smol`] uses `Executor`. [`SmolStatic`] uses `StaticExecutor`, which keeps no list
//! of its tasks.

use std::{
    future, io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::OnceLock,
    thread,
    time::Duration,
};

use async_executor::{Executor, StaticExecutor, Task};
use async_io::{Async, Timer};
use futures_util::io::{AsyncReadExt, AsyncWriteExt};

use crate::runtime::{Conn, Many, ManyNet, ManyTimed, workers};

pub(crate) struct Smol;

pub(crate) struct SmolStatic;

static USUAL: OnceLock<Executor<'static>> = OnceLock::new();
static STATIC: OnceLock<StaticExecutor> = OnceLock::new();

fn start_workers<F: Future<Output = ()> + 'static>(run: fn() -> F) {
    for _ in 0..workers() {
        thread::spawn(move || async_io::block_on(run()));
    }
}

macro_rules! with_async_io {
    ($runtime:ty, $executor:ident) => {
        impl Many for $runtime {
            type Handle<T: Send + 'static> = Task<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                start_workers(|| {
                    $executor
                        .get_or_init(Default::default)
                        .run(future::pending())
                });
                async_io::block_on(future)
            }

            fn spawn<F>(future: F) -> Task<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                $executor.get_or_init(Default::default).spawn(future)
            }

            fn detach<F: Future<Output = ()> + Send + 'static>(future: F) {
                Self::spawn(future).detach();
            }
        }

        impl ManyTimed for $runtime {
            async fn sleep(time: Duration) {
                Timer::after(time).await;
            }
        }

        impl ManyNet for $runtime {
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

            async fn receive(conn: &mut Conn<Self::Stream>) -> io::Result<usize> {
                conn.stream.read(&mut conn.buffer).await
            }

            async fn send(conn: &mut Conn<Self::Stream>, length: usize) -> io::Result<()> {
                conn.stream.write_all(&conn.buffer[..length]).await
            }
        }
    };
}

with_async_io!(Smol, USUAL);
with_async_io!(SmolStatic, STATIC);
