//! Tests custom executors. An executor that is not part of brigade runs brigade's tasks, sockets and timers.
//! Safe code that uses `brigade::custom` cannot cause a memory error.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::Duration;

use brigade::custom::{Queue, Ready, Runtime};
use brigade::net::{TcpListener, TcpStream};
use brigade::{Executor, Handle, WorkStealing};
use brigade_tests::{Tally, one_cook, text_of};

#[path = "../../../runtime/examples/priority.rs"]
#[allow(dead_code, reason = "it has a main function too")]
mod priority;

use priority::{Priority, Urgency};

fn executor() -> Priority {
    Priority::new().unwrap()
}

/// A log into which tasks write their names.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    async fn note(self, name: char) {
        self.0.lock().unwrap().push(name);
    }
}

fn the_most_urgent_runs_first_whenever_it_is_woken() {
    let (executor, log) = (executor(), Log::default());
    let spawn = |urgency, name| executor.spawn_at(urgency, log.clone().note(name));
    let all = [
        spawn(Urgency::Later, 'e'),
        spawn(Urgency::Normal, 'c'),
        spawn(Urgency::Later, 'f'),
        spawn(Urgency::Urgent, 'a'),
        spawn(Urgency::Normal, 'd'),
        spawn(Urgency::Urgent, 'b'),
    ];
    executor.block_on(async {
        for task in all {
            task.await.unwrap();
        }
    });
    assert_eq!(*log.0.lock().unwrap(), "abcdef");
}

fn sockets_timers_and_free_functions_work() {
    let executor = executor();
    let text = executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = brigade::spawn(async move {
            let (stream, _) = listener.accept().await?;
            brigade::time::sleep(Duration::from_millis(1)).await;
            stream.write_all(b"served").await
        });
        let stream = TcpStream::connect(address).await?;
        let mut buffer = [0; 6];
        stream.read_exact(&mut buffer).await?;
        server.await.unwrap()?;
        let last = brigade::spawn_blocking(|| b'!').await.unwrap();
        std::io::Result::Ok([&buffer[..], &[last]].concat())
    });
    assert_eq!(text.unwrap(), b"served!");
}

fn other_threads_spawn_wake_and_join() {
    let executor = executor();
    let handle = executor.handle();
    let (send, receive) = mpsc::channel();
    let (wake_main, mut woken) = (Arc::new(AtomicUsize::new(0)), None);
    let stranger = std::thread::spawn(move || {
        for number in 0..100 {
            send.send(handle.spawn(async move { number })).unwrap();
        }
    });
    let done = wake_main.clone();
    let sum = executor.block_on(async move {
        let mut sum = 0;
        for _ in 0..100 {
            sum += receive.recv().unwrap().await.unwrap();
        }
        // Another thread wakes the main future while no task is ready.
        std::future::poll_fn(|cx| {
            if done.load(Ordering::Acquire) == 1 {
                return std::task::Poll::Ready(());
            }
            let (done, waker) = (done.clone(), cx.waker().clone());
            woken.get_or_insert_with(|| {
                std::thread::spawn(move || {
                    done.store(1, Ordering::Release);
                    waker.wake();
                })
            });
            std::task::Poll::Pending
        })
        .await;
        sum
    });
    stranger.join().unwrap();
    assert_eq!(sum, 99 * 100 / 2);
}

fn a_dropped_executor_drops_every_future_once() {
    let dropped = Tally::new();
    let executor = executor();
    let waits = || {
        let dropped = dropped.on_drop();
        async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
        }
    };
    let idle = executor.spawn(waits());
    executor.block_on(brigade::yield_now());
    let ready = executor.spawn_at(Urgency::Later, waits());
    let handle = executor.handle();
    drop(executor);
    assert_eq!(dropped.get(), 2);
    let late = handle.spawn(waits());
    assert_eq!(dropped.get(), 3);
    for task in [idle, ready, late] {
        assert!(task.is_finished());
        assert!(brigade::run(task).unwrap_err().is_aborted());
    }
}

fn aborting_and_panicking_end_a_task_and_nothing_else() {
    let executor = executor();
    let idle = executor.spawn(std::future::pending::<()>());
    let burnt = executor.spawn(async { panic!("burnt") });
    executor.block_on(async {
        assert!(burnt.await.unwrap_err().is_panic());
        idle.abort();
        assert!(idle.await.unwrap_err().is_aborted());
    });
    assert_eq!(executor.metrics().in_flight, 0);
}

