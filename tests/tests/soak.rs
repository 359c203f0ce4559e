//! A soak test: runs all kinds of operations together for a chosen time, and injects faults. At the end, no
//! wake or task may be lost, and no descriptor or memory may leak.
//!
//! `BRIGADE_SOAK_MINUTES=20 cargo test --release -p brigade-tests --test soak -- --nocapture` runs the test
//! for 20 minutes. Without the variable, the test takes some seconds. `BRIGADE_SOAK_SEED=7` selects a
//! different seed.
//!
//! The test runs rounds (courses), each with many clients (guests) on a new executor. Signals interrupt
//! system calls, and for short periods no descriptor is free. Connections are reset, refused, half-closed and
//! dropped. Tasks are aborted. Polls, destructors and wakers panic. Each executor is dropped while some of
//! its tasks still run.
#![cfg(target_os = "linux")]

use std::future::{Future, pending};
use std::io;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Context;
use std::thread;
use std::time::{Duration, Instant};

use brigade::net::{TcpListener, TcpStream};
use brigade::time::{sleep, timeout};
use brigade::{Executor, SingleThread, WorkStealing};
use brigade_tests::{Counting, Dice, Dropped, Far, Hooks, at_rest, hooked_waker, setting, threads};

#[path = "soak/weather.rs"]
mod weather;

use weather::{Weather, feel_signals};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The number of clients per round.
const GUESTS: u64 = 200;
/// The number of actions per client.
const DEEDS: u64 = 25;

/// How long a client waits for an event before the event counts as lost.
const LOST: Duration = Duration::from_secs(60);

/// Counts of what happened, summed over all rounds.
#[derive(Default)]
struct Book {
    operations: AtomicU64,
    faults: AtomicU64,
    begun: AtomicU64,
    dropped: AtomicU64,
    lost_wakes: AtomicU64,
}

