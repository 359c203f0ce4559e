//! Bytes of user memory an idle connection costs.
use brigade::net::{TcpListener, TcpStream};
use brigade_tests::{Counting, live_bytes};
#[global_allocator]
static ALLOCATOR: Counting = Counting;
fn main() {
    let executor = brigade::SingleThread::new().unwrap();
    executor.block_on(async {
        const N: usize = 2000;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut peers = Vec::new();
        for _ in 0..N {
            peers.push(std::net::TcpStream::connect(address).unwrap());
            if peers.len() % 100 == 0 {
                brigade::yield_now().await;
            }
            if peers.len() == 1 {}
            if peers.len() % 1 == 0 {}
            let _ = &listener;
        }
        let _ = peers.len();
        let before = live_bytes();
        for _ in 0..N {
            let (stream, _) = listener.accept().await.unwrap();
            drop(brigade::spawn(async move {
                let mut byte = [0; 16];
                while stream.read(&mut byte).await.unwrap() > 0 {
                    stream.write_all(&byte[..1]).await.unwrap();
                }
            }));
        }
        for _ in 0..10 {
            brigade::yield_now().await;
        }
        println!("{} bytes a connection", (live_bytes() - before) / N as i64);
        let before = live_bytes();
        for peer in &peers[..100] {
            use std::io::{Read, Write};
            let mut p = peer;
            p.write_all(&[1]).unwrap();
            for _ in 0..5 {
                brigade::yield_now().await;
            }
            let _ = p.set_nonblocking(true);
            let _ = p.read(&mut [0]);
        }
        for _ in 0..10 {
            brigade::yield_now().await;
        }
        println!("{} bytes more after one echo on 100", live_bytes() - before);
    });
    let _ = TcpStream::connect("x:1");
}
