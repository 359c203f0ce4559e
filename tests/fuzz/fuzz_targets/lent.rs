//! Tests the adapter `brigade::hyper` without a server or a client. Buffers of generated lengths must receive
//! exactly the bytes that were sent.

#![no_main]

use std::mem::MaybeUninit;
use std::pin::Pin;

use brigade::SingleThread;
use brigade::hyper::Io;
use brigade::net::UnixStream;
use brigade_fuzz::Stranger;
use futures_util::{future::poll_fn, join};
use hyper::rt::{Read, ReadBuf};
use libfuzzer_sys::fuzz_target;

/// Reads the stream to its end. Each entry of `lengths` is the size of a read minus one. After the last
/// entry, the list is repeated.
async fn read<S: Read + Unpin>(mut stream: S, lengths: &[u8]) -> Vec<u8> {
    let mut got = Vec::new();
    for length in lengths.iter().cycle() {
        let mut space = [MaybeUninit::uninit(); 256];
        let mut buffer = ReadBuf::uninit(&mut space[..=usize::from(*length)]);
        poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, buffer.unfilled()))
            .await
            .unwrap();
        if buffer.filled().is_empty() {
            break;
        }
        got.extend_from_slice(buffer.filled());
    }
    got
}

fuzz_target!(|data: &[u8]| {
    let Some(stranger) = Stranger::drawn(data) else {
        return;
    };
    let lengths = if data.len() > 8 { &data[..8] } else { data };
    SingleThread::new().unwrap().block_on(async {
        let (near, far) = UnixStream::pair().unwrap();
        let (got, ()) = join!(read(far, lengths), stranger.send(&near));
        assert_eq!(got, stranger.bytes());
        // Repeat the test through the wrapper for futures-io streams.
        let (near, far) = UnixStream::pair().unwrap();
        let (got, ()) = join!(read(Io::new(far), lengths), stranger.send(&near));
        assert_eq!(got, stranger.bytes());
    });
});
