//! Claims about many tasks in flight: how one thread runs them, and in which order.

use std::collections::BTreeSet;

use super::*;
use crate::{cashier, fetch, kitchen};

/// Measures a dinner whose steps are all begun together, with one cook and with many.
pub(super) const AUTOMATIC: Claim = Claim {
    id: 1,
    said: "Async code is automatically parallel.",
    command: |sizes| format!("brigade kitchen --minute {}", sizes.minute.as_millis()),
    measure: |lab| {
        let dinners = kitchen::three_ways(&lab.hire()?, lab.sizes.minute)?;
        ensure!(dinners.alike(), "the three dinners are not the same");
        lab.note(&dinners.sequential);
        lab.note_both(&dinners.together);
        let [one, many] = [&dinners.together.one, &dinners.together.many].map(|run| &run.figures);
        Ok(Facts(vec![
            count("in_flight_max", "in flight, 1 cook", one.in_flight_max),
            count("at_once_max", "at once, 1 cook", one.at_once_max),
            count("cooks_many", "cooks of the other run", many.cooks),
            count("at_once_max_many", "at once in that run", many.at_once_max),
        ]))
    },
    judge: |facts| {
        let (verdict, said) = if facts.count("in_flight_max") < 2 {
            let none =
                "No two tasks were in flight together, so no two could have run at one instant.";
            (Undecided, none)
        } else if facts.count("at_once_max") > 1 {
            let some = "With only one cook, {at_once_max} of {in_flight_max:task} were worked on at one \
                        instant.";
            (Holds, some)
        } else {
            let threads = "One cook had {in_flight_max:task} in flight and never worked on two at one \
                           instant. The same code had up to {at_once_max_many:task} at once with \
                           {cooks_many:cook}: parallelism comes from threads.";
            (DoesNotHold, threads)
        };
        verdict.because(facts, [said])
    },
};

/// The smallest number that counts as thousands.
const THOUSANDS_ARE: usize = 1000;

/// The share of the requests that were answered. If it is at least `yes`, one core handled the requests. If it
/// is at most `no`, it did not.
const ANSWERED: Band = Band {
    no: 0.95,
    yes: 0.999,
};

/// The ratio of the total waiting time to the time of the run. If it is at least `yes`, the waits
/// overlapped. A reply takes a quarter of a second on average and half a second at most. With 2,000 requests
/// the ratio is about a thousand.
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
        let plan = fetch::Plan::to_origin(lab.sizes.requests)?;
        let report = plan.cook(&Crew::hire(1, false)?)?;
        ensure!(report.ending != Ending::Interrupted, Interrupted);
        lab.note_figures(&report.figures, report.waiting_share);
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
        let said =
            "One thread had {in_flight_max:request} in flight and {done} of {asked} were answered";
        let thousands = facts.count("in_flight_max") >= THOUSANDS_ARE;
        let tried = thousands && facts.count("at_once_max") == 1;
        let answered = ANSWERED.ask(facts.ratio("done", "asked"));
        let overlapped = OVERLAP.ask(facts.ratio("waited_s", "wall_s"));
        let (verdict, rest) = match (answered, overlapped) {
            _ if facts.count("asked") < THOUSANDS_ARE => {
                (Undecided, ", and thousands were never tried.")
            }
            (Answer::No, _) => (DoesNotHold, ", which is too few."),
            (_, Answer::No) => {
                let hardly =
                    ", in {wall_s} for {waited_s} of waiting: hardly any of it overlapped.";
                (DoesNotHold, hardly)
            }
            (Answer::Yes, Answer::Yes) if tried => {
                (Holds, "; {waited_s} of waiting took {wall_s}.")
            }
            _ => {
                let few = ": this does not prove that thousands are possible. The system may let this \
                           program open too few files, or may be too busy.";
                (Undecided, few)
            }
        };
        verdict.because(facts, [said, rest])
    },
};

/// The number of customers. They all come at the same time, and each is served twice. The order of their
/// first turns alone has 479,001,600 possibilities (12 factorial).
const CUSTOMERS: u32 = 12;

/// The number of seeds that are tried.
const SEEDS: u64 = 4;
/// The number of runs with each seed.
const TIMES: usize = 3;

/// Runs the shop of the demo `cashier` with several seeds, and several times with each seed.
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
        let said = "{seeds:seed} gave {orders:different order} of customers";
        let unsteady = facts.count("seeds") - facts.count("same_order");
        if unsteady > 0 {
            let unsteady = format!(", and {unsteady} of the seeds gave different orders in ");
            let never = "{times} runs: a run cannot be repeated.";
            Holds.because(facts, [said, &unsteady, never])
        } else if facts.count("orders") > 1 {
            let steady = ", and each seed gave the same order {times} times: an order that shows a fault \
                          can be reproduced.";
            DoesNotHold.because(facts, [said, steady])
        } else {
            let nothing = ", so reproducing the order proves nothing.";
            Undecided.because(facts, [said, nothing])
        }
    },
};

/// Returns the customers in the order in which one cashier served them. The order is drawn from `seed`.
fn order(lab: &Lab, seed: u64) -> anyhow::Result<Vec<String>> {
    let run = cashier::drawn_from(seed, CUSTOMERS, Duration::from_millis(1))?;
    lab.note(&run);
    Ok(run.output)
}

/// Runs the shop of the demo `cashier` with one cook and with many, and tests this claim on all runs so far.
pub(super) const ALSO_CONCURRENT: Claim = Claim {
    id: 13,
    said: "Every parallel run is also concurrent.",
    // This claim compares the runs of all demos, and only `brigade claims` makes all of them.
    command: |sizes| match sizes.is_small {
        true => "brigade claims --size small".to_owned(),
        false => "brigade claims".to_owned(),
    },
    measure: |lab| {
        let shop = cashier::shop(&lab.hire()?, CUSTOMERS / 2, lab.sizes.minute)?;
        ensure!(shop.one.output && shop.many.output, "a sum came out wrong");
        lab.note_both(&shop);
        Ok(count_runs(&lab.traces()))
    },
    judge: |facts| {
        let one_or_more = |key, one: &'static str, more: &'static str| match facts.count(key) {
            1 => one,
            _ => more,
        };
        let parallel = one_or_more("parallel", "{parallel} was", "{parallel} were");
        let others = one_or_more(
            "concurrent_only",
            "{concurrent_only} was",
            "{concurrent_only} were",
        );
        if facts.count("violations") > 0 {
            let more = "In {violations} of {runs:run}, more tasks were at work at once than were in flight.";
            DoesNotHold.because(facts, [more])
        } else if facts.count("parallel") == 0 {
            let none = "None of {runs:run} was parallel, so the claim was not tested.";
            Undecided.because(facts, [none])
        } else {
            let before = "Of the {runs:run} behind these claims, ";
            let never = " parallel, and never had more tasks at once than in flight; ";
            let converse = " concurrent and not parallel, so the converse does not hold.";
            Holds.because(facts, [before, parallel, never, others, converse])
        }
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
