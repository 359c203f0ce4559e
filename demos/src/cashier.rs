//! `brigade cashier`: one cashier, and then several, who switch between customers.
//!
//! This demo shows interleaving. Each customer is a task: a cashier serves it, it waits for I/O, and a
//! cashier serves it again. While the card machine of one customer works, the cashier serves another
//! customer.
//!
//! Each time that a cashier serves a customer is called a turn. A turn is one poll: the code from one await
//! to the next. A cashier never leaves a customer during a turn, so a task has its cashier to itself until it
//! awaits something.
//! With one cashier no two turns overlap, however many customers are in the shop. With several, they can.

use brigade::timeline::{LaneKind, Timeline};

use crate::compare;
use crate::prelude::*;

/// One cashier, then several, who switch between customers: the order of serving
///
/// # Notes
///
/// --cooks here: the number of cashiers in the second shop; the first shop always has one cashier. With
/// --cooks 1, or without --cooks, the second shop has one cashier per core, but at least two. --cooks 1,2
/// makes the same runs as --cooks 2. With --cooks 2,4, the second shop is opened with 2 cashiers and again
/// with 4, and the runs are compared.
///
/// --json adds `shops`, the figures of each of the two shops. Among them are:
///
/// - `visits`: which cashier served which customer, from when to when
///
/// - `overlaps`: the number of pairs of visits that overlapped
///
/// - `switches`: how many times a cashier turned to another customer
///
/// With --seed, --json also adds `seeded`, the two orders of serving that were drawn from the seed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of customers
    #[arg(long, value_name = "N", default_value = "3", value_parser = whole::<u32>(1..=100))]
    customers: u32,
    /// Length of a minute in the shop, in milliseconds
    #[arg(long, value_name = "MS", default_value = "40", value_parser = numbers::minute)]
    minute: Duration,
    /// Seed that determines in which order one cashier serves the customers; the order is drawn twice, to
    /// show that the same seed gives the same order
    #[arg(long, value_name = "N", value_parser = whole::<u64>(0..=u64::MAX))]
    seed: Option<u64>,
}

/// How long one turn takes, in minutes. In it, the cashier adds up the prices or packs the goods.
const TURN: f64 = 1.0;
/// How long a customer waits for the card machine, in minutes.
const CARD_MACHINE: f64 = 2.0;

/// Serves one customer: a turn, then I/O, then another turn.
async fn serve(goods: Pile, minute: Duration) -> [Chopped; 2] {
    let rung_up = goods.chop_at_once();
    wait(minute.mul_f64(CARD_MACHINE)).await;
    [rung_up, goods.chop_at_once()]
}

/// Serves customers who all come at the same time. Returns whether the result of every turn was right.
async fn open(customers: u32, minute: Duration, goods: Pile) -> bool {
    let customer = |number| begin(&format!("customer {number}"), serve(goods, minute));
    let served = join_all((1..=customers).map(customer)).await;
    served.iter().flatten().all(|chopped| chopped.right)
}

/// A span of time in which a cashier served a customer.
#[derive(Clone, Debug, serde::Serialize)]
struct Visit {
    cashier: usize,
    customer: String,
    from_s: f64,
    to_s: f64,
}

/// Returns the visits that the timeline recorded, in the order in which they began.
fn visits(timeline: &Timeline) -> Vec<Visit> {
    let visit = |poll: brigade_timeline::Poll| {
        let LaneKind::Worker(cashier) = timeline.lanes[poll.lane].kind else {
            return None;
        };
        let task = &timeline.tasks[poll.task];
        (!task.is_main).then(|| Visit {
            cashier,
            customer: task.label(poll.task),
            from_s: poll.begin.as_secs_f64(),
            to_s: poll.end.as_secs_f64(),
        })
    };
    let polls = brigade_timeline::spans(timeline).polls.into_iter();
    let mut visits: Vec<_> = polls.filter_map(visit).collect();
    visits.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    visits
}

