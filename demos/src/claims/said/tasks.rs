//! Claims about many tasks in flight: how one thread runs them, and in which order.

use std::collections::BTreeSet;

use super::*;
use crate::{cashier, fetch, kitchen};

/// Cooks a dinner whose steps are all begun together, by one cook and by many.
pub(super) const AUTOMATIC: Claim = Claim {
    id: 1,
    said: "Async code is automatically parallel.",
    command: |sizes| format!("brigade kitchen --minute {}", sizes.minute),
    measure: |lab| {
        let dinners = kitchen::three_ways(&lab.hire()?, Duration::from_millis(lab.sizes.minute))?;
        anyhow::ensure!(dinners.alike(), "the three dinners are not the same");
        lab.note(&dinners.sequential);
        lab.note_both(&dinners.together);
        let [one, many] = [&dinners.together.one, &dinners.together.many].map(|run| &run.figures);
        Ok(Facts(vec![
            count("in_flight_max", "in flight, one cook", one.in_flight_max),
            count("at_once_max", "at once, one cook", one.at_once_max),
            count("cooks_many", "many cooks", many.cooks),
            count("at_once_max_many", "at once, many cooks", many.at_once_max),
        ]))
    },
    judge: |facts| {
        let tasks = facts.counted("in_flight_max", "task");
        if facts.count("in_flight_max") < 2 {
            return Undecided
                .because("No two tasks were ever in flight, so none could have run at once.");
        }
        if facts.count("at_once_max") > 1 {
            return Holds.because(format!(
                "With one cook only, {} of {tasks} were worked on at one instant.",
                facts["at_once_max"]
            ));
        }
        DoesNotHold.because(format!(
            "One cook had {tasks} in flight and never worked on two at one instant. The same code \
             had up to {} at once with {}: parallelism comes from threads.",
            facts["at_once_max_many"],
            facts.counted("cooks_many", "cook"),
        ))
    },
};

/// The smallest number that counts as thousands.
const THOUSANDS_ARE: usize = 1000;

/// The share of the requests that must be answered.
const ANSWERED: Band = Band {
    no: 0.95,
    yes: 0.999,
};

/// The required ratio of the total waiting time to the time of the run. A reply takes a quarter of a
/// second on average and half a second at most, so with 2,000 requests the ratio is about a thousand.
const OVERLAP: Band = Band {
    no: 10.0,
    yes: 50.0,
};

/// Sends requests to the embedded origin, all at the same time, on one thread.
pub(super) const THOUSANDS: Claim = Claim {
    id: 3,
    said: "One core can handle thousands of concurrent tasks.",
    command: |sizes| format!("brigade fetch --cooks 1 --count {}", sizes.requests),
    measure: |lab| {
        let quiet = Shared {
            quiet: true,
            ..Shared::default()
        };
        let plan = fetch::Plan::new(fetch::Args::to_origin(lab.sizes.requests), &quiet)?;
        let report = plan.cook(&Crew::hire(1, false)?)?;
        anyhow::ensure!(report.ending != Ending::Interrupted, Interrupted);
        lab.note_figures(report.figures.clone(), report.waiting_share);
        let own = |key| report.own.get(key).and_then(serde_json::Value::as_f64);
        let waited = Duration::from_secs_f64(own("waited_s").unwrap_or_default());
        let figures = &report.figures;
        Ok(Facts(vec![
            count("asked", "requests", lab.sizes.requests),
            count("done", "answered", own("done").unwrap_or_default() as usize),
            count("in_flight_max", "in flight", figures.in_flight_max),
            count("at_once_max", "at once", figures.at_once_max),
            time("wall_s", "wall time", figures.wall),
            time("cpu_s", "CPU time", figures.cpu),
            time("waited_s", "waiting added up", waited),
        ]))
    },
    judge: |facts| {
        let in_flight = facts.counted("in_flight_max", "request");
        let (done, asked) = (&facts["done"], &facts["asked"]);
        let done =
            format!("One thread had {in_flight} in flight and {done} of {asked} were answered");
        let (wall, waited) = (&facts["wall_s"], &facts["waited_s"]);
        if facts.count("asked") < THOUSANDS_ARE {
            return Undecided.because(format!("{done}, and thousands were never tried."));
        }
        let tried =
            facts.count("in_flight_max") >= THOUSANDS_ARE && facts.count("at_once_max") == 1;
        let answered = ANSWERED.ask(facts.ratio("done", "asked"));
        match (answered, OVERLAP.ask(facts.ratio("waited_s", "wall_s"))) {
            (Answer::No, _) => DoesNotHold.because(format!("{done} only.")),
            (_, Answer::No) => DoesNotHold.because(format!(
                "{done}, in {wall} for {waited} of waiting: hardly any of it overlapped."
            )),
            (Answer::Yes, Answer::Yes) if tried => {
                Holds.because(format!("{done}; {waited} of waiting took {wall}."))
            }
            _ => Undecided.because(format!(
                "{done}: not the thousands that were to be tried. The system may let this \
                     program open too few files, or be too busy."
            )),
        }
    },
};

