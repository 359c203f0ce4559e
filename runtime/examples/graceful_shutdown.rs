//! A server that shuts down gracefully. At Ctrl-C or SIGTERM, it stops accepting guests (clients). It waits
//! at most 10 seconds for the connected guests to leave, and then ends. A second Ctrl-C ends it immediately.
//!
//! ```console
//! $ cargo run -p brigade --features signal --example graceful_shutdown
//! $ nc 127.0.0.1 …    # the port it prints; then press Ctrl-C in the first terminal
//! ```

use std::io;
use std::pin::pin;
use std::time::Duration;

use brigade::net::{TcpListener, TcpStream};
use brigade::signal::{Kind, Signal, shutdown};
use brigade::task::JoinSet;
use brigade::time::timeout;
use futures_util::future::{Either, select};

/// How long guests may stay after the first signal.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> io::Result<()> {
    brigade::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening at {}", listener.local_addr()?);

        let mut guests = JoinSet::new();
        let asked = serve(&listener, &mut guests).await?;
        // Close the listener before waiting, so that the OS refuses new guests immediately.
        drop(listener);
        println!("{asked}: waiting for {} guests", guests.len());

        // `serve` has listened for signals, so Ctrl-C no longer ends the process by itself. Listen for the
        // second Ctrl-C too.
        let again = Signal::new(Kind::INTERRUPT)?;
        let finished = pin!(timeout(PATIENCE, drain(&mut guests)));
        match select(finished, pin!(again.recv())).await {
            Either::Left((Ok(served), _)) => println!("all {served} have finished"),
            Either::Left((Err(_), _)) => println!("some guests are still connected"),
            Either::Right(_) => println!("ending at once: a second Ctrl-C"),
        }
        // Dropping the set ends the tasks of the remaining guests.
        Ok(())
    })
}

/// Accepts guests until a signal asks the program to end, and returns that signal.
async fn serve(listener: &TcpListener, guests: &mut JoinSet<io::Result<()>>) -> io::Result<Kind> {
    let mut asked = pin!(shutdown());
    loop {
        match select(asked, pin!(listener.accept())).await {
            Either::Left((kind, _)) => return kind,
            Either::Right((accepted, still)) => {
                guests.spawn(echo(accepted?.0));
                asked = still;
            }
        }
        // Removes the guests that have left.
        while guests.try_join_next().is_some() {}
    }
}

/// Waits until the last guest has gone, and returns for how many guests it waited.
async fn drain(guests: &mut JoinSet<io::Result<()>>) -> usize {
    let mut served = 0;
    while guests.join_next().await.is_some() {
        served += 1;
    }
    served
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count]).await?,
        }
    }
}
