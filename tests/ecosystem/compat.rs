//! Runs crates that need tokio, in brigade's tasks. `async-compat` starts a tokio runtime on a separate
//! thread and enters it around each poll. The glue is one call to `compat()` per future.
//!
//! The cost is a second reactor and a second clock. Tokio's thread handles the sockets' events, so brigade's
//! tasks are woken from another thread.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use async_compat::CompatExt;
use brigade::{Executor, spawn};
use brigade_tests::{Kitchen, on_both};
use futures::future::join_all;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Returns the number of this process's threads that belong to async-compat.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|it| fs::read_to_string(it.unwrap().path().join("comm")).ok());
    names.filter(|it| it.starts_with("async-compat")).count()
}

/// tokio's sockets and timers work in brigade's tasks. tokio's runtime needs only one extra thread for any
/// number of tasks.
fn tokio_s_own_sockets_and_timers_run<K: Kitchen>() {
    K::open().block_on(async {
        assert_eq!(threads(), 0);
        let echo = async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = async move {
                for _ in 0..20 {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let serve = async move {
                        let mut buffer = [0; 64];
                        loop {
                            match stream.read(&mut buffer).await.unwrap() {
                                0 => break,
                                count => stream.write_all(&buffer[..count]).await.unwrap(),
                            }
                        }
                    };
                    drop(spawn(serve.compat()));
                }
            };
            (address, spawn(server.compat()))
        };
        let (address, server) = echo.compat().await;
        let guests = (0..20).map(|guest: u8| {
            let talk = async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                for _ in 0..50 {
                    stream.write_all(&[guest; 64]).await.unwrap();
                    let mut back = [0; 64];
                    stream.read_exact(&mut back).await.unwrap();
                    assert_eq!(back, [guest; 64]);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            };
            spawn(talk.compat())
        });
        for guest in join_all(Vec::from_iter(guests)).await {
            guest.unwrap();
        }
        server.await.unwrap();
        assert_eq!(threads(), 1);
    });
}

/// An `h2` client runs over a socket of tokio. Tokio drives the socket, and brigade runs the tasks.
fn a_crate_over_tokio_s_socket_runs<K: Kitchen>() {
    K::open().block_on(async {
        let listener = brigade::net::TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(
                tokio_util::compat::FuturesAsyncReadCompatExt::compat(stream),
            )
            .await
            .unwrap();
            while let Some(accepted) = connection.accept().await {
                let (_, mut reply) = accepted.unwrap();
                let mut body = reply.send_response(http::Response::new(()), false).unwrap();
                body.send_data(Bytes::from("soup"), true).unwrap();
            }
        });
        let ask = async {
            let stream = TcpStream::connect(address).await.unwrap();
            let (sender, connection) = h2::client::handshake(stream).await.unwrap();
            let connection = spawn(connection.compat());
            let mut sender = sender.ready().await.unwrap();
            let request = http::Request::get("http://kitchen/").body(()).unwrap();
            let (response, _) = sender.send_request(request, true).unwrap();
            let mut body = response.await.unwrap().into_body();
            let soup = body.data().await.unwrap().unwrap();
            drop((sender, body));
            connection.await.unwrap().unwrap();
            soup
        };
        assert_eq!(ask.compat().await, Bytes::from("soup"));
        server.await.unwrap();
    });
}

/// `async-process` starts two threads: one waits for child processes, and the other runs the event loop of
/// `async-io`. `async-fs` starts the thread pool of the crate `blocking`.
fn async_fs_and_async_process_bring_threads<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let before = brigade_tests::threads();
        let children = (0..20).map(|_| async {
            let mut command = async_process::Command::new("echo");
            let output = command.arg("rice").output().await.unwrap();
            assert_eq!(output.stdout, b"rice\n");
        });
        join_all(children).await;
        assert_eq!(brigade_tests::threads(), before + 2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("menu");
        async_fs::write(&path, "soup").await.unwrap();
        for _ in 0..20 {
            assert_eq!(async_fs::read_to_string(&path).await.unwrap(), "soup");
        }
        // How many threads the pool has depends on how long each call takes.
        assert!(brigade_tests::threads() > before + 2);
    });
}

on_both! {
    a_crate_over_tokio_s_socket_runs;
    alone: tokio_s_own_sockets_and_timers_run,
    async_fs_and_async_process_bring_threads,
}
