//! The connection of a request to the embedded origin, made to wait cheaply: thousands of them wait at
//! once, and each needs a socket, a waker and nothing else until its reply begins.
//!
//! It works in three steps: [`send`] the request, wait for the [`first_bite`] of the reply, and give the
//! rest to hyper, which reads the reply as if it had sent the request itself. hyper comes last because
//! it sets 32 KiB of buffers aside for a connection: fair for one at work, but nearly all of these wait.
//!
//! [`send`]: Connection::send
//! [`first_bite`]: Connection::first_bite

use std::{
    future::{Future, poll_fn},
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker, ready},
};

use brigade::net::TcpStream;
use bytes::Bytes;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use crate::gauge::Counted;

/// The most that is read before hyper takes over. Arbitrary: the headers of most
/// replies, and little enough for the stack.
const FIRST_BITE: usize = 2 << 10;

/// How often the two halves of hyper's client may wake one another before another task has its turn.
/// Arbitrary: each time is a piece of a reply, some tens of microseconds in all.
const ROUNDS: usize = 8;

/// A connection that carries one request and its reply.
pub(crate) struct Connection {
    stream: TcpStream,
    /// The beginning of the reply, which hyper has not been given yet.
    first: Bytes,
    /// True if hyper has written the request, and so may read the reply.
    asked: bool,
    _open: Counted,
}

impl Connection {
    pub(crate) fn new((stream, open): (TcpStream, Counted)) -> Self {
        Self {
            stream,
            first: Bytes::new(),
            asked: false,
            _open: open,
        }
    }

    /// Sends the request.
    pub(crate) async fn send(&self, request: &str) -> io::Result<()> {
        self.stream.write_all(request.as_bytes()).await
    }

    /// Waits for the reply to begin: here a request spends nearly all of its
    /// life. Returns false if the server hung up instead.
    pub(crate) async fn first_bite(&mut self) -> io::Result<bool> {
        self.first = poll_fn(|cx| {
            // On the stack, and only while something is read: a buffer that
            // lived in the task would be held by all that wait.
            let mut bite = [MaybeUninit::uninit(); FIRST_BITE];
            let mut bite = ReadBuf::uninit(&mut bite);
            ready!(Read::poll_read(
                Pin::new(&mut self.stream),
                cx,
                bite.unfilled()
            ))?;
            Poll::Ready(io::Result::Ok(Bytes::copy_from_slice(bite.filled())))
        })
        .await?;
        Ok(!self.first.is_empty())
    }
}

/// hyper reads the first bite, then the stream itself.
impl Read for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            // hyper looks whether the server speaks before it is asked, and
            // would take the reply for that. `poll_write` wakes the task.
            return Poll::Pending;
        }
        if self.first.is_empty() {
            return Read::poll_read(Pin::new(&mut self.stream), cx, buffer);
        }
        let count = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first.split_to(count));
        Poll::Ready(Ok(()))
    }
}

/// hyper writes the request, which has been sent long ago, to nowhere.
impl Write for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked = true;
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls `connection`, which moves the bytes, for as long as `reply`, which wants them, is not done.
///
/// The two wake one another for every piece: the request, the headers, the body. Such a wake comes
/// while the task runs, so the task would be queued to be polled once more right after. [`Halves`]
/// keeps these wakes to itself, and the loop here follows them at once.
pub(crate) async fn beside<F: Future>(
    mut reply: Pin<&mut F>,
    mut connection: impl Future + Unpin,
) -> F::Output {
    let mut connected = true;
    let halves = Arc::new(Halves::default());
    let waker = Waker::from(halves.clone());
    poll_fn(|cx| {
        let mut inner = Context::from_waker(&waker);
        halves.enter(cx.waker());
        for _ in 0..ROUNDS {
            halves.again.store(false, SeqCst);
            // First, so that hyper knows of the request when the connection looks.
            if let Poll::Ready(output) = reply.as_mut().poll(&mut inner) {
                return Poll::Ready(output);
            }
            // How the connection ended is told to the reply too, which knows
            // whether there was more to come.
            if connected && Pin::new(&mut connection).poll(&mut inner).is_ready() {
                connected = false;
                halves.again.store(true, SeqCst);
            }
            if !halves.again.load(SeqCst) {
                break;
            }
        }
        halves.leave();
        Poll::Pending
    })
    .await
}

/// A waker for both halves of hyper's client. It wakes the task only while the task does not run.
#[derive(Default)]
struct Halves {
    running: AtomicBool,
    /// True if one half woke the other since the round began.
    again: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Halves {
    fn enter(&self, waker: &Waker) {
        self.running.store(true, SeqCst);
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    /// Passes on a wake that nobody has followed: it came after the last round looked.
    fn leave(&self) {
        self.running.store(false, SeqCst);
        if self.again.swap(false, SeqCst) {
            self.wake_task();
        }
    }

    fn wake_task(&self) {
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Wake for Halves {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // `again` is stored before `running` is loaded, and `leave` does the opposite: one of the two
        // sees what the other has stored, in the one order of all SeqCst operations.
        self.again.store(true, SeqCst);
        if !self.running.load(SeqCst) && self.again.swap(false, SeqCst) {
            self.wake_task();
        }
    }
}
