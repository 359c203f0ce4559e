//! An echo server on two workers. Its clients are in another process.

use std::{net::SocketAddr, thread};

use async_channel::bounded;

use crate::{
    far_end::Clients,
    measure::{Job, Measured, Meter, check},
    runtime::{Conn, ManyNet},
    work::echo::BUFFER,
};

/// The number of clients. Each client always has one round trip in progress.
pub(crate) const CLIENTS: usize = 1_000;

/// The benchmark `m_echo1000`. The clients' process is as busy as the server's and limits the rate. So the
/// main figure is the server's CPU time for a round trip.
pub(crate) fn echo<R: ManyNet>(job: Job) -> Measured {
    let clients = job.size(CLIENTS);
    R::block_on(async move {
        let (mut listener, address) = R::listen().await.expect("a free port");
        R::detach(async move {
            loop {
                let stream = R::accept(&mut listener).await.expect("a client");
                R::detach(serve::<R>(Conn::new(stream, BUFFER)));
            }
        });
        // Use a separate thread, because measuring blocks until the other process has finished.
        let (tell, told) = bounded(1);
        thread::spawn(move || tell.send_blocking(measure(job, address, clients)));
        told.recv().await.expect("the clients are done").finish()
    })
}

async fn serve<R: ManyNet>(mut conn: Conn<R::Stream>) {
    loop {
        match R::receive(&mut conn).await {
            Ok(0) | Err(_) => return,
            Ok(length) => R::send(&mut conn, length)
                .await
                .expect("the client is there"),
        }
    }
}

/// Starts the clients, and measures the server in this process until they have finished.
pub(crate) fn measure(job: Job, address: SocketAddr, clients: usize) -> Measured {
    let far_end = Clients::start(address, clients, 2 * job.budget);
    let meter = Meter::start();
    let seen = far_end.seen();
    let cost = meter.stop();
    check(seen.trips >= clients as f64, "every client had an answer");
    Measured(vec![
        ("cpu", cost.cpu * 1e6 / seen.trips),
        ("p99", seen.p99_ms),
        ("rate", seen.trips / seen.seconds / 1e3),
    ])
}