/// The number of customers. They all come at the same time, so 12! orders are possible.
const CUSTOMERS: u32 = 12;

/// The number of seeds that are tried, and the number of runs with each seed.
const SEEDS: u64 = 4;
const TIMES: usize = 3;

/// Runs the same shop several times: repeatedly with one seed, and with other seeds.
pub(super) const ORDER: Claim = Claim {
    id: 11,
    said: "Concurrent programs cannot be debugged because their order changes.",
    command: |_| "brigade claims --only 11".to_owned(),
    measure: |lab| {
        let (mut steady, mut orders) = (0, BTreeSet::new());
        for seed in 1..=SEEDS {
            let first = order(lab, seed)?;
            let mut same = true;
            for _ in 1..TIMES {
                same &= order(lab, seed)? == first;
            }
            steady += usize::from(same);
            orders.insert(first);
        }
        Ok(Facts(vec![
            count("seeds", "seeds", SEEDS as usize),
            count("times", "runs of each", TIMES),
            count("same_order", "same order each time", steady),
            count("orders", "different orders", orders.len()),
        ]))
    },
    judge: |facts| {
        let seeds = facts.counted("seeds", "seed");
        let orders = format!("{seeds} gave {}", facts.counted("orders", "order"));
        let (times, unsteady) = (
            &facts["times"],
            facts.count("seeds") - facts.count("same_order"),
        );
        if unsteady > 0 {
            Holds.because(format!(
                "{orders}, and {unsteady} of the seeds gave different orders in {times} runs: a run \
                 cannot be repeated."
            ))
        } else if facts.count("orders") > 1 {
            DoesNotHold.because(format!(
                "{orders}, and each seed gave the same order {times} times: an order that shows a fault \
                 can be reproduced."
            ))
        } else {
            let because = "so reproducing the order proves nothing.";
            Undecided.because(format!("{orders}, {because}"))
        }
    },
};

/// Returns the names of the customers in the order in which one cashier served them. The order is drawn
/// from `seed`, and the clock is virtual.
fn order(lab: &Lab, seed: u64) -> anyhow::Result<Vec<String>> {
    let shop = cashier::shop(
        &Crew::drawn_from(seed)?,
        CUSTOMERS,
        Duration::from_millis(1),
    )?;
    anyhow::ensure!(shop.one.output, "a sum came out wrong");
    lab.note_both(&shop);
    let visits = cashier::visits(&shop.one.timeline).into_iter();
    Ok(visits.map(|visit| visit.customer).collect())
}

/// Opens one more shop as an experiment, and checks the runs of all claims.
pub(super) const ALSO_CONCURRENT: Claim = Claim {
    id: 13,
    said: "Every parallel run is also concurrent.",
    // No single demo has all runs, so the command runs all claims.
    command: |sizes| match sizes.is_small {
        true => "brigade claims --size small".to_owned(),
        false => "brigade claims".to_owned(),
    },
    measure: |lab| {
        let shop = cashier::shop(
            &lab.hire()?,
            CUSTOMERS / 2,
            Duration::from_millis(lab.sizes.minute),
        )?;
        anyhow::ensure!(shop.one.output && shop.many.output, "a sum came out wrong");
        lab.note_both(&shop);
        Ok(count_runs(&lab.traces()))
    },
    judge: |facts| {
        let runs = facts.counted("runs", "run");
        let were = |key| match facts.count(key) {
            1 => "1 was".to_owned(),
            number => format!("{} were", units::count(number)),
        };
        if facts.count("violations") > 0 {
            return DoesNotHold.because(format!(
                "In {} of {runs} more tasks were at work at once than were in flight.",
                facts["violations"]
            ));
        }
        if facts.count("parallel") == 0 {
            let because = "parallel, so the claim was not put to the test.";
            return Undecided.because(format!("None of {runs} was {because}"));
        }
        Holds.because(format!(
            "Of the {runs} behind these claims {} parallel, with never more tasks at once than in \
             flight. {} concurrent and not parallel, so the converse does not hold.",
            were("parallel"),
            were("concurrent_only"),
        ))
    },
};

fn count_runs(traces: &[Trace]) -> Facts {
    let runs = |is: fn(usize, usize) -> bool| {
        let pairs = traces.iter().map(|trace| &trace.figures);
        let pairs = pairs.map(|figures| (figures.in_flight_max, figures.at_once_max));
        pairs.filter(|pair| is(pair.0, pair.1)).count()
    };
    let parallel = runs(|_, at_once| at_once > 1);
    let concurrent_only = runs(|in_flight, at_once| at_once <= 1 && in_flight > 1);
    let violations = runs(|in_flight, at_once| at_once > in_flight);
    Facts(vec![
        count("runs", "runs", traces.len()),
        count("parallel", "parallel", parallel),
        count("concurrent_only", "concurrent only", concurrent_only),
        count("violations", "more at once than in flight", violations),
    ])
}
