//! Queries real databases with clients on brigade. The tests start servers that are installed as system
//! packages.
//!
//! A client needs no tokio runtime if it accepts a stream that the caller has opened. `tokio-postgres` has
//! `Config::connect_raw` for this, and `redis` has `MultiplexedConnection::new_with_config`. The stream must
//! implement tokio's traits. `compat()` from `tokio-util` adds these traits to any futures-io stream. No
//! other glue is needed.
//!
//! If a server is not installed, the test for it prints that it was skipped. If `BRIGADE_REQUIRE_SERVERS` is
//! set, the test fails instead.
#![cfg(unix)]

use std::env;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use async_compat::Compat;
use brigade::net::UnixStream;
use brigade::{Executor, spawn};
use brigade_tests::{Kitchen, on_both};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, pin_mut};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio_util::compat::FuturesAsyncReadCompatExt;

/// The maximum time to wait for a server to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, its directory, and its socket. Dropping a `Server` stops it.
struct Server {
    child: Child,
    socket: PathBuf,
    room: TempDir,
}

impl Server {
    /// Starts a server and waits until it listens.
    fn start(command: &mut Command, room: TempDir, socket: &str) -> Self {
        let socket = room.path().join(socket);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = quiet.stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(began.elapsed() < PATIENCE, "the server does not listen");
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server has ended: {status}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Server {
            child,
            socket,
            room,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Ignore an error, because some files may belong to another user.
        let _ = std::fs::remove_dir_all(self.room.path());
    }
}

/// Looks for a program on the path, and then in Debian's directories for servers.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let versions = versions.map(|it| it.unwrap().path().join("bin"));
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders
        .chain(versions)
        .map(|it| it.join(program))
        .find(|it| it.is_file());
    if found.is_none() {
        assert!(
            env::var_os("BRIGADE_REQUIRE_SERVERS").is_none(),
            "BRIGADE_REQUIRE_SERVERS is set, and there is no {program}"
        );
        // Write to stderr directly, because the test harness would hide the output of `eprintln`.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {program} is not installed");
    }
    found
}

/// PostgreSQL refuses to run as root. If this process runs as root, the server runs as "nobody" and owns the
/// directory.
fn as_nobody<'a>(command: &'a mut Command, room: &Path) -> &'a mut Command {
    const NOBODY: u32 = 65534;
    let root = libc_uid() == 0;
    if root {
        std::os::unix::fs::chown(room, Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir(room)
}

fn libc_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    // Create a file and read its owner, which is the user of this process.
    tempfile::tempfile().unwrap().metadata().unwrap().uid()
}

fn postgres() -> Option<Server> {
    let (initdb, postgres) = (find("initdb")?, find("postgres")?);
    let room = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
    let data = room.path().join("data");
    let mut init = Command::new(initdb);
    init.args([
        "--auth=trust",
        "--username=cook",
        "--encoding=UTF8",
        "--no-sync",
    ]);
    init.arg("--locale=C").arg("-D").arg(&data);
    let made = as_nobody(&mut init, room.path()).output().unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let mut server = Command::new(postgres);
    server.arg("-D").arg(&data).arg("-k").arg(room.path());
    server.args([
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
        "-c",
        "max_connections=40",
    ]);
    as_nobody(&mut server, room.path());
    Some(Server::start(&mut server, room, ".s.PGSQL.5432"))
}

async fn postgres_client(server: &Server) -> tokio_postgres::Client {
    let stream = UnixStream::connect(&server.socket).await.unwrap();
    let mut config = tokio_postgres::Config::new();
    config.user("cook").dbname("postgres");
    // The server may listen before it is ready. It then refuses the connection, and the client tries again.
    let connected = config
        .connect_raw(stream.compat(), tokio_postgres::NoTls)
        .await;
    let Ok((client, connection)) = connected else {
        brigade::time::sleep(Duration::from_millis(20)).await;
        return Box::pin(postgres_client(server)).await;
    };
    drop(spawn(async move { connection.await.unwrap() }));
    client
}

/// The test uses tables, parameters, a stream of rows, conflicting transactions, a query that fails, and
/// pipelined queries.
fn postgresql_answers<K: Kitchen>() {
    let Some(server) = postgres() else { return };
    K::open().block_on(async {
        let mut client = postgres_client(&server).await;
        let make = "CREATE TABLE dishes (id int PRIMARY KEY, name text, orders int DEFAULT 0)";
        client.batch_execute(make).await.unwrap();
        let insert = client
            .prepare("INSERT INTO dishes VALUES ($1, $2)")
            .await
            .unwrap();
        // The inserts are pipelined: all are sent before the first is answered.
        let names = Vec::from_iter((0..500).map(|id| (id, format!("soup {id}"))));
        let inserts = names.iter().map(|(id, name)| {
            let (client, insert) = (&client, &insert);
            async move { client.execute(insert, &[id, name]).await }
        });
        let inserted = join_all(inserts).await;
        assert!(inserted.into_iter().all(|it| it.unwrap() == 1));

        let rows = client
            .query_raw("SELECT id, name FROM dishes ORDER BY id", &[] as &[&str])
            .await
            .unwrap();
        pin_mut!(rows);
        let mut count = 0;
        while let Some(row) = rows.try_next().await.unwrap() {
            assert_eq!(
                row.get::<_, String>(1),
                names[row.get::<_, i32>(0) as usize].1
            );
            count += 1;
        }
        assert_eq!(count, 500);

        let twice = client
            .execute(&insert, &[&7, &"soup again"])
            .await
            .unwrap_err();
        assert_eq!(twice.code().unwrap().code(), "23505");

        let lost = client.transaction().await.unwrap();
        lost.execute("DELETE FROM dishes", &[]).await.unwrap();
        drop(lost);

        // Eight connections add to the same row, each time in a transaction.
        let (server, mut cooks) = (&server, Vec::new());
        for _ in 0..8 {
            let mut client = postgres_client(server).await;
            cooks.push(spawn(async move {
                for _ in 0..10 {
                    let order = client.transaction().await.unwrap();
                    let add = "UPDATE dishes SET orders = orders + 1 WHERE id = 3";
                    order.execute(add, &[]).await.unwrap();
                    order.commit().await.unwrap();
                }
            }));
        }
        for cook in cooks {
            cook.await.unwrap();
        }
        let row = client
            .query_one("SELECT count(*), max(orders) FROM dishes", &[])
            .await
            .unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i32>(1)), (500, 80));
    });
}

