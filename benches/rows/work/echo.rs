//! Round trips over TCP. The server and its clients share one thread, so that the figure is the whole cost
//! of both ends.

use std::net::SocketAddr;

use crate::{
    measure::{Job, Measured, check, repeat},
    runtime::{Conn, Net},
};

/// The length of a message in each direction, in bytes.
pub(crate) const MESSAGE: usize = 64;

/// The length of a read buffer, in bytes. It is longer than a message, so that no read fills the buffer. A
/// runtime over epoll then needs no second read to find out that the socket is empty.
pub(crate) const BUFFER: usize = 1024;

/// The number of round trips in a pass, which are divided among the clients.
pub(crate) const TRIPS: usize = 10_000;

/// The benchmarks `echo1`, `echo100` and `echo1000`.
pub(crate) fn echo<R: Net>(job: Job, clients: usize) -> Measured {
    let clients = job.size(clients);
    let trips = (TRIPS / clients).max(1);
    R::block_on(async move {
        let (mut listener, address) = R::listen().await.expect("a free port");
        R::detach(async move {
            loop {
                let stream = R::accept(&mut listener).await.expect("a client");
                R::detach(serve::<R>(Conn::new(stream, BUFFER)));
            }
        });
        let mut waiting = connect::<R>(address, clients).await;
        let pass = async || {
            let tasks: Vec<_> = waiting
                .drain(..)
                .map(|conn| R::spawn(call::<R>(conn, trips)))
                .collect();
            for task in tasks {
                waiting.push(task.await);
            }
        };
        let cost = repeat(job, clients * trips, pass).await;
        let rate = 1.0 / cost.wall / 1e3;
        Measured(vec![("rate", rate), ("cpu", cost.cpu * 1e6)]).finish()
    })
}

/// Connects the clients one after the other, because the queue of pending connections is too short for a
/// thousand.
async fn connect<R: Net>(address: SocketAddr, clients: usize) -> Vec<Conn<R::Stream>> {
    let mut conns = Vec::with_capacity(clients);
    for number in 0..clients {
        let stream = R::connect(address).await.expect("the server is there");
        let mut conn = Conn::new(stream, BUFFER);
        conn.buffer[8..16].copy_from_slice(&number.to_le_bytes());
        // After the first round trip, the server has certainly accepted the connection.
        conns.push(R::spawn(call::<R>(conn, 1)).await);
    }
    conns
}

async fn serve<R: Net>(mut conn: Conn<R::Stream>) {
    loop {
        match R::receive(&mut conn).await {
            Ok(0) | Err(_) => return,
            Ok(length) => R::send(&mut conn, length)
                .await
                .expect("the client is there"),
        }
    }
}

/// Makes `trips` round trips, sends a different message in each, and checks every answer.
async fn call<R: Net>(mut conn: Conn<R::Stream>, trips: usize) -> Conn<R::Stream> {
    for trip in 0..trips {
        conn.buffer[..8].copy_from_slice(&trip.to_le_bytes());
        let mut sent = [0; 16];
        sent.copy_from_slice(&conn.buffer[..16]);
        R::send(&mut conn, MESSAGE)
            .await
            .expect("the server is there");
        conn.buffer[..16].fill(0xee);
        let length = R::receive(&mut conn).await.expect("an answer");
        check(length == MESSAGE && conn.buffer[..16] == sent, "the echo");
    }
    conn
}
