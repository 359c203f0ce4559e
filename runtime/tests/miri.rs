//! Whole programs for Miri (`.ci/miri`), and small enough for it: each does with an executor what its
//! users do, so that every `unsafe` room of the runtime is entered from outside.
//!
//! Miri runs them under many seeds. A seed decides which thread goes on after every step, which value
//! a weakly ordered load sees, and when a compare-and-swap fails for no reason. They run without Miri
//! as well.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use brigade::net::{TcpListener, TcpStream};
use brigade::task::JoinSet;
use brigade::{Executor, SingleThread, WorkStealing};

fn one_cook() -> SingleThread {
    SingleThread::new().unwrap()
}

fn two_cooks() -> WorkStealing {
    WorkStealing::with_workers(2).unwrap()
}

/// Counts how often it is dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

struct Dropped(Drops);

impl Drops {
    fn guard(&self) -> Dropped {
        Dropped(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

// ---- tasks of one cook ------------------------------------------------------------------------

#[test]
fn a_local_future_borrows_from_itself_across_awaits() {
    let executor = one_cook();
    let log = Rc::new(RefCell::new(Vec::new()));
    let cook = |name: &'static str| {
        let log = log.clone();
        async move {
            let words = [String::from(name), String::from("done")];
            for word in &words {
                // The borrows of `words` and of `word` live across this.
                brigade::yield_now().await;
                log.borrow_mut().push(word.clone());
            }
            words.last().unwrap().len()
        }
    };
    let noodles = executor.spawn_local(cook("noodles"));
    let sauce = executor.spawn_local(cook("sauce"));
    let lengths = executor.block_on(async {
        let inner = brigade::spawn_local(cook("salad"));
        (
            noodles.await.unwrap(),
            sauce.await.unwrap(),
            inner.await.unwrap(),
        )
    });
    assert_eq!(lengths, (4, 4, 4));
    assert_eq!(log.borrow().len(), 6);
    assert_eq!(Rc::strong_count(&log), 1);
}

#[test]
fn the_main_future_borrows_and_is_polled_in_turn_with_tasks() {
    let executor = one_cook();
    let mut plates = vec![1, 2, 3];
    let borrowed = &mut plates;
    let sum = executor.block_on(async {
        let four = brigade::spawn(async {
            brigade::yield_now().await;
            4
        });
        borrowed.push(four.await.unwrap());
        borrowed.iter().sum::<i32>()
    });
    assert_eq!((sum, plates.len()), (10, 4));
}

#[test]
fn an_end_of_every_kind() {
    let drops = Drops::default();
    let executor = one_cook();
    let aborted_early = executor.spawn(keep(drops.guard()));
    aborted_early.abort();
    let aborted_late = executor.spawn(keep(drops.guard()));
    let detached = drops.guard();
    drop(executor.spawn(async move { drop(detached) }));
    let left_behind = executor.spawn(keep(drops.guard()));
    executor.block_on(async {
        assert!(aborted_early.await.unwrap_err().is_aborted());
        brigade::yield_now().await;
        aborted_late.abort();
        assert!(aborted_late.await.unwrap_err().is_aborted());
        let output = Box::new(7);
        assert_eq!(*brigade::spawn(async move { output }).await.unwrap(), 7);
    });
    drop(executor);
    assert_eq!(drops.count(), 4);
    assert!(left_behind.is_finished());
}

/// Never done.
async fn keep(guard: Dropped) {
    pending::<()>().await;
    drop(guard);
}

#[test]
fn a_panic_reaches_the_handle() {
    let executor = one_cook();
    let drops = Drops::default();
    let guard = drops.guard();
    let task = executor.spawn(async move {
        let _guard = guard;
        brigade::yield_now().await;
        std::panic::resume_unwind(Box::new("burnt"));
    });
    let error: brigade::task::JoinError = executor.block_on(task).unwrap_err();
    assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "burnt");
    assert_eq!(drops.count(), 1);
}

// ---- other threads ----------------------------------------------------------------------------

/// Foreign threads wake, clone and drop wakers while the executor is dropped under their hands.
fn wakers_outlive(executor: impl Executor) {
    const THREADS: usize = 3;
    let drops = Drops::default();
    let (send, receive) = mpsc::channel::<Waker>();
    let guard = drops.guard();
    let task = executor.spawn(poll_fn(move |cx| {
        let _ = &guard;
        for _ in 0..THREADS {
            let _ = send.send(cx.waker().clone());
        }
        Poll::<()>::Pending
    }));
    executor.block_on(async {
        brigade::yield_now().await;
    });
    // Many cooks may not have come to it yet.
    let wakers: Vec<_> = receive.iter().take(THREADS).collect();
    let strangers: Vec<_> = wakers
        .into_iter()
        .map(|waker| {
            thread::spawn(move || {
                waker.wake_by_ref();
                let another = waker.clone();
                drop(waker);
                another.wake();
            })
        })
        .collect();
    drop(executor);
    assert_eq!(drops.count(), 1);
    for stranger in strangers {
        stranger.join().unwrap();
    }
    assert!(task.is_finished());
}

#[test]
fn wakers_outlive_one_cook() {
    wakers_outlive(one_cook());
}

#[test]
fn wakers_outlive_many_cooks() {
    wakers_outlive(two_cooks());
}

/// What is written before a wake is seen in the poll that follows, also by a Relaxed load (tokio
/// #7589, which a fifth of Miri's seeds found).
fn a_wake_releases(executor: impl Executor) {
    let told = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let mut senders = Vec::new();
    executor.block_on(poll_fn(|cx| {
        if senders.is_empty() {
            senders.extend(told.clone().map(|told| {
                let waker = cx.waker().clone();
                thread::spawn(move || {
                    told.store(1, Ordering::Relaxed);
                    waker.wake();
                })
            }));
        }
        let sum: usize = told.iter().map(|told| told.load(Ordering::Relaxed)).sum();
        if sum == told.len() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }));
    for sender in senders {
        sender.join().unwrap();
    }
}

#[test]
fn a_wake_releases_to_one_cook() {
    a_wake_releases(one_cook());
}

#[test]
fn a_wake_releases_to_many_cooks() {
    a_wake_releases(two_cooks());
}

/// Threads spawn, await, abort and let go of tasks while the executor is dropped.
fn spawners_race_the_drop(executor: impl Executor) {
    let drops = Drops::default();
    let strangers = [0, 1, 2].map(|what| {
        let (handle, drops) = (executor.handle(), drops.clone());
        thread::spawn(move || {
            let guard = drops.guard();
            let task = handle.spawn(async move {
                let _guard = guard;
                brigade::yield_now().await;
                Box::new(what)
            });
            match what {
                0 => drop(task),
                1 => task.abort(),
                _ => {
                    let end = wait_for(task);
                    assert!(end.is_err_and(|error| error.is_aborted()) || drops.count() > 0);
                }
            }
        })
    });
    executor.block_on(async { brigade::yield_now().await });
    drop(executor);
    for stranger in strangers {
        stranger.join().unwrap();
    }
    assert_eq!(drops.count(), 3);
}

#[test]
fn spawners_race_the_drop_of_one_cook() {
    spawners_race_the_drop(one_cook());
}

#[test]
fn spawners_race_the_drop_of_many_cooks() {
    spawners_race_the_drop(two_cooks());
}

/// Awaits on a thread that has no executor, with a waker that is none of brigade's.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn many_cooks_steal_wake_and_join() {
    let executor = two_cooks();
    let total = executor.block_on(async {
        let mut set = JoinSet::new();
        for n in 0..12 {
            set.spawn(async move {
                // One wakes the next, on whatever worker that is.
                let inner = brigade::spawn(async move {
                    brigade::yield_now().await;
                    n
                });
                inner.await.unwrap()
            });
        }
        set.join_all().await.iter().sum::<usize>()
    });
    assert_eq!(total, 66);
}

