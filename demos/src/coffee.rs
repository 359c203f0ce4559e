//! `brigade coffee`: four ways to wait for the coffee machine.
//!
//! This demo shows that waiting itself costs nothing, but that some ways of waiting keep a core busy or need
//! many threads. For one shift, customers want as much coffee as possible. A cup takes a while. The machines
//! are in another process and brew there. The four ways:
//!
//! | way | who works | how it waits |
//! |---|---|---|
//! | blocked | one thread | it presses the button of one machine and sleeps until the cup is ready |
//! | busy loop | one thread | it asks all machines in turn, without a pause, whether a cup is ready |
//! | notified | one task per machine, on the executor | it is notified when a cup is ready |
//! | hired | one thread per machine | each thread is blocked at its own machine |
//!
//! A machine is the address of a server: the button is a request on a new TCP connection, and the cup is
//! the reply. The four ways are therefore the four ways in which programs wait for a socket.

use std::{
    io::{self, ErrorKind, Read as _},
    net::SocketAddr,
    thread,
};

use futures_util::future::try_join_all;

use crate::fetch::origin::{Origin, Request};
use crate::prelude::*;

/// The largest share of a core that counts as "next to nothing". Arbitrary.
const NEXT_TO_NOTHING: f64 = 0.1;

/// A way that uses at least this share of a core, while it only waits, counts as wasting a core. The limit is
/// below 1 because other programs take some of the time.
const WASTED: f64 = 0.5;

/// The explanation of the four ways, in the order of the table.
const WAYS_EXPLAINED: &str = "Each way waits for the same machines, one shift after the other. Blocked: one \
    thread presses the button of one machine and sleeps until the cup is ready. Busy loop: one thread asks \
    all machines, one after the other and without a pause, whether a cup is ready. Notified: one task for \
    each machine; the cooks (threads that run tasks) sleep until the system reports a cup. Hired: one \
    thread for each machine, blocked as in the first way.";

/// The explanation of the table's columns.
const COLUMNS_EXPLAINED: [&str; 5] = [
    "orders: cups served in the shift; threads: the number of threads that served",
    "CPU time: of this process only; the machines are in another process",
    "of a core: CPU time divided by the length of the shift (with its last cups)",
    "CPU per cup: CPU time divided by the number of cups",
    "switches: how many times a thread of this process gave up its core, or lost it",
];

/// Four ways to wait for the coffee machine: blocked, busy loop, notified, hired
///
/// For one shift, customers want as much coffee as they can get. The machines are in a separate process. A
/// cup is a request whose reply takes a while. The same waiting is done in four ways: (1) one thread
/// blocks; (2) one thread asks all machines in a busy loop; (3) tasks are notified when a cup is ready; (4)
/// many threads block, one for each machine.
///
/// # Notes
///
/// --cooks here: the number of threads that run the tasks of the notified way; the other ways have no
/// tasks. With --cooks 1,2, all four shifts are worked with one such thread, then with two, and the runs
/// are compared.
///
/// --json adds `ways`, one object for each way. An object has `orders` (cups served), `wall_s`, `cpu_s`,
/// `cores` (how many cores the way kept busy, on average), `context_switches` and `threads`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Coffee {
    /// Number of coffee machines
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole::<u16>(1..=500))]
    pub(crate) machines: u16,
    /// Brewing time of a cup in milliseconds
    #[arg(long, value_name = "MS", default_value = "100", value_parser = whole::<u64>(1..=10_000))]
    pub(crate) brew: u64,
    /// Length of a shift in milliseconds; there are four shifts
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = whole::<u64>(1..=600_000))]
    pub(crate) shift: u64,
}

/// The results of the four shifts.
pub(crate) struct Shifts {
    /// The facts about each way, in the order in which the shifts were worked: blocked, busy loop,
    /// notified, hired.
    pub(crate) ways: [Facts; 4],
    /// The run of the notified shift. The other shifts have no tasks.
    pub(crate) run: Run<usize>,
}