fn a_waker_outlives_the_executor() {
    let executor = executor();
    let (send, receive) = mpsc::channel();
    let task = executor.spawn(std::future::poll_fn(move |cx| {
        send.send(cx.waker().clone()).unwrap();
        std::task::Poll::<()>::Pending
    }));
    executor.block_on(brigade::yield_now());
    let waker = receive.recv().unwrap();
    drop(executor);
    waker.wake_by_ref();
    drop(task);
    waker.wake();
}

/// A queue that cancels pushed tasks if `throws` is set. The queue records whether it was dropped during a
/// call of its own `push`.
struct Thrower {
    throws: AtomicBool,
    pushing: Arc<AtomicBool>,
    kept: Mutex<Vec<Ready>>,
    dropped_in_push: Arc<AtomicBool>,
}

impl Queue for Thrower {
    fn push(&self, task: Ready) {
        if !self.throws.load(Ordering::Relaxed) {
            return self.kept.lock().unwrap().push(task);
        }
        let pushing = self.pushing.clone();
        pushing.store(true, Ordering::Relaxed);
        drop(task);
        pushing.store(false, Ordering::Relaxed);
    }
}

impl Drop for Thrower {
    fn drop(&mut self) {
        let inside = self.pushing.load(Ordering::Relaxed);
        self.dropped_in_push.store(inside, Ordering::Relaxed);
    }
}

/// A task holds the last reference to its scheduler. While the scheduler pushes the task into its queue, the
/// queue cancels the task.
fn a_queue_may_cancel_a_task_whose_poll_dropped_the_last_spawner() {
    let runtime = Runtime::new(Arc::new(drop::<Ready>)).unwrap();
    let dropped_in_push = Arc::new(AtomicBool::new(false));
    let queue = Arc::new(Thrower {
        throws: AtomicBool::new(false),
        pushing: Arc::default(),
        kept: Mutex::default(),
        dropped_in_push: dropped_in_push.clone(),
    });
    let spawner = Arc::new(Mutex::new(Some(runtime.spawner(queue.clone()))));
    let last = spawner.clone();
    let task = async move {
        last.lock().unwrap().take();
        brigade::yield_now().await;
    };
    drop(spawner.lock().unwrap().as_ref().unwrap().spawn(task));
    queue.throws.store(true, Ordering::Relaxed);
    let ready = queue.kept.lock().unwrap().pop().unwrap();
    drop(queue);
    ready.run();
    assert!(spawner.lock().unwrap().is_none());
    assert!(!dropped_in_push.load(Ordering::Relaxed));
}

/// After `enter`, the runtime is no longer current, even if `enter` panics.
fn no_runtime_is_current_after_enter() {
    let runtime = Runtime::new(Arc::new(drop::<Ready>)).unwrap();
    runtime.enter("test", || assert!(Handle::try_current().is_some()));
    assert!(Handle::try_current().is_none());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        runtime.enter("test", || panic!("burnt"));
    }));
    assert_eq!(text_of(&*panicked.unwrap_err()), "burnt");
    assert!(Handle::try_current().is_none());
    let twice = catch_unwind(AssertUnwindSafe(|| {
        runtime.enter("outer", || runtime.enter("inner", || ()));
    }));
    assert!(text_of(&*twice.unwrap_err()).contains("inner was called inside"));
    drop(runtime);
    assert!(catch_unwind(|| drop(brigade::spawn(async {}))).is_err());
}

/// If a runtime is dropped without being closed, the tasks that still wait are dropped.
fn a_dropped_runtime_drops_the_tasks_that_wait() {
    let drops = Tally::new();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let queue = kept.clone();
    let runtime = Runtime::new(Arc::new(move |task| queue.lock().unwrap().push(task))).unwrap();
    let spy = drops.on_drop();
    let task = runtime.handle().spawn(async move {
        let _spy = spy;
        std::future::pending::<()>().await;
    });
    let ready: Ready = kept.lock().unwrap().pop().unwrap();
    ready.run();
    drop(runtime);
    assert_eq!(drops.get(), 1);
    assert!(task.is_finished());
}

/// A runtime that closes refuses new tasks and does not count them, so it must not count their ends either.
/// In this test, the destructor of a counted task spawns another task, which the runtime refuses.
fn a_refused_task_is_not_counted() {
    struct Spawns(Handle, mpsc::Sender<(bool, usize, usize)>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let before = self.0.metrics().in_flight;
            let refused = self.0.spawn(async {});
            let after = self.0.metrics().in_flight;
            let _ = self.1.send((refused.is_finished(), before, after));
        }
    }
    let kept = Arc::new(Mutex::new(Vec::new()));
    let queue = kept.clone();
    let runtime = Runtime::new(Arc::new(move |task: Ready| {
        queue.lock().unwrap().push(task)
    }))
    .unwrap();
    let (send, receive) = mpsc::channel();
    let spawns = Spawns(runtime.handle(), send);
    let living = runtime.handle().spawn(async move {
        let _spawns = spawns;
        std::future::pending::<()>().await;
    });
    runtime.close(|| kept.lock().unwrap().pop());
    assert_eq!(receive.recv().unwrap(), (true, 1, 1));
    assert!(living.is_finished());
    assert_eq!(runtime.handle().metrics().in_flight, 0);
}