#[test]
fn a_blocking_job_and_its_task() {
    for job in [
        one_cook().block_on(async { brigade::spawn_blocking(|| 7).await }),
        two_cooks().block_on(async { brigade::spawn_blocking(|| 7).await }),
    ] {
        assert_eq!(job.unwrap(), 7);
    }
}

#[test]
fn what_happens_is_written_down() {
    let executor = WorkStealing::builder()
        .workers(2)
        .record_timeline(true)
        .build()
        .unwrap();
    executor.block_on(async {
        let tasks: Vec<_> = (0..4)
            .map(|_| brigade::spawn(brigade::yield_now()))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let timeline = executor.timeline().unwrap();
    assert!(timeline.events.len() >= 4);
}

// ---- timers and sockets -----------------------------------------------------------------------

fn timers(executor: impl Executor) {
    let far = Duration::from_secs(1000);
    executor.block_on(async {
        let near = brigade::spawn(brigade::time::sleep(Duration::from_millis(2)));
        let stopped = brigade::time::timeout(Duration::from_millis(1), pending::<()>()).await;
        assert!(stopped.is_err());
        near.await.unwrap();
        // Dropped on another thread while it is armed.
        let mut sleep = Box::pin(brigade::time::sleep(far));
        poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let elsewhere = thread::spawn(move || drop(sleep));
        brigade::time::sleep(Duration::from_millis(1)).await;
        elsewhere.join().unwrap();
    });
}

#[test]
fn timers_of_one_cook() {
    timers(one_cook());
}

#[test]
fn timers_of_many_cooks() {
    timers(two_cooks());
}

/// Two ends of a connection, over the machine's own network: Miri passes these sockets on to the OS.
async fn connect() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guest = brigade::spawn(async move { TcpStream::connect(address).await.unwrap() });
    let (here, _) = listener.accept().await.unwrap();
    (here, guest.await.unwrap())
}

fn sockets(executor: impl Executor) {
    executor.block_on(async {
        let (here, there) = connect().await;
        let echo = brigade::spawn(async move {
            let mut buffer = [0; 8];
            let mut total = 0;
            loop {
                let count = there.read(&mut buffer).await.unwrap();
                if count == 0 {
                    return total;
                }
                total += count;
                there.write_all(&buffer[..count]).await.unwrap();
            }
        });
        for text in ["noodles", "sauce"] {
            here.write_all(text.as_bytes()).await.unwrap();
            let mut back = vec![0; text.len()];
            let mut got = 0;
            while got < back.len() {
                got += here.read(&mut back[got..]).await.unwrap();
            }
            assert_eq!(back, text.as_bytes());
        }
        drop(here);
        assert_eq!(echo.await.unwrap(), 12);
    });
}

#[test]
fn sockets_of_one_cook() {
    sockets(one_cook());
}

#[test]
fn sockets_of_many_cooks() {
    sockets(two_cooks());
}

/// A task waits for bytes that never come; the executor goes, and then the socket and its waker.
fn a_socket_outlives(executor: impl Executor) {
    let (here, there) = executor.block_on(connect());
    let here = Arc::new(here);
    let reader = executor.spawn({
        let here = here.clone();
        async move { here.read(&mut [0; 8]).await }
    });
    executor.block_on(async { brigade::yield_now().await });
    drop(executor);
    assert!(wait_for(reader).unwrap_err().is_aborted());
    // No event will come any more: an error, not a sleep without end.
    assert!(wait_for(here.read(&mut [0; 8])).is_err());
    drop((here, there));
}

#[test]
fn a_socket_outlives_one_cook() {
    a_socket_outlives(one_cook());
}

#[test]
fn a_socket_outlives_many_cooks() {
    a_socket_outlives(two_cooks());
}

/// hyper's buffer is handed to the socket without being filled first.
#[cfg(feature = "hyper")]
#[test]
fn hyper_reads_into_room_that_holds_nothing_yet() {
    use hyper::rt::{Read, ReadBuf};
    use std::mem::MaybeUninit;
    use std::pin::Pin;

    async fn read(stream: &mut (impl Read + Unpin), count: usize) -> Vec<u8> {
        let mut room = [MaybeUninit::uninit(); 16];
        let mut buffer = ReadBuf::uninit(&mut room);
        while buffer.filled().len() < count {
            poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buffer.unfilled()))
                .await
                .unwrap();
        }
        buffer.filled().to_vec()
    }

    one_cook().block_on(async {
        let (mut here, there) = connect().await;
        there.write_all(b"salt").await.unwrap();
        assert_eq!(read(&mut here, 4).await, b"salt");
        // As any other stream of futures-io.
        let mut here = brigade::hyper::Io::new(here);
        there.write_all(b"oil").await.unwrap();
        assert_eq!(read(&mut here, 3).await, b"oil");
    });
}
