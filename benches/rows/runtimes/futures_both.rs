//! futures-executor: `LocalPool` on one thread and `ThreadPool` on two threads. It has neither timers nor
//! sockets.

use std::{cell::OnceCell, sync::OnceLock};

use futures_executor::{LocalPool, LocalSpawner, ThreadPool};
use futures_util::{
    future::RemoteHandle,
    task::{LocalSpawnExt, SpawnExt},
};

use crate::runtime::{Many, One, workers};

pub(crate) struct Futures;

thread_local! {
    static SPAWNER: OnceCell<LocalSpawner> = const { OnceCell::new() };
}

impl One for Futures {
    type Handle<T: 'static> = RemoteHandle<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut pool = LocalPool::new();
        SPAWNER.with(|spawner| spawner.get_or_init(|| pool.spawner()).clone());
        pool.run_until(future)
    }

    fn spawn<F>(future: F) -> RemoteHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        SPAWNER.with(|spawner| {
            let spawner = spawner.get().expect("inside block_on");
            spawner
                .spawn_local_with_handle(future)
                .expect("the pool is there")
        })
    }

    fn detach<F: Future<Output = ()> + 'static>(future: F) {
        SPAWNER.with(|spawner| {
            let spawner = spawner.get().expect("inside block_on");
            spawner.spawn_local(future).expect("the pool is there");
        });
    }
}

static POOL: OnceLock<ThreadPool> = OnceLock::new();

fn pool() -> &'static ThreadPool {
    POOL.get_or_init(|| {
        ThreadPool::builder()
            .pool_size(workers())
            .create()
            .expect("a thread pool")
    })
}

impl Many for Futures {
    type Handle<T: Send + 'static> = RemoteHandle<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        pool();
        futures_executor::block_on(future)
    }

    fn spawn<F>(future: F) -> RemoteHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        pool().spawn_with_handle(future).expect("the pool is there")
    }

    fn detach<F: Future<Output = ()> + Send + 'static>(future: F) {
        pool().spawn_ok(future);
    }
}
