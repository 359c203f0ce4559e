//! Exercise 4: a receiver waits for a datagram, and a sender waits for space in the buffer.
#![cfg(unix)]

use brigade_exercises::port::pair;
use brigade_tests::watch;

#[test]
fn a_receiver_waits() {
    watch("a_receiver_waits", || {
        brigade::run(async {
            let (a, b) = pair().unwrap();
            let receiver = brigade::spawn(async move {
                let mut buffer = [0; 8];
                let length = b.recv(&mut buffer).await?;
                std::io::Result::Ok(buffer[..length].to_vec())
            });
            brigade::yield_now().await;
            a.send(b"salt").await.unwrap();
            assert_eq!(receiver.await.unwrap().unwrap(), b"salt");
        });
    });
}

#[test]
fn a_sender_waits_for_room() {
    const MANY: usize = 10_000;
    watch("a_sender_waits_for_room", || {
        brigade::run(async {
            let (a, b) = pair().unwrap();
            let sender = brigade::spawn(async move {
                for _ in 0..MANY {
                    a.send(&[0; 512]).await?;
                }
                std::io::Result::Ok(())
            });
            // The sender fills the buffer before the receiver reads.
            brigade::yield_now().await;
            for _ in 0..MANY {
                assert_eq!(b.recv(&mut [0; 512]).await.unwrap(), 512);
            }
            sender.await.unwrap().unwrap();
        });
    });
}
