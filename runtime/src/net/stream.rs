//! What sockets have in common: the futures-io traits, for a stream and for a shared reference to
//! one; and their descriptors.
//!
//! **Job.** Write down once, as macros, what would be the same in each file of a socket. **Owns**
//! nothing. **Never** decides anything.

/// Implements `AsyncRead` and `AsyncWrite` for a stream and for a reference to it, over its field
/// `io: Registered<_>` and its method `end_write`. Vectored reads and writes reach the OS as such.
macro_rules! byte_stream {
    ($($stream:ty),*) => {$(
        impl futures_io::AsyncRead for $stream {
            #[inline]
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                into: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_read(cx, into)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                into: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_read_vectored(cx, into)
            }
        }

        impl futures_io::AsyncWrite for $stream {
            #[inline]
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                from: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_write(cx, from)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                from: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_write_vectored(cx, from)
            }

            /// There is no buffer to flush.
            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends the write half.
            fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.end_write())
            }
        }
    )*};
}

/// Lends a socket's descriptor out.
#[cfg(unix)]
macro_rules! descriptor {
    ($socket:ty) => {
        impl std::os::fd::AsFd for $socket {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.io.get_ref().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $socket {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.io.get_ref().as_raw_fd()
            }
        }
    };
}

pub(super) use byte_stream;
#[cfg(unix)]
pub(super) use descriptor;