impl Book {
    fn operation(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    fn fault(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
    }
}

/// Every task owns one `Life`. Making the `Life` counts the task as begun, and dropping it counts the task as
/// ended.
struct Life(Arc<Book>);

impl Life {
    fn begin(book: &Arc<Book>) -> Self {
        book.begun.fetch_add(1, Ordering::Relaxed);
        Life(book.clone())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Panics without printing a message, because a run has thousands of these panics.
fn quiet_panic() -> ! {
    resume_unwind(Box::new("as the dice say"))
}

/// The values that each client needs.
#[derive(Clone)]
struct Table {
    book: Arc<Book>,
    listener: Arc<TcpListener>,
    far: Far,
}

/// Waits for an event that must come, and counts the event as lost if it does not come.
async fn must_come<F: Future>(book: &Book, wait: F) -> Option<F::Output> {
    let came = timeout(LOST, wait).await.ok();
    if came.is_none() {
        book.lost_wakes.fetch_add(1, Ordering::Relaxed);
    }
    came
}

/// Connects, and then either sends some bytes and reads them back, or causes one of several faults, as `dice`
/// decides. Without free descriptors, the connect may fail immediately.
async fn talk(table: &Table, dice: &mut Dice) -> io::Result<()> {
    let stream = TcpStream::connect(table.listener.local_addr()?).await?;
    match dice.roll(6) {
        // Reset the connection, with or without unread bytes.
        0 => {
            table.book.fault();
            stream.write_all(b"never mind").await?;
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        }
        // Cancel a read midway.
        1 => {
            table.book.fault();
            stream.write_all(b"anybody").await?;
            let mut buffer = [0; 16];
            let mut read = pin!(stream.read(&mut buffer));
            let _ = futures::poll!(read.as_mut());
        }
        // Close the write half. The reply still arrives, and then the end of the stream.
        2 => {
            table.book.fault();
            stream.write_all(b"and that was all").await?;
            stream.shutdown(std::net::Shutdown::Write)?;
            let mut had = 0;
            let mut buffer = [0; 64];
            while let Some(count @ 1..) = must_come(&table.book, stream.read(&mut buffer))
                .await
                .transpose()?
            {
                had += count;
            }
            assert_eq!(had, 16);
        }
        _ => {
            for length in [1, 700, 20_000] {
                let sent = vec![length as u8; length];
                stream.write_all(&sent).await?;
                let mut answer = vec![0; length];
                let mut had = 0;
                while had < length {
                    let read = stream.read(&mut answer[had..]);
                    match must_come(&table.book, read).await.transpose()? {
                        Some(count @ 1..) => had += count,
                        _ => return Ok(()),
                    }
                }
                assert_eq!(answer, sent);
            }
        }
    }
    Ok(())
}

/// Serves the other end of `talk`, until the round ends.
async fn serve(table: Table) {
    loop {
        let Ok((stream, _)) = table.listener.accept().await else {
            continue;
        };
        let life = Life::begin(&table.book);
        drop(brigade::spawn(async move {
            let _life = life;
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
        }));
    }
}

/// A foreign waker that panics when it is woken.
struct Hysteric;

impl Hooks for Hysteric {
    fn on_wake(&self) {
        quiet_panic();
    }
}

/// Runs a child task that panics, is aborted or ends in another abnormal way.
async fn child(table: &Table, dice: &mut Dice) {
    let life = Life::begin(&table.book);
    table.book.fault();
    match dice.roll(5) {
        0 => {
            let task = brigade::spawn(async move {
                let _life = life;
                brigade::yield_now().await;
                quiet_panic()
            });
            let ended: Result<(), _> = task.await;
            assert!(ended.unwrap_err().is_panic());
        }
        1 => {
            let task = brigade::spawn(async move {
                let _life = life;
                let _noisy = Dropped(|| quiet_panic());
                brigade::yield_now().await;
            });
            assert!(task.await.unwrap_err().is_panic());
        }
        2 => {
            let task = brigade::spawn(async move {
                let _life = life;
                Dropped(|| quiet_panic())
            });
            drop(task);
        }
        3 => {
            let task = brigade::spawn(async move {
                let _life = life;
                pending::<()>().await;
            });
            if dice.roll(2) == 0 {
                brigade::yield_now().await;
            }
            task.abort();
            assert!(
                must_come(&table.book, task)
                    .await
                    .is_none_or(|it| it.is_err())
            );
        }
        _ => {
            let task = brigade::spawn(async move {
                let _life = life;
                brigade::yield_now().await;
            });
            let mut task = pin!(task);
            let waker = hooked_waker(Arc::new(Hysteric));
            let polled = task.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_pending() {
                // This await replaces the panicking waker. On several workers, the task may call that waker
                // before it is replaced.
                must_come(&table.book, task).await;
            }
        }
    }
}

/// Runs one client with random actions.
fn guest(table: Table, mut dice: Dice, life: Life) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let _life = life;
        for _ in 0..DEEDS {
            table.book.operation();
            match dice.roll(10) {
                0 => brigade::yield_now().await,
                1 => sleep(Duration::from_micros(dice.roll(2_000))).await,
                2 | 3 => {
                    must_come(&table.book, table.far.wake()).await;
                }
                4 | 5 => {
                    // Without a free descriptor, or after a reset, an error is expected.
                    if talk(&table, &mut dice).await.is_err() {
                        table.book.fault();
                    }
                }
                6 => {
                    table.book.fault();
                    assert!(TcpStream::connect("127.0.0.1:1").await.is_err());
                }
                7 => {
                    table.book.fault();
                    let connect = TcpStream::connect("192.0.2.1:9");
                    let _ = timeout(Duration::from_micros(dice.roll(500)), connect).await;
                }
                8 => {
                    let job = brigade::spawn_blocking(|| 42);
                    if let Some(answer) = must_come(&table.book, job).await {
                        assert_eq!(answer.unwrap(), 42);
                    }
                }
                _ => child(&table, &mut dice).await,
            }
        }
    })
}

