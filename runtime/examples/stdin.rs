//! Standard input as a source of events. On one thread, the program counts lines while a timer runs.
//!
//! The OS can wait for terminals, pipes and sockets, but not for regular files: Linux refuses them with
//! `EPERM`. A read of a regular file never waits for input, so the program reads regular files directly.
//!
//! ```console
//! $ (echo noodles; sleep 1; echo soup) | cargo run -p brigade --example stdin
//! ```

use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsFd;
use std::time::Duration;

use brigade::io::{Interest, OwnedFdSource, Registered};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

struct Stdin {
    source: Registered<OwnedFdSource>,
    flags: OFlags,
}

impl Stdin {
    fn new() -> io::Result<Self> {
        let stdin = io::stdin();
        // Give the source a duplicate of the descriptor, because the source closes its descriptor when it is
        // dropped.
        let descriptor = stdin.as_fd().try_clone_to_owned()?;
        let source = OwnedFdSource::new(descriptor, Interest::READABLE)?;
        let flags = fcntl_getfl(&stdin)?;
        fcntl_setfl(&stdin, flags | OFlags::NONBLOCK)?;
        Ok(Stdin { source, flags })
    }

    /// Reads some bytes and returns how many, or 0 at the end of the input. Dropping the future loses no
    /// byte.
    async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.source
            .read_with(|stdin| Ok(rustix::io::read(stdin, &mut *into)?))
            .await
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        // Standard input and its duplicate share their mode (blocking or not) with the shell's descriptor, so
        // restore the mode.
        let _ = fcntl_setfl(io::stdin(), self.flags);
    }
}

async fn lines() -> io::Result<usize> {
    let mut buffer = [0; 4096];
    let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    let stdin = match Stdin::new() {
        // Standard input is a regular file, so read it directly.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let mut all = Vec::new();
            io::stdin().read_to_end(&mut all)?;
            return Ok(count(&all));
        }
        stdin => stdin?,
    };
    let mut lines = 0;
    loop {
        match stdin.read(&mut buffer).await? {
            0 => return Ok(lines),
            read => lines += count(&buffer[..read]),
        }
    }
}

pub(crate) fn main() -> io::Result<()> {
    brigade::SingleThread::new()?.block_on(async {
        let clock = brigade::spawn_local(async {
            let mut ticks = brigade::time::interval(Duration::from_millis(250));
            loop {
                ticks.tick().await;
                eprint!(".");
            }
        });
        let lines = lines().await?;
        clock.abort();
        println!("{lines} lines");
        Ok(())
    })
}
