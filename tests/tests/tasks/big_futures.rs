//! Tests futures that take a large part of the caller's stack. A function that spawns or runs such a future
//! must not overflow the stack with copies of it. A stack overflow ends the process, so each test runs in a
//! separate process.
//!
//! A debug build copies a value at every call, but an optimized build rarely does. The two builds therefore
//! use different sizes.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use brigade::task::{self, JoinSet};
use brigade::{Executor, SingleThread, WorkStealing};
use brigade_tests::{Kitchen, on_both, one_cook};

const KIB: usize = 1024;
const STACK: usize = 512 * KIB;
const SIZE: usize = if cfg!(debug_assertions) {
    64 * KIB
} else {
    256 * KIB
};

/// A future with a large array. At its second poll, it returns the sum of the array's bytes.
struct Big<const N: usize> {
    bytes: [u8; N],
    polled: bool,
}

impl<const N: usize> Big<N> {
    /// Makes the future. The function is inlined, so that the stack holds only one copy of the array.
    #[inline(always)]
    fn new() -> Self {
        Big {
            bytes: [1; N],
            polled: false,
        }
    }
}

impl<const N: usize> Future for Big<N> {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        if !self.polled {
            self.polled = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let bytes = black_box(&self.bytes);
        Poll::Ready(bytes.iter().map(|byte| usize::from(*byte)).sum())
    }
}

/// Runs `f` on a thread with a stack of `bytes` bytes.
fn on_a_stack_of<T: Send + 'static>(bytes: usize, f: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::Builder::new().stack_size(bytes).spawn(f);
    thread.unwrap().join().unwrap()
}

/// Evaluates `$make`, which makes and spawns a future, in a separate stack frame. The frame is gone when the
/// caller continues.
macro_rules! in_a_frame {
    ($make:expr) => {{
        #[inline(never)]
        fn call<R>(make: impl FnOnce() -> R) -> R {
            make()
        }
        call(|| $make)
    }};
}

fn block_on_takes_a_big_future<K: Kitchen>() {
    let sum = on_a_stack_of(STACK, || K::open().block_on(Big::<SIZE>::new()));
    assert_eq!(sum, SIZE);
}

fn spawn_of_the_trait_takes_a_big_future<K: Kitchen>() {
    let sum = on_a_stack_of(STACK, || {
        let executor = K::open();
        let task = in_a_frame!(executor.spawn(Big::<SIZE>::new()));
        executor.block_on(task).unwrap()
    });
    assert_eq!(sum, SIZE);
}

fn spawn_of_a_handle_takes_a_big_future<K: Kitchen>() {
    let sum = on_a_stack_of(STACK, || {
        let executor = K::open();
        let handle = executor.handle();
        let task = in_a_frame!(handle.spawn(Big::<SIZE>::new()));
        executor.block_on(task).unwrap()
    });
    assert_eq!(sum, SIZE);
}

fn block_on_of_a_handle_takes_a_big_future() {
    let sum = on_a_stack_of(STACK, || {
        WorkStealing::with_workers(2)
            .unwrap()
            .handle()
            .block_on(Big::<SIZE>::new())
    });
    assert_eq!(sum, SIZE);
}

fn the_free_spawn_takes_a_big_future<K: Kitchen>() {
    let sum = on_a_stack_of(STACK, || {
        K::open().block_on(async {
            let task = in_a_frame!(brigade::spawn(Big::<SIZE>::new()));
            task.await.unwrap()
        })
    });
    assert_eq!(sum, SIZE);
}

fn spawn_of_a_builder_takes_a_big_future<K: Kitchen>() {
    let sum = on_a_stack_of(STACK, || {
        K::open().block_on(async {
            let task = in_a_frame!(task::Builder::new().name("big").spawn(Big::<SIZE>::new()));
            task.await.unwrap()
        })
    });
    assert_eq!(sum, SIZE);
}

