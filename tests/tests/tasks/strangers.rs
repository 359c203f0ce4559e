//! Tests handles that are awaited on other threads, under other executors, and with wakers that run user
//! code.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use brigade::task::{AbortHandle, JoinHandle};
use brigade::{Executor, Handle, WorkStealing};
use brigade_tests::{
    CountingWaker, Hooks, Kitchen, Tally, hooked_waker, on_both, one_cook, park_on, poll_with,
    text_of, wake_a_clone,
};

/// A thread without an executor can await a handle.
fn a_parked_thread_can_await_a_task<K: Kitchen>() {
    let executor = K::open();
    let (open, gate) = async_channel::bounded::<()>(1);
    let (is_closed, closed) = async_channel::bounded::<()>(1);
    let handle = executor.spawn(async move {
        gate.recv().await.unwrap();
        42
    });
    let elsewhere = thread::spawn(move || {
        let answer = park_on(handle).unwrap();
        is_closed.try_send(()).unwrap();
        answer
    });
    executor.block_on(async {
        open.send(()).await.unwrap();
        closed.recv().await.unwrap();
    });
    assert_eq!(elsewhere.join().unwrap(), 42);
}

/// The executor of the futures crate can await a handle.
fn another_executor_can_await_a_task<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (is_done, done) = async_channel::bounded::<usize>(1);
    let elsewhere = thread::spawn(move || {
        let sum = futures::executor::block_on(async {
            let tasks: Vec<_> = (0..100).map(|n| handle.spawn(async move { n })).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        is_done.try_send(sum).unwrap();
    });
    assert_eq!(executor.block_on(done.recv()).unwrap(), 4950);
    elsewhere.join().unwrap();
}

/// A handle is polled on one thread and then awaited on another thread. This other thread must be woken.
fn a_handle_may_move_between_threads<K: Kitchen>() {
    let executor = K::open();
    let (open, gate) = async_channel::bounded::<()>(1);
    let (is_done, done) = async_channel::bounded::<()>(1);
    let mut handle = executor.spawn(async move {
        gate.recv().await.unwrap();
        7
    });
    let (is_polled, polled) = async_channel::bounded::<()>(1);
    let first = CountingWaker::new();
    assert!(poll_with(&mut handle, &Waker::from(first.clone())).is_pending());
    let (handles, moved) = mpsc::channel();
    let elsewhere = thread::spawn(move || {
        let mut handle: JoinHandle<i32> = moved.recv().unwrap();
        let second = CountingWaker::new();
        assert!(poll_with(&mut handle, &Waker::from(second)).is_pending());
        is_polled.try_send(()).unwrap();
        let answer = park_on(handle);
        is_done.try_send(()).unwrap();
        answer
    });
    handles.send(handle).unwrap();
    executor.block_on(async {
        polled.recv().await.unwrap();
        open.send(()).await.unwrap();
        done.recv().await.unwrap();
    });
    assert_eq!(elsewhere.join().unwrap().unwrap(), 7);
}

/// If a handle is polled with one waker and then with another, only the second waker is called.
fn only_the_last_waker_of_a_handle_is_called<K: Kitchen>() {
    let executor = K::open();
    let (open, gate) = async_channel::bounded::<()>(1);
    let (first, second) = (CountingWaker::new(), CountingWaker::new());
    let mut handle = executor.spawn(async move { gate.recv().await.unwrap() });
    assert!(poll_with(&mut handle, &first.clone().into()).is_pending());
    assert!(poll_with(&mut handle, &first.clone().into()).is_pending());
    assert!(poll_with(&mut handle, &second.clone().into()).is_pending());
    executor.block_on(async {
        open.send(()).await.unwrap();
        while second.count() == 0 {
            brigade::yield_now().await;
        }
    });
    assert!(poll_with(&mut handle, Waker::noop()).is_ready());
    assert_eq!((first.count(), second.count()), (0, 1));
    // The task keeps neither of the two wakers alive.
    assert_eq!(Arc::strong_count(&first), 1);
    assert_eq!(Arc::strong_count(&second), 1);
}

/// A dropped handle leaves no waker behind.
fn a_dropped_handle_lets_go_of_its_waker<K: Kitchen>() {
    let executor = K::open();
    let waker = CountingWaker::new();
    let mut handle = executor.spawn(pending::<()>());
    assert!(poll_with(&mut handle, &waker.clone().into()).is_pending());
    drop(handle);
    executor.block_on(brigade::yield_now());
    assert_eq!(Arc::strong_count(&waker), 1);
    assert_eq!(waker.count(), 0);
}

/// tokio #5429 and similar: the functions of a foreign waker may call brigade's API, because brigade holds no
/// lock while it calls them.
fn a_waker_may_come_back_into_the_api<K: Kitchen>() {
    struct Meddler {
        handle: Handle,
        abort: OnceLock<AbortHandle>,
        other: Waker,
        calls: Tally,
        spawned: Tally,
    }
    impl Meddler {
        fn meddle(&self) {
            self.calls.add();
            let spawned = self.spawned.clone();
            drop(self.handle.spawn(async move { spawned.add() }));
            self.other.wake_by_ref();
            if let Some(abort) = self.abort.get() {
                abort.abort();
                let _ = (abort.is_finished(), abort.id(), format!("{abort:?}"));
            }
            let _ = self.handle.metrics();
        }
    }
    impl Hooks for Meddler {
        fn on_clone(&self) {
            self.meddle();
        }
        fn on_wake(&self) {
            self.meddle();
        }
        fn on_drop(&self) {
            self.meddle();
        }
    }

    let executor = K::open();
    let (open, gate) = async_channel::bounded::<()>(1);
    let (wakers, waker) = mpsc::channel();
    let mut sleeper = executor.spawn(std::future::poll_fn(move |cx| {
        let _ = wakers.send(cx.waker().clone());
        Poll::<()>::Pending
    }));
    executor.block_on(async { while poll_with(&mut sleeper, Waker::noop()).is_ready() {} });
    executor.block_on(brigade::yield_now());
    let other = executor.block_on(async {
        loop {
            match waker.try_recv() {
                Ok(waker) => return waker,
                Err(_) => brigade::yield_now().await,
            }
        }
    });
    let meddler = Arc::new(Meddler {
        handle: executor.handle(),
        abort: OnceLock::new(),
        other,
        calls: Tally::new(),
        spawned: Tally::new(),
    });
    let mut task = executor.spawn(async move { gate.recv().await.is_ok() });
    let _ = meddler.abort.set(sleeper.abort_handle());
    let waker = hooked_waker(meddler.clone());
    executor.block_on(async {
        assert!(poll_with(&mut task, &waker).is_pending());
        assert!(poll_with(&mut task, Waker::noop()).is_pending());
        assert!(poll_with(&mut task, &waker).is_pending());
        open.send(()).await.unwrap();
        while !task.is_finished() {
            brigade::yield_now().await;
        }
        assert!(matches!(
            poll_with(&mut task, &waker),
            Poll::Ready(Ok(true))
        ));
        drop(task);
        drop(waker);
        assert!(sleeper.await.unwrap_err().is_aborted());
        while meddler.spawned.get() < meddler.calls.get() {
            brigade::yield_now().await;
        }
    });
    // At least five calls are made: clone, drop of the replaced clone, second clone, wake, and drop of the
    // original.
    assert!(meddler.calls.get() >= 5, "{}", meddler.calls.get());
}

/// tokio #4055, #3689: a waker panics when it is woken. This panic affects no task.
fn a_waker_may_panic_on_wake<K: Kitchen>() {
    struct Bomb;
    impl Hooks for Bomb {
        fn on_wake(&self) {
            panic!("a stranger's waker panics");
        }
    }
    let executor = K::open();
    let waker = hooked_waker(Arc::new(Bomb));
    let (open, gate) = async_channel::unbounded::<()>();
    let mut tasks: Vec<_> = (0..3)
        .map(|n| {
            let gate = gate.clone();
            executor.spawn(async move {
                gate.recv().await.unwrap();
                n
            })
        })
        .collect();
    for task in &mut tasks[..2] {
        assert!(poll_with(task, &waker).is_pending());
    }
    executor.block_on(async {
        for _ in 0..3 {
            open.send(()).await.unwrap();
        }
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
    });
}

/// A set calls a waker that panics. The set loses no member, and adding a task to the set does not panic.
fn a_set_survives_the_panic_of_its_waiter<K: Kitchen>() {
    struct Bomb;
    impl Hooks for Bomb {
        fn on_wake(&self) {
            panic!("a stranger's waker panics");
        }
    }
    /// Far more members than one poll may join.
    const MEMBERS: usize = 5_000;
    let executor = K::open();
    let waker = hooked_waker(Arc::new(Bomb));
    executor.block_on(async {
        let mut set = brigade::task::JoinSet::new();
        for n in 0..MEMBERS {
            set.spawn(async move { n });
        }
        while set.len() < MEMBERS || brigade::Handle::current().metrics().in_flight > 0 {
            brigade::yield_now().await;
        }
        let mut joined = 0;
        let ended = catch_unwind(AssertUnwindSafe(|| {
            while set
                .poll_join_next(&mut Context::from_waker(&waker))
                .is_ready()
            {
                joined += 1;
            }
        }));
        // When the budget was used up, the set called the waker, which panicked.
        assert!(ended.is_err() && joined < MEMBERS);
        while set.join_next().await.is_some() {
            joined += 1;
        }
        assert_eq!(joined, MEMBERS);
        set.spawn(std::future::pending());
        while set
            .poll_join_next(&mut Context::from_waker(&waker))
            .is_ready()
        {}
        set.spawn(async { 0 });
        set.join_next().await.unwrap().unwrap();
        let _ = set.poll_join_next(&mut Context::from_waker(&waker));
        set.detach_all();
    });
}

/// A foreign waker is registered with a set, and owns the executor of the set's tasks. Dropping the waker
/// drops the executor.
fn a_sets_waiter_may_drop_the_executor() {
    struct Keeper(Mutex<Option<WorkStealing>>);
    impl Wake for Keeper {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Keeper {
        fn drop(&mut self) {
            drop(self.0.get_mut().unwrap().take());
        }
    }
    let executor = WorkStealing::with_workers(1).unwrap();
    let mut set = brigade::task::JoinSet::new();
    set.spawn_on(pending::<()>(), &executor.handle());
    let waker = Waker::from(Arc::new(Keeper(Mutex::new(Some(executor)))));
    assert!(
        set.poll_join_next(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    drop(set);
}

/// While a task unwinds, it drops a socket that holds the last reference to a foreign waker. The waker's
/// destructor panics. The socket must catch this second panic, which would abort the process.
fn a_socket_contains_the_panic_of_a_waker<K: Kitchen>() {
    struct DropBomb;
    impl Wake for DropBomb {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for DropBomb {
        fn drop(&mut self) {
            panic!("a stranger's waker panics when it is dropped");
        }
    }
    K::open().block_on(async {
        for by_poll_function in [false, true] {
            let task = brigade::spawn(async move {
                let socket = brigade::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let mut readable = Box::pin(socket.readable());
                let waker = Waker::from(Arc::new(DropBomb));
                let cx = &mut Context::from_waker(&waker);
                if by_poll_function {
                    assert!(socket.poll_read_ready(cx).is_pending());
                } else {
                    assert!(readable.as_mut().poll(cx).is_pending());
                }
                drop(waker);
                panic!("the task's own panic");
            });
            let error = task.await.unwrap_err();
            assert!(text_of(&*error.into_panic()).contains("own panic"));
        }
    });
}

/// A foreign waker panics when it is cloned or dropped on a thread other than the one that polled the handle.
/// The executor continues.
fn a_waker_may_panic_on_clone_or_drop_elsewhere<K: Kitchen>() {
    /// Panics at call number `at` (from 0) of the clone hook, or of the drop hook if `on_clone` is false.
    /// Calls on the thread `home` do not count.
    struct Bomb {
        at: usize,
        clones: AtomicUsize,
        on_clone: bool,
        home: thread::ThreadId,
    }
    impl Bomb {
        fn tick(&self) {
            if thread::current().id() != self.home
                && self.clones.fetch_add(1, Ordering::SeqCst) == self.at
            {
                panic!("a stranger's waker panics");
            }
        }
    }
    impl Hooks for Bomb {
        fn on_clone(&self) {
            if self.on_clone {
                self.tick();
            }
        }
        fn on_drop(&self) {
            if !self.on_clone {
                self.tick();
            }
        }
    }
    for on_clone in [true, false] {
        for at in 0..3 {
            let executor = K::open();
            let (open, gate) = async_channel::bounded::<()>(1);
            let mut handle = executor.spawn(async move { gate.recv().await.is_ok() });
            let (polled, is_polled) = async_channel::bounded::<()>(1);
            let elsewhere = thread::spawn(move || {
                let waker = hooked_waker(Arc::new(Bomb {
                    at,
                    clones: AtomicUsize::new(0),
                    on_clone,
                    home: thread::current().id(),
                }));
                assert!(poll_with(&mut handle, &waker).is_pending());
                assert!(poll_with(&mut handle, Waker::noop()).is_pending());
                assert!(poll_with(&mut handle, &waker).is_pending());
                polled.try_send(()).unwrap();
                handle
            });
            executor.block_on(async {
                is_polled.recv().await.unwrap();
                open.send(()).await.unwrap();
                assert!(elsewhere.join().unwrap().await.unwrap());
            });
            assert_eq!(executor.block_on(async { 42 }), 42);
        }
    }
}

/// If cloning a new waker panics, the previous waker stays registered. This holds even if the previous waker
/// was registered on another thread.
fn a_waker_that_cannot_be_cloned_replaces_nobody<K: Kitchen>() {
    struct Bomb;
    impl Hooks for Bomb {
        fn on_clone(&self) {
            panic!("a stranger's waker panics");
        }
    }
    for by_letter in [false, true] {
        let executor = K::open();
        let (open, gate) = async_channel::bounded::<()>(1);
        let mut handle = executor.spawn(async move { gate.recv().await.is_ok() });
        let first = CountingWaker::new();
        let waker = Waker::from(first.clone());
        if by_letter {
            thread::scope(|scope| {
                scope.spawn(|| assert!(poll_with(&mut handle, &waker).is_pending()));
            });
        } else {
            assert!(poll_with(&mut handle, &waker).is_pending());
        }
        let bomb = hooked_waker(Arc::new(Bomb));
        catch_unwind(AssertUnwindSafe(|| poll_with(&mut handle, &bomb))).unwrap_err();
        executor.block_on(async {
            open.send(()).await.unwrap();
            while !handle.is_finished() || first.count() == 0 {
                brigade::yield_now().await;
            }
            assert!(handle.await.unwrap());
        });
    }
}

/// ngx-rust #294, compio #1044: a wake returns immediately, even if the caller holds a lock that the woken
/// task needs.
fn a_wake_under_a_lock_runs_nothing<K: Kitchen>() {
    let executor = K::open();
    let lock = Arc::new(Mutex::new(0));
    let (wakers, waker) = mpsc::channel::<Waker>();
    let done = Arc::new(AtomicBool::new(false));
    let task = executor.spawn({
        let (lock, done) = (lock.clone(), done.clone());
        std::future::poll_fn(move |cx| {
            *lock.lock().unwrap() += 1;
            if done.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            let _ = wakers.send(cx.waker().clone());
            Poll::Pending
        })
    });
    let elsewhere = thread::spawn({
        let (lock, done) = (lock.clone(), done.clone());
        move || {
            let waker = waker.recv().unwrap();
            for _ in 0..1000 {
                let _guard = lock.lock().unwrap();
                waker.wake_by_ref();
                wake_a_clone(&waker);
            }
            done.store(true, Ordering::SeqCst);
            waker.wake();
        }
    });
    executor.block_on(task).unwrap();
    elsewhere.join().unwrap();
    assert!(*lock.lock().unwrap() >= 2);
}

/// futures-rs #2010: an executor has its own parker. If a future parks and unparks the thread, the executor
/// neither hangs nor spins.
fn parking_inside_a_poll_is_harmless<K: Kitchen>() {
    let executor = K::open();
    let polls = Tally::new();
    executor.block_on(async {
        let counted = polls.clone();
        let task = brigade::spawn(async move {
            let mut sleep = pin!(brigade::time::sleep(std::time::Duration::from_millis(20)));
            std::future::poll_fn(|cx| {
                counted.add();
                thread::current().unpark();
                thread::park();
                thread::current().unpark();
                sleep.as_mut().poll(cx)
            })
            .await;
        });
        task.await.unwrap();
    });
    assert!(polls.get() <= 3, "{} polls for one sleep", polls.get());
}

on_both! {
    a_set_survives_the_panic_of_its_waiter,
    a_socket_contains_the_panic_of_a_waker,
    a_parked_thread_can_await_a_task,
    another_executor_can_await_a_task,
    a_handle_may_move_between_threads,
    only_the_last_waker_of_a_handle_is_called,
    a_dropped_handle_lets_go_of_its_waker,
    a_waker_may_come_back_into_the_api,
    a_waker_may_panic_on_wake,
    a_waker_may_panic_on_clone_or_drop_elsewhere,
    a_waker_that_cannot_be_cloned_replaces_nobody,
    a_wake_under_a_lock_runs_nothing,
    parking_inside_a_poll_is_harmless,
}

one_cook! {
    a_sets_waiter_may_drop_the_executor,
}