/// The queue panics in `push`. The push happens on a worker of another executor, because the pushed task
/// awaits a task of that executor.
fn a_queue_that_panics_cancels_the_task_and_harms_no_other_executor() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let queue = kept.clone();
    let full = Arc::new(AtomicBool::new(false));
    let is_full = full.clone();
    let runtime = Runtime::new(Arc::new(move |task: Ready| {
        assert!(!is_full.load(Ordering::SeqCst), "no room");
        queue.lock().unwrap().push(task);
    }))
    .unwrap();
    let other = WorkStealing::with_workers(1).unwrap();
    let (send, receive) = mpsc::channel();
    let awaited = other.spawn(async move {
        while receive.try_recv().is_err() {
            brigade::yield_now().await;
        }
    });
    let waiting = runtime.handle().spawn(awaited);
    let ready: Ready = kept.lock().unwrap().pop().unwrap();
    ready.run();
    full.store(true, Ordering::SeqCst);
    send.send(()).unwrap();
    // If the worker had died, this spawn would return an aborted handle.
    other.block_on(async {
        while !waiting.is_finished() {
            brigade::spawn(async {}).await.unwrap();
        }
        assert!(waiting.await.unwrap_err().is_aborted());
    });
}

/// A task gets no new budget by running another task.
fn a_nested_run_leaves_the_outer_budget() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let queue = kept.clone();
    let runtime = Runtime::new(Arc::new(move |task| queue.lock().unwrap().push(task))).unwrap();
    let outer = brigade::SingleThread::new().unwrap();
    outer.block_on(async {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        drop(brigade::spawn(
            async move { told.store(true, Ordering::SeqCst) },
        ));
        let mut runs = 0;
        while !over.load(Ordering::SeqCst) {
            runs += 1;
            assert!(runs < 10_000, "the other task never runs");
            drop(runtime.handle().spawn(async {}));
            let ready: Ready = kept.lock().unwrap().pop().unwrap();
            ready.run();
            brigade::task::consume_budget().await;
        }
    });
}

/// If the closure that is passed to `close` panics, the runtime is still closed completely.
fn a_panic_in_close_still_closes() {
    let runtime = Runtime::new(Arc::new(drop::<Ready>)).unwrap();
    let handle = runtime.handle();
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.close(|| panic!("burnt"))));
    assert!(ended.is_err());
    drop(runtime);
    // The pool is closed, so the job is aborted. The timers are closed, so the sleep needs no driver.
    assert!(handle.spawn_blocking(|| ()).is_finished());
    let sleeper = std::thread::spawn(move || {
        handle.block_on(async { brigade::time::sleep(Duration::from_millis(1)).await });
    });
    sleeper.join().unwrap();
}

/// A worker of another executor drops the last task of a queue, and with it the queue. The queue's destructor
/// panics. The worker must survive.
fn a_queue_whose_drop_panics_harms_no_other_executor() {
    struct Bomb(Arc<Mutex<Vec<Ready>>>);
    impl Queue for Bomb {
        fn push(&self, task: Ready) {
            self.0.lock().unwrap().push(task);
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a queue panics when it is dropped");
        }
    }
    let other = WorkStealing::with_workers(1).unwrap();
    let (open, door) = async_channel::bounded::<()>(1);
    let awaited = other.spawn(async move { _ = door.recv().await });
    let awaited = Arc::new(Mutex::new(awaited));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let runtime = Runtime::new(Arc::new(drop::<Ready>)).unwrap();
    let spawner = runtime.spawner(Arc::new(Bomb(kept.clone())));
    // This task polls the handle of the other executor's task, and ends. The waker of this task stays in the
    // handle until the other task ends.
    let polled = awaited.clone();
    drop(spawner.spawn(poll_fn(move |cx| {
        assert!(pin!(&mut *polled.lock().unwrap()).poll(cx).is_pending());
        Poll::Ready(())
    })));
    let ready = kept.lock().unwrap().pop().unwrap();
    ready.run();
    drop((spawner, runtime));
    other.block_on(async {
        open.send(()).await.unwrap();
        for _ in 0..100 {
            brigade::spawn(async {}).await.expect("the worker has died");
            brigade::yield_now().await;
        }
    });
}