fn spawn_of_a_set_takes_a_big_future<K: Kitchen>() {
    let sums = on_a_stack_of(STACK, || {
        let executor = K::open();
        let handle = executor.handle();
        executor.block_on(async {
            let mut set = JoinSet::new();
            in_a_frame!(drop(set.spawn(Big::<SIZE>::new())));
            in_a_frame!(drop(set.spawn_on(Big::<SIZE>::new(), &handle)));
            set.join_all().await
        })
    });
    assert_eq!(sums, [SIZE; 2]);
}

/// A task on a worker with a small stack spawns a big future.
fn a_worker_with_a_small_stack_takes_a_big_future() {
    const SMALL: usize = 160 * KIB;
    const FITS: usize = if cfg!(debug_assertions) {
        16 * KIB
    } else {
        64 * KIB
    };
    let executor = WorkStealing::builder()
        .workers(2)
        .thread_stack_size(SMALL)
        .build()
        .unwrap();
    let sum = executor.spawn(async {
        let task = in_a_frame!(brigade::spawn(Big::<FITS>::new()));
        task.await.unwrap()
    });
    assert_eq!(executor.block_on(sum).unwrap(), FITS);
    // This future is spawned by this thread, so the worker only polls it.
    let task = executor.spawn(Big::<SIZE>::new());
    assert_eq!(executor.block_on(task).unwrap(), SIZE);
}

fn run_takes_a_big_future() {
    let sum = on_a_stack_of(STACK, || brigade::run(Big::<SIZE>::new()));
    assert_eq!(sum, SIZE);
}

fn inherent_methods_take_a_big_future() {
    let sum = on_a_stack_of(STACK, || {
        let executor = SingleThread::new().unwrap();
        let task = in_a_frame!(executor.spawn(Big::<SIZE>::new()));
        let local = in_a_frame!(executor.spawn_local(Big::<SIZE>::new()));
        let sum = executor.block_on(task).unwrap() + executor.block_on(local).unwrap();
        sum + in_a_frame!(executor.block_on(Big::<SIZE>::new()))
    });
    assert_eq!(sum, 3 * SIZE);
    let sum = on_a_stack_of(STACK, || {
        let executor = WorkStealing::with_workers(2).unwrap();
        let task = in_a_frame!(executor.spawn(Big::<SIZE>::new()));
        let sum = executor.block_on(task).unwrap();
        sum + in_a_frame!(executor.block_on(Big::<SIZE>::new()))
    });
    assert_eq!(sum, 2 * SIZE);
}

fn the_ways_to_spawn_locally_take_a_big_future() {
    let sums = on_a_stack_of(STACK, || {
        SingleThread::new().unwrap().block_on(async {
            let mut set = JoinSet::new();
            set.insert(in_a_frame!(brigade::spawn_local(Big::<SIZE>::new())));
            set.insert(in_a_frame!(
                task::Builder::new().spawn_local(Big::<SIZE>::new())
            ));
            in_a_frame!(drop(set.spawn_local(Big::<SIZE>::new())));
            set.join_all().await
        })
    });
    assert_eq!(sums, [SIZE; 3]);
}

/// Returns a closure that captures a large array and returns the sum of the array's bytes.
fn big_closure() -> impl FnOnce() -> usize + Send + 'static {
    let bytes = [1_u8; SIZE];
    move || {
        black_box(&bytes)
            .iter()
            .map(|byte| usize::from(*byte))
            .sum()
    }
}

/// The caller and the pool's thread make only a few copies of a big closure.
fn the_ways_to_spawn_a_job_take_a_big_closure<K: Kitchen>() {
    let sum = on_a_stack_of(STACK, || {
        let executor = K::try_build(K::builder().thread_stack_size(STACK)).unwrap();
        let handle = executor.handle();
        let job = in_a_frame!(handle.spawn_blocking(big_closure()));
        executor.block_on(async {
            let other = in_a_frame!(brigade::spawn_blocking(big_closure()));
            let mut set = JoinSet::new();
            in_a_frame!(drop(set.spawn_blocking(big_closure())));
            let sum = job.await.unwrap() + other.await.unwrap();
            sum + set.join_all().await[0]
        })
    });
    assert_eq!(sum, 3 * SIZE);
}