/// The shop: its machines, the cup that it sells, and its closing time.
struct Shop {
    machines: Vec<SocketAddr>,
    cup: Request,
    closes: Instant,
    interrupt: Interrupt,
}

impl Coffee {
    /// Works the four shifts, one after the other.
    pub(crate) fn measure(&self, executor: &Crew) -> anyhow::Result<Shifts> {
        let origin = Origin::start()?;
        let blocked = self.shift("blocked", 1, &origin, |shop| Ok(stand_at(&shop, 0)?))?;
        let busy_loop = self.shift("busy loop", 1, &origin, |shop| Ok(ask_all(&shop)?))?;
        let mut run = None;
        let notified = self.shift("notified", executor.workers(), &origin, |shop| {
            let told = run.insert(be_told(executor, &shop)?);
            Ok(told.output)
        })?;
        let hired = self.machines.into();
        let hired = self.shift("hired", hired, &origin, |shop| Ok(hire(&shop)?))?;
        Ok(Shifts {
            ways: [blocked, busy_loop, notified, hired],
            run: run.context("there was a notified shift")?,
        })
    }

    /// Opens the shop, works one shift and measures it.
    fn shift(
        &self,
        name: &'static str,
        threads: usize,
        origin: &Origin,
        serve: impl FnOnce(Arc<Shop>) -> anyhow::Result<usize>,
    ) -> anyhow::Result<Facts> {
        let (begun, interrupt) = (Instant::now(), Interrupt::listen()?);
        let shop = Arc::new(Shop {
            machines: (0..self.machines.into())
                .map(|n| origin.address(n))
                .collect(),
            cup: Request::After(self.brew),
            closes: begun + Duration::from_millis(self.shift),
            interrupt: interrupt.clone(),
        });
        let _shown = meanwhile::show(&format!("{name} …"));
        let (orders, used) = usage::of_process(|| serve(shop));
        ensure!(!interrupt.asked(), Interrupted);
        let orders = orders.with_context(|| format!("{name}: a machine is out of order"))?;
        let wall = begun.elapsed();
        let cpu = used.map(|used| used.cpu);
        let switches = used.map(|used| used.switches() as usize);
        Ok(Facts(vec![
            text("way", "way", name),
            count("orders", "orders", orders),
            // The length of the shift, plus the wait for the last cups, which were ordered before its end.
            time("wall_s", "", wall),
            time("cpu_s", "CPU time", cpu),
            share(
                "cores",
                "of a core",
                cpu.map(|cpu| cpu.div_duration_f64(wall)),
            ),
            time("", "CPU per cup", cpu.map(|cpu| cpu / orders.max(1) as u32)),
            count("context_switches", "switches", switches),
            count("threads", "threads", threads),
        ]))
    }
}

impl Shop {
    fn is_open(&self) -> bool {
        Instant::now() < self.closes && !self.interrupt.asked()
    }
}

/// Blocked: the worker waits at the machine until the cup is ready.
fn stand_at(shop: &Shop, machine: usize) -> io::Result<usize> {
    let mut orders = 0;
    while shop.is_open() {
        shop.cup.block(shop.machines[machine])?;
        orders += 1;
    }
    Ok(orders)
}

/// Hired: one worker stands at each machine.
fn hire(shop: &Shop) -> io::Result<usize> {
    thread::scope(|workers| {
        let hire = |machine| workers.spawn(move || stand_at(shop, machine));
        let hired: Vec<_> = (0..shop.machines.len()).map(hire).collect();
        let orders = hired.into_iter().map(|worker| worker.join());
        orders.map(|orders| orders.expect("stands and waits")).sum()
    })
}