/// A queue whose next push waits at a gate, as if its thread were preempted just before the push.
#[derive(Default)]
struct Gated {
    kept: Mutex<Vec<Ready>>,
    gate: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

impl Gated {
    fn take(&self) -> Option<Ready> {
        self.kept.lock().unwrap().pop()
    }
}

impl Queue for Gated {
    fn push(&self, task: Ready) {
        let gate = self.gate.lock().unwrap().take();
        if let Some((entered, open)) = gate {
            entered.send(()).unwrap();
            open.recv().unwrap();
        }
        self.kept.lock().unwrap().push(task);
    }
}

/// Another thread wakes or spawns a task, and pushes it only after the runtime has closed. `close` has
/// already ended the task, so the late push must have no effect. The queue must not keep itself alive.
fn a_push_after_close_is_harmless() {
    for (spawns, runs) in [(false, false), (false, true), (true, false), (true, true)] {
        let (queue, drops) = (Arc::new(Gated::default()), Tally::new());
        let runtime = Runtime::new(queue.clone()).unwrap();
        let (handle, (send, wakers)) = (runtime.handle(), mpsc::channel());
        let waits = move |spy| {
            let send = send.clone();
            poll_fn(move |cx| {
                let _spy = &spy;
                send.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            })
        };
        let waiting = handle.spawn(waits(drops.on_drop()));
        queue.take().unwrap().run();
        let ((entered, inside), (open, closed)) = (mpsc::channel(), mpsc::channel());
        *queue.gate.lock().unwrap() = Some((entered, closed));
        let spy = drops.on_drop();
        let stranger = std::thread::spawn(move || {
            let waker = wakers.recv().unwrap();
            if spawns {
                return handle.spawn(waits(spy)).is_finished();
            }
            waker.wake();
            true
        });
        inside.recv().unwrap();
        runtime.close(|| queue.take());
        assert!(waiting.is_finished(), "`close` did not end the task");
        open.send(()).unwrap();
        assert!(
            stranger.join().unwrap(),
            "the new task was not ended by `close`"
        );
        assert_eq!(drops.get(), 2);
        if runs {
            queue.take().unwrap().run();
        }
        let alive = Arc::downgrade(&queue);
        drop((runtime, queue));
        assert_eq!(alive.strong_count(), 0, "the queue keeps itself alive");
    }
}

/// The runtime closes while another thread polls a task. The task is cancelled when its poll ends.
fn a_task_that_is_being_polled_ends_after_close() {
    let (queue, drops) = (Arc::new(Gated::default()), Tally::new());
    let runtime = Runtime::new(queue.clone()).unwrap();
    let ((entered, inside), (open, closed)) = (mpsc::channel(), mpsc::channel());
    let (spy, closed) = (drops.on_drop(), Mutex::new(closed));
    let task = runtime.handle().spawn(poll_fn(move |_| {
        let _spy = &spy;
        entered.send(()).unwrap();
        closed.lock().unwrap().recv().unwrap();
        Poll::<()>::Pending
    }));
    let ready = queue.take().unwrap();
    let stranger = std::thread::spawn(move || ready.run());
    inside.recv().unwrap();
    runtime.close(|| queue.take());
    assert!(!task.is_finished() && drops.get() == 0);
    open.send(()).unwrap();
    stranger.join().unwrap();
    assert!(task.is_finished() && drops.get() == 1);
}

one_cook!(
    a_push_after_close_is_harmless,
    a_task_that_is_being_polled_ends_after_close,
    a_nested_run_leaves_the_outer_budget,
    a_panic_in_close_still_closes,
    a_queue_whose_drop_panics_harms_no_other_executor,
    a_refused_task_is_not_counted,
    a_queue_that_panics_cancels_the_task_and_harms_no_other_executor,
    the_most_urgent_runs_first_whenever_it_is_woken,
    sockets_timers_and_free_functions_work,
    other_threads_spawn_wake_and_join,
    a_dropped_executor_drops_every_future_once,
    aborting_and_panicking_end_a_task_and_nothing_else,
    a_waker_outlives_the_executor,
    a_queue_may_cancel_a_task_whose_poll_dropped_the_last_spawner,
    no_runtime_is_current_after_enter,
    a_dropped_runtime_drops_the_tasks_that_wait,
);

#[test]
fn it_takes_fewer_than_150_lines() {
    let source = include_str!("../../../runtime/examples/priority.rs");
    assert!(source.lines().count() < 150);
}