/// The size of a future in a timeout. In an optimized build, this is half of `SIZE`, because even such a
/// build copies a timeout with its future once.
const WRAPPED: usize = if cfg!(debug_assertions) {
    SIZE
} else {
    SIZE / 2
};

fn timeouts_take_a_big_future<K: Kitchen>() {
    let sum = on_a_stack_of(STACK, || {
        K::open().block_on(async {
            let minute = std::time::Duration::from_secs(60);
            let task = in_a_frame!(brigade::spawn(brigade::time::timeout(
                minute,
                Big::<WRAPPED>::new()
            )));
            let until = brigade::time::now() + minute;
            let other = in_a_frame!(brigade::spawn(brigade::time::timeout_at(
                until,
                Big::<WRAPPED>::new()
            )));
            task.await.unwrap().unwrap() + other.await.unwrap().unwrap()
        })
    });
    assert_eq!(sum, 2 * WRAPPED);
}

/// Each function that blocks on a future makes as few copies of the future as tokio's `block_on`.
fn block_on_makes_as_few_copies_as_tokio<K: Kitchen>() {
    // In a debug build, tokio's stack use is slightly more than three times the size of the future.
    const COPIES: usize = 4;
    const BIG: usize = 256 * KIB;
    let on_a_small_stack = |run: fn() -> usize| {
        assert_eq!(on_a_stack_of((COPIES * BIG) + 96 * KIB, run), BIG);
    };
    on_a_small_stack(|| K::open().block_on(Big::<BIG>::new()));
    on_a_small_stack(|| SingleThread::new().unwrap().block_on(Big::<BIG>::new()));
    on_a_small_stack(|| {
        let executor = WorkStealing::with_workers(1).unwrap();
        executor.block_on(Big::<BIG>::new())
    });
    on_a_small_stack(|| brigade::run(Big::<BIG>::new()));
    on_a_small_stack(|| {
        let executor = WorkStealing::with_workers(1).unwrap();
        executor.handle().block_on(Big::<BIG>::new())
    });
}

/// Joins a large output on a small stack. The stack suffices for the same join with tokio's `JoinSet`.
fn join_next_takes_a_big_output<K: Kitchen>() {
    let sum = on_a_stack_of(1536 * KIB, || {
        K::open().block_on(async {
            let mut set = JoinSet::new();
            set.spawn(async { [1_u8; SIZE] });
            let output = set.join_next().await.unwrap().unwrap();
            output.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        })
    });
    assert_eq!(sum, SIZE);
}

fn explore_takes_a_big_future() {
    let sums = on_a_stack_of(STACK, || brigade::explore(0..2, Big::<SIZE>::new));
    assert_eq!(sums, [SIZE; 2]);
}

on_both! {
    ; alone:
    join_next_takes_a_big_output,
    block_on_makes_as_few_copies_as_tokio,
    the_ways_to_spawn_a_job_take_a_big_closure,
    timeouts_take_a_big_future,
    block_on_takes_a_big_future,
    spawn_of_the_trait_takes_a_big_future,
    spawn_of_a_handle_takes_a_big_future,
    the_free_spawn_takes_a_big_future,
    spawn_of_a_builder_takes_a_big_future,
    spawn_of_a_set_takes_a_big_future,
}

one_cook! {
    ; alone:
    block_on_of_a_handle_takes_a_big_future,
    a_worker_with_a_small_stack_takes_a_big_future,
    run_takes_a_big_future,
    explore_takes_a_big_future,
    inherent_methods_take_a_big_future,
    the_ways_to_spawn_locally_take_a_big_future,
}
