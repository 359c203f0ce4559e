//! The HTTP server, which accepts connections, holds them within limits, and shuts down in order.
//!
//! | a client that | the server |
//! |---|---|
//! | connects when the maximum number of connections is open | replies 503 and closes the connection |
//! | is idle, or is slow to send a request's head | closes the connection |
//! | sends a head that is too long | replies 431 |
//! | sends a body that is too long | replies 413 (see `site`) |
//! | is slow to send a body | replies 408 (see `site`) |
//! | does not read its reply | closes the connection (see `stall`) |
//!
//! A connection is a task. The replies are made in `site`.

use std::{io, net::SocketAddr, pin::pin};

use async_channel::{Receiver, Sender};
use async_lock::{Semaphore, SemaphoreGuardArc};
use brigade::{
    net::{TcpListener, TcpStream},
    task::Builder,
    time::{sleep, timeout},
};
use futures_util::future::{Either, select};
use hyper::{server::conn::http1, service::service_fn};
use parking_lot::Mutex;

use super::{site::Site, stall::Patient};
use crate::gauge::{Counted, Gauge};
use crate::prelude::*;

/// The maximum number of clients that are being refused at the same time. Arbitrary. Further connections
/// are closed without a reply, which costs nothing.
const REFUSALS_MAX: usize = 64;

/// How long a refused client may take to receive the refusal.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    content-type: text/plain\r\ncontent-length: 28\r\nconnection: close\r\n\r\n\
    There is no room. Try later\n";

/// How long the server waits after `accept` failed, most likely because too many files were open.
/// Arbitrary: long enough for a connection to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// How long requests in flight may take to end when the server shuts down.
const GRACE: Duration = Duration::from_secs(10);

/// The server's counts of its connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) open: Arc<Gauge>,
    pub(crate) refused: Arc<Gauge>,
    /// The sum of the lifetimes of all connections that have ended.
    pub(crate) lived: Mutex<Duration>,
}

/// A running server, which [`stop`](Self::stop) ends in order. If it is dropped instead, it stops
/// accepting, and nothing waits for the requests in flight.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<Connections>,
    /// Dropping this sender tells all tasks to finish.
    stop: Sender<()>,
    /// Closed when all tasks have finished.
    gone: Receiver<()>,
}

/// The data that each task of the server has.
#[derive(Clone)]
struct Hall {
    site: Arc<Site>,
    connections: Arc<Connections>,
    /// Nothing is ever sent on this channel. It is closed when the server stops.
    stop: Receiver<()>,
    /// Nothing is ever sent on this channel either. When the last sender is dropped, all tasks have
    /// finished.
    _present: Sender<()>,
}

impl Server {
    /// Begins to serve `site` at `listener`.
    pub(crate) fn start(listener: TcpListener, site: Arc<Site>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = async_channel::bounded(1);
        let (present, gone) = async_channel::bounded(1);
        let connections = Arc::<Connections>::default();
        let hall = Hall {
            site,
            connections: connections.clone(),
            stop: stopped,
            _present: present,
        };
        drop(Builder::new().name("accept").spawn(hall.accept(listener)));
        Ok(Self {
            address,
            connections,
            stop,
            gone,
        })
    }

    /// Stops accepting, lets requests in flight end, and returns when all connections are closed.
    pub(crate) async fn stop(self) -> Arc<Connections> {
        drop(self.stop);
        let _ = self.gone.recv().await;
        self.connections
    }
}

impl Hall {
    async fn accept(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(self.site.args.room()));
        let porch = Arc::new(Semaphore::new(REFUSALS_MAX));
        loop {
            let (accepting, stop) = (pin!(listener.accept()), pin!(self.stop.recv()));
            let stream = match select(stop, accepting).await {
                Either::Left(_) => return,
                Either::Right((Ok((stream, _)), _)) => stream,
                Either::Right((Err(_), _)) => {
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let hall = self.clone();
            if let Some(seat) = room.try_acquire_arc() {
                let counted = self.connections.open.up();
                let visit = hall.serve(stream, (seat, counted));
                drop(Builder::new().name("connection").spawn(visit));
            } else if let Some(seat) = porch.try_acquire_arc() {
                drop(brigade::spawn(hall.refuse(stream, seat)));
            }
        }
    }

    /// Serves one connection, from its first request to its last.
    async fn serve(self, stream: TcpStream, _seat: (SemaphoreGuardArc, Counted)) {
        let begun = Instant::now();
        // Small replies must not wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let site = &self.site;
        let patience = site.args.patience();
        let connection = http1::Builder::new()
            .timer(brigade::hyper::Timer)
            .header_read_timeout(patience)
            .max_header_size(site.args.max_head)
            .serve_connection(
                Patient::new(stream, patience),
                service_fn(|request| site.clone().answer(request, self.stop.clone())),
            );
        let mut connection = pin!(connection);
        // Ignore the connection's result: a client that ends its connection badly is not an error of the
        // server.
        let stop = pin!(self.stop.recv());
        if let Either::Right(_) = select(connection.as_mut(), stop).await {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(GRACE, connection).await;
        }
        *self.connections.lived.lock() += begun.elapsed();
    }

    /// Tells a client that the server is full, and then reads what the client sends. Closing a socket
    /// with unread data would reset the connection, and the client might never see the reply.
    async fn refuse(self, stream: TcpStream, _seat: SemaphoreGuardArc) {
        let _counted = self.connections.refused.up();
        let told = async {
            stream.write_all(REFUSAL).await?;
            stream.shutdown(std::net::Shutdown::Write)?;
            while stream.read(&mut [0; 1024]).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(REFUSAL_TIME, told).await;
    }
}
