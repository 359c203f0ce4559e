//! The far ends of the network benchmarks: a server and some clients. Each far end runs in a separate
//! process, so that its costs are not counted. A far end uses mio directly, and is the same for every
//! runtime.

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

/// Starts this executable again as a far end. The far end stops when the pipe to its standard input closes,
/// so it also stops if this process is killed.
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

/// Ends this process as soon as its parent has ended, as [`start`] promises.
fn stop_with_parent() {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        exit(0)
    });
}