/// A client that opens tokio's socket itself needs `async-compat`. Its queries run in brigade's tasks, but
/// tokio's thread handles the socket's events.
fn postgresql_answers_behind_async_compat<K: Kitchen>() {
    let Some(server) = postgres() else { return };
    K::open().block_on(async {
        drop(postgres_client(&server).await);
        let settings = format!(
            "host={} user=cook dbname=postgres",
            server.room.path().display()
        );
        let connect = async { tokio_postgres::connect(&settings, tokio_postgres::NoTls).await };
        let (client, connection) = Compat::new(connect).await.unwrap();
        drop(spawn(Compat::new(async move { connection.await.unwrap() })));
        let squares = (0..200).map(|number| {
            let client = &client;
            async move {
                let row = client
                    .query_one("SELECT $1::int * $1::int", &[&number])
                    .await;
                assert_eq!(row.unwrap().get::<_, i32>(0), number * number);
            }
        });
        join_all(squares).await;
    });
}

fn redis_server() -> Option<Server> {
    let program = find("redis-server")?;
    let room = tempfile::Builder::new().prefix("redis").tempdir().unwrap();
    let mut server = Command::new(program);
    server.args(["--port", "0", "--save", "", "--unixsocket"]);
    server
        .arg(room.path().join("redis.sock"))
        .current_dir(room.path());
    Some(Server::start(&mut server, room, "redis.sock"))
}

async fn redis_client(server: &Server) -> MultiplexedConnection {
    let stream = UnixStream::connect(&server.socket).await.unwrap();
    // The client's own timeouts would need tokio's clock. Use brigade's `timeout` instead.
    let config = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let settings = redis::RedisConnectionInfo::default();
    let connected = MultiplexedConnection::new_with_config(&settings, stream.compat(), config);
    let (client, connection) = connected.await.unwrap();
    drop(spawn(connection));
    client
}

/// The client sends hundreds of commands over one connection without waiting in between. It also uses a
/// pipeline and values of several types, and waits for another client's message.
fn redis_answers<K: Kitchen>() {
    let Some(server) = redis_server() else { return };
    K::open().block_on(async {
        let client = redis_client(&server).await;
        let adds = (0..500_i64).map(|number| {
            let mut client = client.clone();
            spawn(async move { client.incr::<_, _, i64>("orders", number).await.unwrap() })
        });
        let sums = join_all(Vec::from_iter(adds)).await;
        let most = sums.into_iter().map(Result::unwrap).max();
        assert_eq!(most, Some(499 * 500 / 2));

        let mut client = client;
        let big = vec![7_u8; 1 << 20];
        let (): () = client.set("pot", &big[..]).await.unwrap();
        let back: Vec<u8> = client.get("pot").await.unwrap();
        assert!(back == big);
        let (soup, list): (String, Vec<u32>) = redis::pipe()
            .atomic()
            .set("soup", "tomato")
            .ignore()
            .rpush("list", &[1, 2, 3])
            .ignore()
            .get("soup")
            .lrange("list", 0, -1)
            .query_async(&mut client)
            .await
            .unwrap();
        assert_eq!((&*soup, list), ("tomato", vec![1, 2, 3]));
        let wrong: Result<i64, _> = client.incr("soup", 1).await;
        assert!(wrong.is_err());

        // One client waits for a message that another client sends over a separate connection.
        let mut waiter = redis_client(&server).await;
        let waiting = spawn(async move {
            let popped: (String, String) = waiter.blpop("hatch", 0.0).await.unwrap();
            popped.1
        });
        let (): () = client.rpush("hatch", "noodles").await.unwrap();
        assert_eq!(waiting.await.unwrap(), "noodles");

        let mut keys: Vec<String> = client
            .scan()
            .await
            .unwrap()
            .map(Result::unwrap)
            .collect()
            .await;
        keys.sort();
        assert_eq!(keys, ["list", "orders", "pot", "soup"]);
    });
}

on_both! {
    postgresql_answers,
    postgresql_answers_behind_async_compat,
    redis_answers,
}
