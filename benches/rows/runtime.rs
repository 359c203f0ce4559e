//! What a benchmark may require of a runtime.
//!
//! There are two families of runtimes, because worker threads require `Send` and a single thread does not.
//! [`One`] is an event loop on the calling thread, and [`Many`] has [`workers`] worker threads. Each family
//! has its own traits for timers and for sockets.
//!
//! Each runtime is a type. The runtime's state is in statics, because a process runs only one runtime and
//! starts it once.

use std::{
    env,
    fmt::Debug,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// The environment variable that sets how many workers a runtime has. [`measure`](crate::conduct::measure)
/// sets it for the measuring process if `--workers` was given.
pub(crate) const WORKERS_VARIABLE: &str = "BRIGADE_BENCH_WORKERS";

/// Returns the number of worker threads of a [`Many`] runtime. It is two unless `--workers` sets another
/// number.
pub(crate) fn workers() -> usize {
    let given = env::var(WORKERS_VARIABLE).ok();
    given.and_then(|word| word.parse().ok()).unwrap_or(2)
}

/// A runtime on one thread.
pub(crate) trait One: 'static {
    /// The type that `spawn` returns. It is a future of the task's output.
    type Handle<T: 'static>: Future<Output = T> + 'static;

    /// Starts the runtime on this thread and runs it until the future is done.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Starts a task. Benchmarks call this function only inside [`One::block_on`].
    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static;

    /// Starts a task that is never awaited.
    fn detach<F: Future<Output = ()> + 'static>(future: F);
}

/// A runtime on one thread, with timers.
pub(crate) trait Timed: One {
    /// Returns a future that completes after this time.
    fn sleep(time: Duration) -> impl Future<Output = ()> + 'static;
}

/// A runtime on one thread, with timers and sockets.
pub(crate) trait Net: Timed {
    type Listener: 'static;
    type Stream: 'static;

    /// Listens on a free port of the loopback device.
    async fn listen() -> io::Result<(Self::Listener, SocketAddr)>;

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self::Stream>;

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream>;

    /// Reads once, into the start of the connection's buffer.
    async fn receive(conn: &mut Conn<Self::Stream>) -> io::Result<usize>;

    /// Writes the first `length` bytes of the connection's buffer completely.
    async fn send(conn: &mut Conn<Self::Stream>, length: usize) -> io::Result<()>;
}

/// A runtime with [`workers`] worker threads.
pub(crate) trait Many: 'static {
    type Handle<T: Send + 'static>: Future<Output = T> + Send + 'static;

    /// Starts the runtime and runs the future on this thread, outside the workers.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Starts a task. Benchmarks call this function only inside [`Many::block_on`] or a task.
    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    fn detach<F: Future<Output = ()> + Send + 'static>(future: F);
}

/// A runtime with worker threads and timers. Its tasks may move between workers while they use timers.
pub(crate) trait ManyTimed: Many {
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static;
}

/// A runtime with worker threads, timers and sockets. Its tasks may move between workers while they use
/// these.
pub(crate) trait ManyNet: ManyTimed {
    type Listener: Send + 'static;
    type Stream: Send + 'static;

    fn listen() -> impl Future<Output = io::Result<(Self::Listener, SocketAddr)>> + Send;

    fn accept(
        listener: &mut Self::Listener,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    fn receive(conn: &mut Conn<Self::Stream>) -> impl Future<Output = io::Result<usize>> + Send;

    fn send(
        conn: &mut Conn<Self::Stream>,
        length: usize,
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// A socket and its only buffer. compio and monoio take the buffer out of the connection for each operation,
/// because they must own the memory that the kernel uses. The other runtimes borrow the buffer.
pub(crate) struct Conn<S> {
    pub(crate) stream: S,
    pub(crate) buffer: Box<[u8]>,
}

impl<S> Conn<S> {
    pub(crate) fn new(stream: S, size: usize) -> Self {
        Self {
            stream,
            buffer: vec![0; size].into_boxed_slice(),
        }
    }
}

/// Marks a future or a value as `Send`. Some runtimes require `Send` in `spawn` although they use only one
/// thread. With this mark, the benchmarks for one thread are written once, without `Send`.
///
/// The mark is sound only if the runtime polls and drops every task on the thread that spawned it.
pub(crate) struct OneThread<T>(T);

// SAFETY: a value in this type never leaves its thread, as `new` requires.
unsafe impl<T> Send for OneThread<T> {}

impl<T> OneThread<T> {
    /// # Safety
    /// The value must stay on this thread until it is dropped.
    pub(crate) unsafe fn new(value: T) -> Self {
        Self(value)
    }
}

impl<F: Future> Future for OneThread<F> {
    type Output = OneThread<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is pinned exactly as long as the wrapper, and nothing moves it out of a pinned
        // wrapper.
        let future = unsafe { self.map_unchecked_mut(|wrapper| &mut wrapper.0) };
        future.poll(cx).map(OneThread)
    }
}

/// A handle that unwraps its result, because no task of a benchmark may fail.
pub(crate) struct Joined<H>(pub(crate) H);

impl<H, T, E> Future for Joined<H>
where
    H: Future<Output = Result<T, E>>,
    E: Debug,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // SAFETY: the field is pinned exactly as long as the wrapper, and nothing moves it out of a pinned
        // wrapper.
        let handle = unsafe { self.map_unchecked_mut(|joined| &mut joined.0) };
        handle.poll(cx).map(|result| result.expect("a task failed"))
    }
}

/// The same as [`Joined`], for tasks that were marked with [`OneThread`].
pub(crate) struct JoinedHere<H>(pub(crate) H);

impl<H, T, E> Future for JoinedHere<H>
where
    H: Future<Output = Result<OneThread<T>, E>> + Unpin,
    E: Debug,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let result = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(result.expect("a task failed").0)
    }
}
