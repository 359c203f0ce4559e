//! Opens thousands of connections at the same time from one thread. This is the main purpose of brigade.

use crate::{
    far_end::{Origin, REPLY, REQUEST, reply_byte},
    measure::{Job, Measured, Meter, check, resident, resident_peak},
    runtime::{Conn, Net},
};

/// The number of connections in flight at the same time.
pub(crate) const CONNECTIONS: usize = 5_000;

/// The benchmark `fetch`. It has only one pass. A second pass would reuse the heap of the first, so the
/// figure for memory would be too small.
pub(crate) fn fetch<R: Net>(job: Job) -> Measured {
    let connections = job.size(CONNECTIONS);
    let origin = Origin::start();
    let address = origin.address;
    R::block_on(async move {
        R::spawn(async {}).await;
        let before = resident();
        let meter = Meter::start();
        let tasks: Vec<_> = (0..connections)
            .map(|number| {
                R::spawn(async move {
                    let stream = R::connect(address).await.expect("the origin is there");
                    one_reply::<R>(Conn::new(stream, REPLY), number).await
                })
            })
            .collect();
        let mut bytes = 0;
        for task in tasks {
            bytes += task.await;
        }
        let cost = meter.stop();
        check(bytes == connections * REPLY, "the bytes of all replies");
        let memory = (resident_peak() - before) / connections as f64;
        origin.stop();
        Measured(vec![
            ("wall", cost.wall * 1e3),
            ("cpu", cost.cpu * 1e3),
            ("bytes", memory),
        ])
        .finish()
    })
}

async fn one_reply<R: Net>(mut conn: Conn<R::Stream>, number: usize) -> usize {
    conn.buffer[..REQUEST].fill(0);
    conn.buffer[..8].copy_from_slice(&number.to_le_bytes());
    R::send(&mut conn, REQUEST)
        .await
        .expect("the origin is there");
    let mut received = 0;
    while received < REPLY {
        let length = R::receive(&mut conn).await.expect("a reply");
        check(length > 0, "the reply is whole");
        let right = conn.buffer[..length]
            .iter()
            .all(|byte| *byte == reply_byte(number));
        check(right, "the reply to this request");
        received += length;
    }
    received
}
