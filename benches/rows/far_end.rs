//! The other ends of the network rows, each in a process of its own so that its
//! costs are not counted: raw mio, and the same for every runtime.

mod clients;
mod origin;

pub(crate) use clients::{Clients, clients};
pub(crate) use origin::{Origin, REPLY, REQUEST, origin, reply_byte};

use std::{
    env,
    io::{self, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio, exit},
    thread,
};

/// Starts this executable again in another part. The far end stops by itself
/// when the pipe to its standard input closes, even if this process is killed.
fn start(part: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut child = env::current_exe()
        .and_then(|this| {
            Command::new(this)
                .args(part)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
        })
        .expect("this executable starts again");
    let stdout = child.stdout.take().expect("a pipe");
    (child, BufReader::new(stdout))
}

/// The other half of [`start`]: ends this process once its parent is gone.
fn stop_with_parent() {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        exit(0)
    });
}
