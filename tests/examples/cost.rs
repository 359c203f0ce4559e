use std::time::Instant;
use tokio_util::compat::FuturesAsyncReadCompatExt;
fn switches() -> u64 {
    let mut n = 0;
    for t in std::fs::read_dir("/proc/self/task").unwrap() {
        let s = std::fs::read_to_string(t.unwrap().path().join("status")).unwrap();
        for l in s.lines() {
            if let Some(v) = l.strip_prefix("voluntary_ctxt_switches:") {
                n += v.trim().parse::<u64>().unwrap();
            }
        }
    }
    n
}
fn main() {
    let host = std::env::args().nth(1).unwrap();
    for round in 0..3 {
        for compat in [false, true] {
            let h = host.clone();
            brigade::SingleThread::new().unwrap().block_on(async move {
            let client = if compat {
                let s = format!("host={h} user=cook dbname=postgres");
                let (c, conn) = async_compat::Compat::new(async { tokio_postgres::connect(&s, tokio_postgres::NoTls).await }).await.unwrap();
                drop(brigade::spawn(async_compat::Compat::new(async move { let _ = conn.await; })));
                c
            } else {
                let st = brigade::net::UnixStream::connect(format!("{h}/.s.PGSQL.5432")).await.unwrap();
                let mut cfg = tokio_postgres::Config::new(); cfg.user("cook").dbname("postgres");
                let (c, conn) = cfg.connect_raw(st.compat(), tokio_postgres::NoTls).await.unwrap();
                drop(brigade::spawn(async move { let _ = conn.await; }));
                c
            };
            let q = client.prepare("SELECT 1").await.unwrap();
            let c0 = std::fs::read_to_string("/proc/self/stat").unwrap();
            let ticks = |s: &str| { let f: Vec<_> = s.rsplit(") ").next().unwrap().split(' ').collect(); f[11].parse::<u64>().unwrap()+f[12].parse::<u64>().unwrap() };
            let (t, s) = (Instant::now(), switches());
            let n = 20000;
            for _ in 0..n { client.query_one(&q, &[]).await.unwrap(); }
            let c1 = std::fs::read_to_string("/proc/self/stat").unwrap();
            println!("round {round} compat {compat}: {:.1} us/query wall, cpu {:.1} us, voluntary switches {:.2}", t.elapsed().as_micros() as f64 / n as f64, (ticks(&c1)-ticks(&c0)) as f64*1e4/n as f64, (switches()-s) as f64/n as f64);
        });
        }
    }
}
