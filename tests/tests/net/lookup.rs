//! Tests name lookup and the types that count as addresses.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream, lookup_host};
use brigade_tests::{Kitchen, Settings, on_both, one_cook, park_on};

/// Brigade accepts every type that std accepts as an address.
fn addresses_of_every_kind<K: Kitchen>() {
    K::open().block_on(async {
        let home = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
        let v4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
        assert_eq!(lookup_host(home).await.unwrap(), [home]);
        assert_eq!(lookup_host(v4).await.unwrap(), [home]);
        assert_eq!(
            lookup_host((Ipv4Addr::LOCALHOST, 80)).await.unwrap(),
            [home]
        );
        assert_eq!(
            lookup_host((IpAddr::V6(Ipv6Addr::LOCALHOST), 80))
                .await
                .unwrap(),
            [six]
        );
        assert_eq!(lookup_host("127.0.0.1:80").await.unwrap(), [home]);
        assert_eq!(lookup_host(String::from("[::1]:80")).await.unwrap(), [six]);
        assert_eq!(
            lookup_host(&String::from("127.0.0.1:80")).await.unwrap(),
            [home]
        );
        assert_eq!(lookup_host(("127.0.0.1", 80)).await.unwrap(), [home]);
        assert_eq!(lookup_host((String::from("::1"), 80)).await.unwrap(), [six]);
        assert_eq!(lookup_host([home, six]).await.unwrap(), [home, six]);
        assert_eq!(lookup_host(&[home, six][..]).await.unwrap(), [home, six]);
        assert_eq!(lookup_host(vec![six]).await.unwrap(), [six]);
    });
}

/// An IP address needs neither a lookup nor an executor.
fn addresses_need_no_executor() {
    let home = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
    assert_eq!(park_on(lookup_host("127.0.0.1:80")).unwrap(), [home]);
    assert_eq!(park_on(lookup_host(("127.0.0.1", 80))).unwrap(), [home]);
}

fn localhost_is_found<K: Kitchen>() {
    K::open().block_on(async {
        for addresses in [
            lookup_host("localhost:80").await.unwrap(),
            lookup_host(("localhost", 80)).await.unwrap(),
        ] {
            assert!(!addresses.is_empty());
            for address in addresses {
                assert!(address.ip().is_loopback());
                assert_eq!(address.port(), 80);
            }
        }
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(("localhost", port)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), port);
    });
}

/// The OS must not find a name that ends in `.invalid`, because RFC 6761 reserves such names.
fn a_bad_name_is_an_error<K: Kitchen>() {
    K::open().block_on(async {
        assert!(lookup_host("no-such-host.invalid:80").await.is_err());
        assert!(TcpStream::connect("no-such-host.invalid:80").await.is_err());
        for text in [
            "localhost",
            "127.0.0.1",
            "",
            ":",
            "localhost:http",
            "localhost:99999",
        ] {
            let error = lookup_host(text).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
        }
    });
}

/// While the OS looks a name up, other tasks run. Many lookups can run at the same time.
fn lookups_block_nobody<K: Kitchen>() {
    K::open().block_on(async {
        let lookups: Vec<_> = (0..50)
            .map(|port| {
                brigade::spawn(async move {
                    let found = lookup_host(("localhost", port)).await.unwrap();
                    found[0].port()
                })
            })
            .collect();
        for (port, lookup) in lookups.into_iter().enumerate() {
            assert_eq!(usize::from(lookup.await.unwrap()), port);
        }
    });
}

/// A lookup does not wait behind the jobs of `spawn_blocking`, even if these jobs occupy every thread that
/// jobs may use.
fn a_lookup_never_waits_behind_blocking_jobs<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 1,
        ..Settings::default()
    });
    executor.block_on(async {
        let (open, door) = std::sync::mpsc::channel::<()>();
        let blocked = brigade::spawn_blocking(move || {
            let _ = door.recv();
        });
        let queued: Vec<_> = (0..100).map(|_| brigade::spawn_blocking(|| ())).collect();
        let lookups = (0..100).map(|port| lookup_host(("localhost", port)));
        for found in futures::future::join_all(lookups).await {
            assert!(!found.unwrap().is_empty());
        }
        assert!(!blocked.is_finished() && !queued[0].is_finished());
        drop(open);
        blocked.await.unwrap();
        for job in queued {
            job.await.unwrap();
        }
    });
}

on_both! {
    a_lookup_never_waits_behind_blocking_jobs,
    addresses_of_every_kind,
    localhost_is_found,
    a_bad_name_is_an_error,
    lookups_block_nobody,
}

one_cook! {
    addresses_need_no_executor,
}