/// Returns the number of pairs of visits that overlapped in time.
fn overlaps(visits: &[Visit]) -> usize {
    let overlapping = |(index, visit): (usize, &Visit)| {
        let later = visits[index + 1..].iter();
        later.filter(|later| later.from_s < visit.to_s).count()
    };
    visits.iter().enumerate().map(overlapping).sum()
}

/// Returns how many times a cashier switched to a different customer.
fn switches(visits: &[Visit], cashiers: usize) -> usize {
    let mut last = vec![None; cashiers];
    let switched = visits.iter().map(|visit| {
        let before = last[visit.cashier].replace(&visit.customer);
        before.is_some_and(|before| *before != visit.customer)
    });
    switched.map(usize::from).sum()
}

/// Opens the shop with one cashier and with several. Each output is true if all results were right.
pub(crate) fn shop(
    executor: &Crew,
    customers: u32,
    minute: Duration,
) -> anyhow::Result<OneAndMany<bool>> {
    let goods = Pile::of(minute.mul_f64(TURN));
    one_and_many(executor, cooks::a_cook_a_core(), || {
        open(customers, minute, goods)
    })
}

/// Opens a shop with one cashier, on a virtual clock. `seed` determines which customer is served next.
/// Returns the order in which the customers were served.
///
/// The same seed always gives the same order. To find a fault that appears in one order in a thousand, a test
/// can try many seeds, and then repeat the run with the seed that shows the fault.
pub(crate) fn drawn_from(
    seed: u64,
    customers: u32,
    minute: Duration,
) -> anyhow::Result<Run<Vec<String>>> {
    let shop = open(customers, minute, Pile::of(Duration::ZERO));
    let run = measure(&Crew::drawn_from(seed)?, shop)?;
    ensure!(run.output, "a sum came out wrong");
    let order = numbers_of(&visits(&run.timeline));
    Ok(run.map(|_| order))
}

/// Returns the customer's number for each visit.
fn numbers_of<'a>(visits: impl IntoIterator<Item = &'a Visit>) -> Vec<String> {
    let number = |visit: &Visit| visit.customer.split(' ').next_back().map(str::to_owned);
    visits.into_iter().filter_map(number).collect()
}

impl Dish for Args {
    fn compares(&self) -> bool {
        true
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let shop = shop(executor, self.customers, self.minute)?;
        let runs = [&shop.one, &shop.many];
        ensure!(runs.iter().all(|run| run.output), "a sum came out wrong");
        let title = format!(
            "cashier: {} who wait for a card machine; a minute takes {}",
            counted(self.customers as usize, "customer"),
            duration(self.minute)
        );
        let mut report = Report::of("cashier", title, shop.at_hand());
        let cashiers = |run: &Run<bool>| counted(run.figures.cooks, "cashier");
        report.intro = report::wrapped(
            "A cashier is a cook. A customer has a turn of about a minute, waits two minutes for the card \
             machine, and has another turn. A turn is one poll, so a cashier never leaves a customer \
             during a turn. The first shop has one cashier; --cooks 2 or more sets the number in the \
             second.",
        );
        report.part = "the second shop";
        let orders = runs.into_iter().flat_map(order).collect::<Vec<_>>();
        report.charts = vec![format!("The order of the turns:\n\n{}", orders.concat())];
        let drawn = runs.map(|run| (&run.timeline, cashiers(run)));
        report.draw("cashier", &drawn);
        let rows = runs.map(|run| (cashiers(run), &run.figures));
        report.details = compare::side_by_side(" ", rows);
        report.verdict = verdict(&shop);
        report.own_keys(json!({ "shops": runs.map(json) }));
        if let Some(seed) = self.seed {
            let draw = || drawn_from(seed, self.customers, self.minute);
            let orders = [draw()?.output, draw()?.output];
            report.details.push(String::new());
            for (times, order) in ["", " again"].into_iter().zip(&orders) {
                let order = order.join(" ");
                let line = format!("seed {seed}{times}, one cashier: customers  {order}");
                report.details.push(line);
            }
            let same = if orders[0] == orders[1] {
                "the same order"
            } else {
                "different orders"
            };
            let again = format!(" Two runs with seed {seed} gave {same}.");
            report.verdict += &again;
            report.own_keys(json!({ "seeded": orders }));
        } else {
            report.verdict +=
                " The order may change from run to run; with a seed, as in --seed 7, it does not.";
        }
        report.with_one = Some(shop.one.map(drop));
        Ok(report)
    }
}