/// Runs one round. The clients run, and some of them are aborted. Then the executor is dropped with tasks in
/// every state.
fn course(executor: impl Executor, seed: u64, book: &Arc<Book>) {
    let (far, waker) = Far::begin();
    let mut dice = Dice(seed);
    executor.block_on(async {
        let listener = loop {
            match TcpListener::bind("127.0.0.1:0").await {
                Ok(listener) => break Arc::new(listener),
                Err(_) => sleep(Duration::from_millis(1)).await,
            }
        };
        let table = Table {
            book: book.clone(),
            listener,
            far,
        };
        let serving = brigade::spawn(serve(table.clone()));
        let guests: Vec<_> = (0..GUESTS)
            .map(|_| {
                let dice = dice.others();
                brigade::spawn(guest(table.clone(), dice, Life::begin(book)))
            })
            .collect();
        for guest in guests {
            if dice.roll(10) == 0 {
                book.fault();
                guest.abort();
            }
            match must_come(book, guest).await {
                Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
                _ => {}
            }
        }
        // These tasks still exist when the executor is dropped.
        for _ in 0..20 {
            let dice = dice.others();
            drop(brigade::spawn(guest(
                table.clone(),
                dice,
                Life::begin(book),
            )));
        }
        brigade::yield_now().await;
        drop((serving, table));
    });
    drop(executor);
    waker.join().unwrap();
}

/// Runs one round. The round's number selects the kind of executor. If no descriptor is free, no executor can
/// be made, so the function tries again.
fn serve_course(number: u64, seed: u64, book: &Arc<Book>) {
    let seed = seed.wrapping_add(number);
    loop {
        let built = match number % 3 {
            0 => SingleThread::new().map(|one| course(one, seed, book)),
            1 => WorkStealing::with_workers(2).map(|two| course(two, seed, book)),
            _ => WorkStealing::with_workers(4).map(|four| course(four, seed, book)),
        };
        match built {
            Ok(()) => return,
            Err(_) => book.fault(),
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Runs a few rounds without process-wide faults. Then returns how many descriptors are open, and how many
/// bytes are allocated. If a round before this call leaked, these numbers are higher than those
/// of the previous call.
fn calm_down(seed: u64, book: &Arc<Book>, threads: usize) -> (usize, i64) {
    for number in 0..6 {
        serve_course(number, seed, book);
    }
    at_rest(threads)
}

#[test]
fn nothing_is_lost_and_nothing_is_left() {
    let minutes = setting::<f64>("BRIGADE_SOAK_MINUTES");
    let seed = setting("BRIGADE_SOAK_SEED").unwrap_or(1);
    feel_signals();
    let threads = threads();
    let book = Arc::<Book>::default();
    // Some memory is allocated only once per process. These rounds allocate it, so that it does not count as
    // leaked below.
    let weather = Weather::begin(seed);
    for number in 0..6 {
        serve_course(number, seed, &book);
    }
    weather.end();
    let before = calm_down(seed, &book, threads);
    let began = Instant::now();
    let mut courses = 0;
    let weather = Weather::begin(seed);
    // Without a time limit, the test runs three rounds on each kind of executor.
    while minutes.map_or(courses < 9, |it| began.elapsed().as_secs_f64() < it * 60.0) {
        serve_course(courses, seed, &book);
        courses += 1;
    }
    let weather = weather.end();
    let after = calm_down(seed, &book, threads);
    let get = |it: &AtomicU64| it.load(Ordering::Relaxed);
    let lost_tasks = get(&book.begun) - get(&book.dropped);
    let descriptors = after.0 as i64 - before.0 as i64;
    let bytes = after.1 - before.1;
    println!(
        "{courses} courses in {:.1} s: {} operations, {} tasks, {} faults; lost wakes {}, lost tasks \
         {lost_tasks}, leaked descriptors {descriptors}, leaked bytes {bytes}",
        began.elapsed().as_secs_f64(),
        get(&book.operations),
        get(&book.begun),
        get(&book.faults) + weather,
        get(&book.lost_wakes),
    );
    assert_eq!(get(&book.lost_wakes), 0, "lost wakes");
    assert_eq!(lost_tasks, 0, "lost tasks");
    assert_eq!((descriptors, bytes), (0, 0), "leaked descriptors and bytes");
    assert_eq!(Arc::strong_count(&book), 1);
}