/// Busy loop: the worker asks all machines in turn, without a pause, whether a cup is ready.
fn ask_all(shop: &Shop) -> io::Result<usize> {
    let press = |machine| {
        let stream = shop.cup.connect(shop.machines[machine])?;
        stream.set_nonblocking(true)?;
        Ok((machine, stream, Vec::new()))
    };
    let mut orders = 0;
    let mut brewing: Vec<_> = (0..shop.machines.len())
        .map(press)
        .collect::<io::Result<_>>()?;
    while !brewing.is_empty() {
        let mut next = 0;
        while let Some((machine, stream, cup)) = brewing.get_mut(next) {
            match stream.read_to_end(cup) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => next += 1,
                Err(error) => return Err(error),
                Ok(_) => {
                    shop.cup.check(cup)?;
                    orders += 1;
                    let machine = *machine;
                    brewing.swap_remove(next);
                    if shop.is_open() {
                        brewing.push(press(machine)?);
                    }
                }
            }
        }
    }
    Ok(orders)
}

/// Notified: one task per machine. While all tasks wait, the executor's threads sleep.
fn be_told(executor: &Crew, shop: &Arc<Shop>) -> anyhow::Result<Run<usize>> {
    let run = measure(executor, async {
        let attend = |machine| begin(&format!("machine {machine}"), attend(shop.clone(), machine));
        try_join_all((0..shop.machines.len()).map(attend)).await
    })?;
    Ok(run.transpose()?.map(|orders| orders.into_iter().sum()))
}

async fn attend(shop: Arc<Shop>, machine: usize) -> io::Result<usize> {
    let mut orders = 0;
    while shop.is_open() {
        shop.cup.ask(shop.machines[machine]).await?;
        orders += 1;
    }
    Ok(orders)
}

impl Dish for Coffee {
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let shifts = self.measure(executor)?;
        let title = format!(
            "coffee: {}, {} a cup, four shifts of {}",
            counted(self.machines.into(), "machine"),
            duration(Duration::from_millis(self.brew)),
            duration(Duration::from_millis(self.shift)),
        );
        let mut report = Report::of("coffee", title, &shifts.run);
        let explained = COLUMNS_EXPLAINED.map(|line| format!("  {line}\n")).concat();
        let table = columns::block(shifts.ways.clone());
        report.intro = format!("{}\n\n{explained}", report::wrapped(WAYS_EXPLAINED));
        report.charts = vec![table];
        report.part = "the notified shift";
        report.rows_of = "the notified way, the only one with tasks".to_owned();
        report.rows = report::concurrency_rows(&shifts.run.figures);
        report.verdict = shifts.verdict();
        report.own_keys(json!({ "ways": shifts.ways.each_ref().map(Facts::json) }));
        Ok(report)
    }
}

impl Shifts {
    fn verdict(&self) -> String {
        let [blocked, busy_loop, notified, hired] = &self.ways;
        let ratio =
            |way: &Facts, to: &Facts| factor(way["orders"].value / to["orders"].value.max(1.0));
        let mut said = blocked.say("One thread, blocked at one machine, served {orders:order}. ");
        said += &notified.say("Notified when a cup was ready, {threads:thread} served ");
        said += &format!("{} x as many", ratio(notified, blocked));
        let (told, asking) = (&notified["cores"], &busy_loop["cores"]);
        if told.is_known() && asking.is_known() {
            said += &format!(
                ", and used {told} of a core; the busy loop served {} x as many and {}",
                ratio(busy_loop, blocked),
                wasted(asking.value, told.value)
            );
            if asking.value < measure::CROWDED {
                said += "; other programs had the core for the rest of the time";
            }
        }
        let hiring = hired.say(". Hiring took {threads:thread} and served ");
        let times = ratio(hired, notified);
        format!("{said}{hiring}{times} x as many as being notified.")
    }
}

/// Describes what share of a core the busy loop used, compared with being notified.
fn wasted(asking: f64, told: f64) -> String {
    let share = percent(asking);
    match asking >= WASTED && told <= NEXT_TO_NOTHING {
        true => format!("wasted a core ({share})"),
        false => format!(
            "used {share} of a core, {} x as much as being notified",
            factor(asking / told)
        ),
    }
}
