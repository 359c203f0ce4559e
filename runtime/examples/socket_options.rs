//! Uses the crate `socket2` to set socket options for which brigade has no method. Some options are set on a
//! socket of brigade. Others are set on a socket that `socket2` makes and brigade then takes over.
//!
//! ```console
//! $ cargo run -p brigade --example socket_options
//! ```

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use brigade::net::{TcpListener, TcpStream};
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};

fn main() -> io::Result<()> {
    brigade::run(async {
        // Two listeners share one port. The OS distributes connections between them.
        let one = shared_listener("127.0.0.1:0".parse().expect("an address"))?;
        let address = one.local_addr()?;
        let other = shared_listener(address)?;

        let stream = TcpStream::connect(address).await?;
        tune(&stream)?;
        let buffer = SockRef::from(&stream).recv_buffer_size()?;
        println!("the receive buffer has {buffer} bytes");

        let accepting = [one, other].map(|listener| {
            brigade::spawn(async move { listener.accept().await.map(|(_, peer)| peer) })
        });
        let [one, other] = accepting;
        let peer = futures_util::future::select(one, other).await;
        let peer = peer.factor_first().0.expect("accepting does not panic")?;
        assert_eq!(peer, stream.local_addr()?);
        println!("{peer} was accepted by one of two listeners at {address}");
        Ok(())
    })
}

/// Sets options through `SockRef`, which borrows the descriptor of brigade's socket.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probe = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(10));
    socket.set_tcp_keepalive(&probe)?;
    socket.set_recv_buffer_size(256 * 1024)
}

/// Makes a socket with `socket2`, because some options must be set before `bind`. brigade then takes the
/// socket over.
fn shared_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    std::net::TcpListener::from(socket).try_into()
}
