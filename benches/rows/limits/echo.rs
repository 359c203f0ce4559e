//! The work of the echo benchmarks, done without a runtime: state machines over mio, without tasks or
//! wakers.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    sync::mpsc,
    thread,
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    measure::{Job, Measured, check, repeat_plain},
    runtime::workers,
    work::{
        echo::{BUFFER, MESSAGE, TRIPS},
        many_echo::{CLIENTS, measure},
    },
};

const LISTENER: Token = Token(usize::MAX);

struct Client {
    stream: TcpStream,
    number: usize,
    left: usize,
}

impl Client {
    fn send(&mut self) {
        let mut message = [0; MESSAGE];
        message[..8].copy_from_slice(&self.left.to_le_bytes());
        message[8..16].copy_from_slice(&self.number.to_le_bytes());
        check(
            matches!(self.stream.write(&message), Ok(MESSAGE)),
            "a message fits",
        );
    }

    /// Receives an answer and sends the next message. Returns true if this was the last answer.
    fn receive(&mut self) -> bool {
        let mut buffer = [0; BUFFER];
        match self.stream.read(&mut buffer) {
            Ok(length) => {
                let right = length == MESSAGE
                    && buffer[..8] == self.left.to_le_bytes()
                    && buffer[8..16] == self.number.to_le_bytes();
                check(right, "the echo");
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => panic!("a client reads: {error}"),
        }
        self.left -= 1;
        if self.left > 0 {
            self.send();
        }
        self.left == 0
    }
}

/// Reads once and sends the same bytes back.
fn answer(stream: &mut TcpStream) {
    let mut buffer = [0; BUFFER];
    match stream.read(&mut buffer) {
        Ok(0) => {}
        Ok(length) => {
            check(
                matches!(stream.write(&buffer[..length]), Ok(n) if n == length),
                "an answer fits",
            );
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => panic!("the server reads: {error}"),
    }
}

/// An event loop. The clients' sockets have even tokens, the server's sockets have odd tokens.
struct Loop {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    served: Vec<TcpStream>,
}

impl Loop {
    fn connected(clients: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mut this = Self {
            poll,
            events: Events::with_capacity(1024),
            clients: vec![],
            served: vec![],
        };
        for number in 0..clients {
            let near = this.register(std::net::TcpStream::connect(address)?, 2 * number)?;
            let far = this.register(listener.accept()?.0, 2 * number + 1)?;
            this.clients.push(Client {
                stream: near,
                number,
                left: 0,
            });
            this.served.push(far);
        }
        Ok(this)
    }

    fn register(&self, stream: std::net::TcpStream, token: usize) -> io::Result<TcpStream> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        self.poll
            .registry()
            .register(&mut stream, Token(token), Interest::READABLE)?;
        Ok(stream)
    }

    fn run(&mut self, trips: usize) -> io::Result<()> {
        for client in &mut self.clients {
            client.left = trips;
            client.send();
        }
        let mut calling = self.clients.len();
        while calling > 0 {
            self.poll.poll(&mut self.events, None)?;
            for event in &self.events {
                let (at, far) = (event.token().0 / 2, event.token().0 % 2 == 1);
                if far {
                    answer(&mut self.served[at]);
                } else if self.clients[at].receive() {
                    calling -= 1;
                }
            }
        }
        Ok(())
    }
}

/// Measures `echo1`, `echo100` and `echo1000` without a runtime.
pub(crate) fn one_thread(job: Job, clients: usize) -> Measured {
    let clients = job.size(clients);
    let trips = (TRIPS / clients).max(1);
    let mut both = Loop::connected(clients).expect("loopback sockets");
    let cost = repeat_plain(job, clients * trips, || both.run(trips).expect("a poll"));
    Measured(vec![
        ("rate", 1.0 / cost.wall / 1e3),
        ("cpu", cost.cpu * 1e6),
    ])
}

/// Measures `m_echo1000` without a runtime: two event loops on two threads, which get the connections in
/// turn.
pub(crate) fn two_threads(job: Job) -> Measured {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || deal(&tell).expect("loopback sockets"));
    let address = told.recv().expect("the listener is there");
    measure(job, address, CLIENTS)
}

fn deal(tell: &mpsc::Sender<SocketAddr>) -> io::Result<()> {
    let mut hands = Vec::new();
    for _ in 0..workers() {
        let (hand, dealt) = mpsc::channel::<TcpStream>();
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), LISTENER)?;
        thread::spawn(move || serve(poll, &dealt).expect("a poll"));
        hands.push((hand, waker));
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    tell.send(listener.local_addr()?)
        .expect("the measuring thread waits");
    for (number, stream) in listener.incoming().enumerate() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let (hand, waker) = &hands[number % workers()];
        hand.send(TcpStream::from_std(stream))
            .expect("the server runs");
        waker.wake()?;
    }
    Ok(())
}

fn serve(mut poll: Poll, dealt: &mpsc::Receiver<TcpStream>) -> io::Result<()> {
    let mut events = Events::with_capacity(1024);
    let mut served = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                for mut stream in dealt.try_iter() {
                    let token = Token(served.len());
                    poll.registry()
                        .register(&mut stream, token, Interest::READABLE)?;
                    served.push(stream);
                }
            } else {
                answer(&mut served[event.token().0]);
            }
        }
    }
}
