//! What the fuzz targets share: a stranger who writes drawn bytes, in drawn portions, and hangs up.
//!
//! | target | what the bytes are to |
//! |---|---|
//! | `served` | hyper's server: a request |
//! | `answered` | hyper's client: a reply |
//! | `lent` | the adapter alone, which has to hand on exactly these |
//!
//! `.ci/fuzz` runs each for a minute.
//!
//! All three run over a pair of sockets of brigade, through `brigade::hyper`. A panic, a task that never
//! ends (libFuzzer's `-timeout`) and whatever AddressSanitizer finds are failures.

use brigade::net::UnixStream;
use futures_util::{AsyncReadExt, AsyncWriteExt};

/// How a stranger sends: the first byte drawn says how much at a time, the rest is what is sent.
pub struct Stranger<'a> {
    portion: usize,
    bytes: &'a [u8],
}

impl<'a> Stranger<'a> {
    /// `None` where nothing was drawn.
    pub fn drawn(data: &'a [u8]) -> Option<Self> {
        let (portion, bytes) = data.split_first()?;
        Some(Stranger {
            portion: usize::from(*portion).max(1),
            bytes,
        })
    }

    /// What is sent in all.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Sends it, letting the other side read in between, and ends its half of the connection.
    pub async fn send(&self, stream: &UnixStream) {
        let mut stream = stream;
        for portion in self.bytes.chunks(self.portion) {
            // The other side may have hung up: it need not hear a stranger out.
            if stream.write_all(portion).await.is_err() {
                return;
            }
            brigade::yield_now().await;
        }
        let _ = stream.close().await;
    }

    /// Reads whatever comes back until the end.
    pub async fn listen(stream: &UnixStream) -> Vec<u8> {
        let (mut stream, mut heard) = (stream, Vec::new());
        let _ = stream.read_to_end(&mut heard).await;
        heard
    }
}
