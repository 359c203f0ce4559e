//! Small programs, as a user would write them: a chat server, a crawler, a pipeline, a parent of many
//! processes, and a reader of standard input. They use brigade and crates that work with any runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::hyper::{Connector, Timer};
use brigade::net::{TcpListener, TcpStream};
use brigade::task::JoinSet;
use brigade::{Executor, spawn, spawn_blocking};
use brigade_tests::{Kitchen, on_both, one_cook};
use futures::io::{AsyncBufReadExt, BufReader, Lines};
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

// ---- a chat server -------------------------------------------------------------------------------

/// Serves one guest. The guest's first line is its name. Every later line goes to all guests.
async fn guest(stream: TcpStream, chat: broadcast::Sender<String>, stop: CancellationToken) {
    let mut said = BufReader::new(&stream).lines();
    let Ok(Some(name)) = said.try_next().await else {
        return;
    };
    let mut heard = chat.subscribe();
    let _ = chat.send(format!("{name} is here"));
    loop {
        tokio::select! {
            line = said.try_next() => match line {
                Ok(Some(line)) => drop(chat.send(format!("{name}: {line}"))),
                _ => break,
            },
            line = heard.recv() => {
                let line = line.expect("the channel is large enough") + "\n";
                if stream.write_all(line.as_bytes()).await.is_err() {
                    break;
                }
            }
            () = stop.cancelled() => break,
        }
    }
    let _ = chat.send(format!("{name} has left"));
}

async fn chat_server(listener: TcpListener, stop: CancellationToken) -> usize {
    let (chat, _) = broadcast::channel(4096);
    let mut guests = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        guests.spawn(guest(accepted.unwrap().0, chat.clone(), stop.clone()));
    }
    let count = guests.len();
    guests.join_all().await;
    count
}

/// Reads lines until `count` of them end with `text`.
async fn hear(lines: &mut Lines<BufReader<&TcpStream>>, text: &str, count: usize) {
    let mut left = count;
    while left > 0 {
        let line = lines.try_next().await.unwrap().expect("more lines");
        left -= usize::from(line.ends_with(text));
    }
}

/// Each guest receives every line of every guest. When the server is stopped, it ends all connections.
fn a_chat_server<K: Kitchen>() {
    const GUESTS: usize = 16;
    const LINES: usize = 20;
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = spawn(chat_server(listener, stop.clone()));
        let all_here = Arc::new(tokio::sync::Barrier::new(GUESTS));
        let mut guests = JoinSet::new();
        for number in 0..GUESTS {
            let all_here = all_here.clone();
            guests.spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                let name = format!("guest {number}\n");
                stream.write_all(name.as_bytes()).await.unwrap();
                // The server announces each guest. A guest that has read its own announcement
                // receives all later lines.
                hear(&mut lines, &format!("guest {number} is here"), 1).await;
                all_here.wait().await;
                for _ in 0..LINES {
                    stream.write_all(b"more soup\n").await.unwrap();
                }
                hear(&mut lines, "more soup", GUESTS * LINES).await;
                stream
            });
        }
        let mut streams = guests.join_all().await;
        // One guest hangs up, and another guest receives a notice.
        drop(streams.pop());
        let mut lines = BufReader::new(&streams[0]).lines();
        hear(&mut lines, "has left", 1).await;
        stop.cancel();
        assert_eq!(server.await.unwrap(), GUESTS);
        while let Ok(Some(_)) = lines.try_next().await {}
    });
}

// ---- a crawler -----------------------------------------------------------------------------------

const PAGES: usize = 200;

/// Page n links to the pages 2n + 1 and 2n + 2, to page 0, and to itself. Some links lead to pages that do
/// not exist.
async fn page(
    request: Request<Incoming>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    brigade::time::sleep(Duration::from_millis(1)).await;
    now.fetch_sub(1, Ordering::SeqCst);
    let number: Option<usize> = request.uri().path()[1..].parse().ok();
    let Some(number) = number.filter(|it| *it < PAGES) else {
        let nothing = Response::builder().status(StatusCode::NOT_FOUND);
        return Ok(nothing.body(Full::default()).unwrap());
    };
    let links = [2 * number + 1, 2 * number + 2, 0, number];
    let links = links.map(|link| format!("<a href=\"/{link}\">{link}</a>"));
    Ok(Response::new(Full::from(links.concat())))
}

