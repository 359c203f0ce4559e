//! A server that serves many clients at the same time. It sends back what each client sends.
//!
//! ```console
//! $ cargo run -p brigade --example echo_server
//! $ nc 127.0.0.1 7007
//! ```

use std::io;

use brigade::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    brigade::run(async {
        let listener = TcpListener::bind("127.0.0.1:7007").await?;
        println!("listening at {}", listener.local_addr()?);
        loop {
            let (stream, peer) = listener.accept().await?;
            // Each client has a task. The task continues after its handle is dropped.
            brigade::spawn(async move {
                match echo(stream).await {
                    Ok(bytes) => println!("{peer}: {bytes} bytes"),
                    Err(error) => println!("{peer}: {error}"),
                }
            });
        }
    })
}

async fn echo(stream: TcpStream) -> io::Result<usize> {
    let (mut buffer, mut bytes) = ([0; 4096], 0);
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(bytes);
        }
        stream.write_all(&buffer[..count]).await?;
        bytes += count;
    }
}