/// Returns one line for each cashier: `cashier 0 of 2: customers  1 3 1 2`.
fn order(run: &Run<bool>) -> Vec<String> {
    let visits = visits(&run.timeline);
    let cashiers = run.figures.cooks;
    let line = |cashier| {
        let mine = visits.iter().filter(|visit| visit.cashier == cashier);
        let served = numbers_of(mine).join(" ");
        format!("  cashier {cashier} of {cashiers}: customers  {served}\n")
    };
    (0..cashiers).map(line).collect()
}

fn verdict(shop: &OneAndMany<bool>) -> String {
    let [one, many] = [&shop.one, &shop.many].map(|run| visits(&run.timeline));
    let [one_run, many_run] = [&shop.one.figures, &shop.many.figures];
    let overlapped = |visits: &[Visit]| match (overlaps(visits), visits.len()) {
        (0, all) => format!("no two of {all} turns overlapped"),
        (n, all) => format!("{} of the {all} turns overlapped", counted(n, "pair")),
    };
    let said = format!(
        "One cashier had up to {} in the shop and turned to another customer {}: {}. With {} cashiers, \
         {}, with at most {} at one instant, and serving was {}.",
        counted(one_run.in_flight_max, "customer"),
        counted(switches(&one, 1), "time"),
        overlapped(&one),
        many_run.cooks,
        overlapped(&many),
        counted(many_run.at_once_max, "turn"),
        shop.speed_up().compared_with("with one"),
    );
    report::with_doubts(said, shop.doubts())
}

fn json(run: &Run<bool>) -> Value {
    let visits = visits(&run.timeline);
    let facts = run.facts().with([
        count("overlaps", "", overlaps(&visits)),
        count("switches", "", switches(&visits, run.figures.cooks)),
    ]);
    let mut object = facts.json();
    object.insert("visits".to_owned(), json!(visits));
    object.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_its_order_again_and_seeds_give_several() {
        let minute = Duration::from_millis(40);
        let order = |seed| drawn_from(seed, 5, minute).unwrap().output.join(" ");
        let orders: Vec<_> = (0..10).map(order).collect();
        assert_eq!(orders, (0..10).map(order).collect::<Vec<_>>());
        assert!(
            orders.iter().collect::<BTreeSet<_>>().len() > 2,
            "{orders:?}"
        );
        assert!(orders.iter().all(|order| order.split(' ').count() == 10));
    }

    fn visit(cashier: usize, customer: u32, from_s: f64, to_s: f64) -> Visit {
        Visit {
            cashier,
            customer: customer.to_string(),
            from_s,
            to_s,
        }
    }

    #[test]
    fn what_touches_does_not_overlap() {
        let one = [
            visit(0, 1, 0.0, 1.0),
            visit(0, 2, 1.0, 2.0),
            visit(0, 1, 2.0, 3.0),
        ];
        assert_eq!((overlaps(&one), switches(&one, 1)), (0, 2));
        let two = [
            visit(0, 1, 0.0, 1.0),
            visit(1, 2, 0.5, 2.5),
            visit(0, 1, 1.5, 2.0),
            visit(0, 3, 2.0, 3.0),
        ];
        assert_eq!((overlaps(&two), switches(&two, 2)), (3, 1));
        assert_eq!((overlaps(&[]), switches(&[], 2)), (0, 0));
    }
}