/// Starts the site. Returns its address, and a counter with the maximum number of simultaneous requests.
async fn site() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = most.clone();
    drop(spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (now, most) = (now.clone(), counted.clone());
            let service = service_fn(move |request| page(request, now.clone(), most.clone()));
            let mut server = hyper::server::conn::http1::Builder::new();
            let served = server.timer(Timer).serve_connection(stream, service);
            drop(spawn(async move { drop(served.await) }));
        }
    }));
    (address, most)
}

/// Follows all links from page 0, with at most `limit` simultaneous requests.
async fn crawl(address: SocketAddr, limit: usize) -> BTreeMap<String, StatusCode> {
    let client: Client<_, Empty<Bytes>> = Client::builder(brigade::hyper::Executor)
        .pool_timer(Timer)
        .build(Connector::new());
    let permits = Arc::new(Semaphore::new(limit));
    let (mut known, mut visited) = (BTreeSet::new(), BTreeMap::new());
    let mut visits = JoinSet::new();
    let mut found = vec!["/0".to_owned()];
    loop {
        for path in found.drain(..).filter(|path| known.insert(path.clone())) {
            let (client, permits) = (client.clone(), permits.clone());
            visits.spawn(async move {
                let _permit = permits.acquire().await.unwrap();
                let url = format!("http://{address}{path}").parse().unwrap();
                let reply = client.get(url).await.unwrap();
                let status = reply.status();
                let body = reply.into_body().collect().await.unwrap().to_bytes();
                let text = String::from_utf8(body.into()).unwrap();
                let links = text.split("href=\"").skip(1);
                let links = links.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
                (path, status, Vec::from_iter(links))
            });
        }
        let Some(visit) = visits.join_next().await else {
            return visited;
        };
        let (path, status, links) = visit.unwrap();
        visited.insert(path, status);
        found = links;
    }
}

/// Each page is visited once, dead links do not end the crawl, and the limit is kept.
fn a_crawler<K: Kitchen>() {
    K::open().block_on(async {
        let (address, most) = site().await;
        let visited = crawl(address, 8).await;
        let good = visited.values().filter(|it| **it == StatusCode::OK);
        assert_eq!(good.count(), PAGES);
        // The last page has the number 199, and links to the pages 399 and 400.
        assert_eq!(visited.len(), 2 * PAGES + 1);
        let most = most.load(Ordering::SeqCst);
        assert!((2..=8).contains(&most), "{most}");
    });
}

// ---- a pipeline ----------------------------------------------------------------------------------

