//! nio with worker threads, without timers and sockets. A timer or socket of nio belongs to one worker, but
//! in the benchmarks of timers and sockets, tasks move between workers.

use nio::{JoinHandle, RuntimeBuilder};

use crate::runtime::{Joined, Many, workers};

pub(crate) struct Nio;

impl Many for Nio {
    type Handle<T: Send + 'static> = Joined<JoinHandle<T>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        let workers = u8::try_from(workers()).expect("fewer workers");
        let runtime = RuntimeBuilder::new().worker_threads(workers).rt();
        // nio's own `block_on` moves the future to a worker, but the benchmarks run the future outside the
        // workers.
        runtime.expect("nio starts").context().enter();
        futures_executor::block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(nio::spawn(future))
    }

    fn detach<F: Future<Output = ()> + Send + 'static>(future: F) {
        drop(nio::spawn(future));
    }
}
