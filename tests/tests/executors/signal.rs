//! Tests the futures that receive signals (feature `signal`). Each test runs in a separate process and
//! signals that process.
#![cfg(unix)]

use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::pin::pin;
use std::time::Duration;

use brigade::net::{TcpListener, TcpStream};
use brigade::signal::{Kind, Signal, ctrl_c, shutdown, terminate};
use brigade::task::JoinSet;
use brigade::time::timeout;
use brigade::{Executor, spawn, yield_now};
use brigade_tests::{Kitchen, on_both};
use futures::future::{Either, join, poll_immediate, select};
use futures::{StreamExt, io, poll};

/// Sends this process a signal. The signal has been received when the function returns.
fn raise(kind: Kind) {
    signal_hook::low_level::raise(kind.as_raw()).unwrap();
}

fn ctrl_c_and_a_polite_kill_are_futures<K: Kitchen>() {
    K::open().block_on(async {
        let (asked, ()) = join(ctrl_c(), async { raise(Kind::INTERRUPT) }).await;
        asked.unwrap();
        let (asked, ()) = join(terminate(), async { raise(Kind::TERMINATE) }).await;
        asked.unwrap();
        for kind in [Kind::INTERRUPT, Kind::TERMINATE] {
            let (asked, ()) = join(shutdown(), async { raise(kind) }).await;
            assert_eq!(asked.unwrap(), kind);
        }
    });
}

/// A signal is kept if it arrives before a task waits for it. A signal that arrived before the `Signal` was
/// made is not reported.
fn signals_are_kept_for_those_who_listen<K: Kitchen>() {
    K::open().block_on(async {
        let early = Signal::new(Kind::USER1).unwrap();
        raise(Kind::USER1);
        let late = Signal::new(Kind::USER1).unwrap();
        early.recv().await.unwrap();
        assert!(poll_immediate(late.recv()).await.is_none());
        raise(Kind::USER1);
        early.recv().await.unwrap();
        late.recv().await.unwrap();
        assert_eq!(late.kind(), Kind::USER1);
    });
}

/// Dropping a waiting future loses no signal.
fn a_cancelled_wait_loses_nothing<K: Kitchen>() {
    K::open().block_on(async {
        let signal = Signal::new(Kind::USER2).unwrap();
        for _ in 0..10 {
            let mut wait = Box::pin(signal.recv());
            assert!(poll!(wait.as_mut()).is_pending());
            raise(Kind::USER2);
            drop(wait);
            signal.recv().await.unwrap();
        }
    });
}

/// A signal that another thread raises wakes the waiting task, even if the executor sleeps.
fn a_signal_wakes_a_sleeping_executor<K: Kitchen>() {
    K::open().block_on(async {
        let mut signals = Signal::new(Kind::HANGUP).unwrap();
        let heard = brigade::spawn(async move {
            for _ in 0..20 {
                signals.next().await.unwrap().unwrap();
                // Raise each signal after the previous one was received. Otherwise two signals may be
                // reported as one.
                std::thread::spawn(|| raise(Kind::HANGUP));
            }
        });
        raise(Kind::HANGUP);
        heard.await.unwrap();
    });
}

fn different_signals_are_kept_apart<K: Kitchen>() {
    K::open().block_on(async {
        let one = Signal::new(Kind::USER1).unwrap();
        let other = Signal::new(Kind::USER2).unwrap();
        let mut wait = pin!(other.recv());
        raise(Kind::USER1);
        one.recv().await.unwrap();
        assert!(poll!(wait.as_mut()).is_pending());
        raise(Kind::USER2);
        wait.await.unwrap();
    });
}

/// After a fork, the child process has copies of the parent's descriptors. The parent does not report a signal
/// of the child.
fn a_signal_of_a_forked_child_is_not_reported<K: Kitchen>() {
    K::open().block_on(async {
        let mut signal = Signal::new(Kind::USER1).unwrap();
        let mut child = std::process::Command::new("true");
        // SAFETY: between fork and exec, the closure only calls `raise`, which is allowed there.
        unsafe {
            child.pre_exec(|| {
                libc::raise(libc::SIGUSR1);
                Ok(())
            });
        }
        child.status().unwrap();
        let wait = Duration::from_millis(100);
        assert!(timeout(wait, signal.recv()).await.is_err());
        child.status().unwrap();
        assert!(timeout(wait, signal.next()).await.is_err());
        raise(Kind::USER1);
        signal.recv().await.unwrap();
    });
}

/// `Signal::new` returns an error, and does not panic, for signals that cannot be handled and for invalid
/// numbers.
fn what_cannot_be_listened_for_is_an_error<K: Kitchen>() {
    let outside = Signal::new(Kind::USER1).unwrap_err();
    assert!(outside.to_string().contains("outside"), "{outside}");
    K::open().block_on(async {
        for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV] {
            let error = Signal::new(Kind::from_raw(number)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let none = Kind::from_raw(4242);
        assert_eq!(none.to_string(), "signal 4242");
        assert!(Signal::new(none).is_err());
    });
}

/// When the signal comes, the server shuts down gracefully: it accepts no more clients, and serves the
/// connected clients until they leave.
fn a_server_lets_its_guests_finish<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let guest = TcpStream::connect(address).await.unwrap();
        let server = spawn(async move {
            let mut guests = JoinSet::new();
            let mut asked = pin!(shutdown());
            loop {
                match select(asked, pin!(listener.accept())).await {
                    Either::Left((kind, _)) => {
                        assert_eq!(kind.unwrap(), Kind::TERMINATE);
                        break;
                    }
                    Either::Right((accepted, still)) => {
                        let stream = accepted.unwrap().0;
                        guests.spawn(async move { io::copy(&stream, &mut &stream).await });
                        asked = still;
                    }
                }
            }
            drop(listener);
            guests.join_all().await.len()
        });
        let mut answer = [0; 4];
        guest.write_all(b"soup").await.unwrap();
        guest.read_exact(&mut answer).await.unwrap();
        raise(Kind::TERMINATE);
        // Wait until the server has closed its listener.
        while TcpStream::connect(address).await.is_ok() {
            yield_now().await;
        }
        guest.write_all(b"cake").await.unwrap();
        guest.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"cake");
        assert!(!server.is_finished());
        drop(guest);
        // Clients that connected before the listener closed have left by now.
        assert!(server.await.unwrap() >= 1);
    });
}

/// Once a program has made a `Signal`, the signal's default action is never restored. The module's
/// documentation warns of this.
fn the_default_action_does_not_come_back<K: Kitchen>() {
    K::open().block_on(async {
        drop(Signal::new(Kind::TERMINATE).unwrap());
        raise(Kind::TERMINATE);
    });
}

on_both! {
    ;
    alone:
    ctrl_c_and_a_polite_kill_are_futures,
    signals_are_kept_for_those_who_listen,
    a_cancelled_wait_loses_nothing,
    a_signal_wakes_a_sleeping_executor,
    a_signal_of_a_forked_child_is_not_reported,
    different_signals_are_kept_apart,
    a_server_lets_its_guests_finish,
    what_cannot_be_listened_for_is_an_error,
    the_default_action_does_not_come_back,
}