/// One stage reads a file, several tasks parse its lines, and the last stage adds the results. The channels
/// between the stages are short, so fast stages wait for slow stages.
fn a_pipeline<K: Kitchen>() {
    const LINES: u64 = 2000;
    let text = (0..LINES).map(|n| format!("{n} noodles\n"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders");
    std::fs::write(&path, text.collect::<String>()).unwrap();
    K::open().block_on(async {
        // Reading a file with std blocks the thread, so a thread of the blocking pool reads it.
        let (lines, to_parse) = mpsc::channel::<String>(4);
        let reader = spawn_blocking(move || {
            let file = std::io::BufReader::new(std::fs::File::open(path)?);
            for line in std::io::BufRead::lines(file) {
                lines.blocking_send(line?).map_err(std::io::Error::other)?;
            }
            std::io::Result::Ok(())
        });
        let (parsed, mut to_add) = mpsc::channel::<u64>(4);
        let to_parse = Arc::new(tokio::sync::Mutex::new(to_parse));
        let mut workers = JoinSet::new();
        for _ in 0..4 {
            let (to_parse, parsed) = (to_parse.clone(), parsed.clone());
            workers.spawn(async move {
                let mut count = 0;
                loop {
                    let next = to_parse.lock().await.recv().await;
                    let Some(line) = next else {
                        return count;
                    };
                    brigade::yield_now().await;
                    let number = line.split(' ').next().unwrap().parse().unwrap();
                    parsed.send(number).await.unwrap();
                    count += 1;
                }
            });
        }
        drop(parsed);
        let mut sum = 0;
        while let Some(number) = to_add.recv().await {
            sum += number;
        }
        assert_eq!(sum, LINES * (LINES - 1) / 2);
        reader.await.unwrap().unwrap();
        let shares = workers.join_all().await;
        assert_eq!(shares.iter().sum::<u64>(), LINES);

        // A second pipeline uses the combinators of futures-util, which keep the order.
        let numbers = futures::stream::iter(0..LINES).map(|n| async move {
            brigade::yield_now().await;
            n * n
        });
        let squares: Vec<u64> = numbers.buffered(8).collect().await;
        assert!(squares.is_sorted() && squares.len() as u64 == LINES);
    });
}

// ---- child processes -----------------------------------------------------------------------------

#[cfg(target_os = "linux")]
#[path = "../../runtime/examples/child_process.rs"]
#[allow(dead_code, reason = "it has a main function too")]
mod child_process;

/// Children of the example `child_process` run at the same time, and each has its own output and status. A
/// dropped child is killed.
#[cfg(target_os = "linux")]
fn children<K: Kitchen>() {
    use std::process::Command;

    use child_process::linux::Child;
    K::open().block_on(async {
        let mut children = JoinSet::new();
        for number in 0..50 {
            children.spawn(async move {
                let script = format!("echo dish {number}; exit {}", number % 3);
                let mut child = Child::spawn(Command::new("sh").args(["-c", &script])).unwrap();
                let output = child.output().await.unwrap();
                assert_eq!(output, format!("dish {number}\n").as_bytes());
                assert_eq!(child.wait().await.unwrap().code(), Some(number % 3));
            });
        }
        children.join_all().await;
        let missing = Child::spawn(&mut Command::new("/no/such/program"));
        assert_eq!(missing.err().unwrap().kind(), std::io::ErrorKind::NotFound);

        let mut endless = Child::spawn(Command::new("sleep").arg("1000")).unwrap();
        let moment = Duration::from_millis(20);
        assert!(
            brigade::time::timeout(moment, endless.wait())
                .await
                .is_err()
        );
        let pid = endless.id();
        drop(endless);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    });
}

#[cfg(not(target_os = "linux"))]
fn children<K: Kitchen>() {}

// ---- standard input ------------------------------------------------------------------------------

#[cfg(target_os = "linux")]
#[path = "../../runtime/examples/stdin.rs"]
mod stdin;

/// The example `stdin` counts the lines of a pipe and of a plain file. Afterwards, the pipe is in blocking
/// mode again. The example runs in a child process, because it reads the standard input of its process.
#[cfg(target_os = "linux")]
fn stdin_is_counted_and_left_as_it_was() {
    use std::io::{Read, Seek, Write};
    use std::process::{Child, Command, Stdio};

    use rustix::fs::fcntl_getfl;

    const IN_CHILD: &str = "BRIGADE_TEST_STDIN";
    if std::env::var_os(IN_CHILD).is_some() {
        return stdin::main().unwrap();
    }
    let run = |input: Stdio| {
        let name = "programs::one_cook_only::stdin_is_counted_and_left_as_it_was";
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args([name, "--exact", "--nocapture", "--test-threads=1"]);
        program.env(IN_CHILD, "1").stdin(input);
        let program = program.stdout(Stdio::piped()).stderr(Stdio::piped());
        program.spawn().unwrap()
    };
    let counts_three = |program: Child| {
        let printed = program.wait_with_output().unwrap().stdout;
        let printed = String::from_utf8(printed).unwrap();
        assert!(printed.contains("... 3 lines\n"), "{printed}");
    };
    let (input, mut pipe) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&input).unwrap();
    let mut program = run(input.try_clone().unwrap().into());
    // The program prints the first dot when it waits for input.
    let dots = program.stderr.as_mut().unwrap();
    dots.read_exact(&mut [0]).unwrap();
    assert_ne!(fcntl_getfl(&input).unwrap(), flags);
    pipe.write_all(b"noodles\nso").unwrap();
    // The next dot comes when the program waits again.
    dots.read_exact(&mut [0]).unwrap();
    pipe.write_all(b"up\nrice\n").unwrap();
    drop(pipe);
    counts_three(program);
    assert_eq!(fcntl_getfl(&input).unwrap(), flags);

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"noodles\nsoup\nrice\n").unwrap();
    file.rewind().unwrap();
    counts_three(run(file.into()));
}

#[cfg(not(target_os = "linux"))]
fn stdin_is_counted_and_left_as_it_was() {}

on_both! {
    a_chat_server,
    a_crawler,
    a_pipeline,
    children,
}

one_cook! {
    stdin_is_counted_and_left_as_it_was,
}
