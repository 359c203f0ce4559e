//! Claims about ways to wait: yielding or hogging, alone or with many, polling or being notified.

use super::*;
use crate::frames::Frames;

/// The share of missed frames. Other programs may cause a few.
const MISSED: Band = Band { no: 0.05, yes: 0.3 };

/// How long a hog keeps the thread at a time, in milliseconds. It is the time of six frames.
const HOG: u64 = 100;

/// The time of one frame, in seconds. If other programs kept the thread off the core for longer, this may
/// explain missed frames.
const STARVED_S: f64 = 0.017;

/// Runs a screen and a computation on one thread. The computation yields in one run and hogs in the
/// other.
pub(super) const SIXTY_HZ: Claim = Claim {
    id: 7,
    said: "A UI on one core can stay at 60 Hz while something heavy computes.",
    command: |sizes| format!("brigade frames --cooks 1 --frames {}", sizes.frames),
    measure: |lab| {
        let frames = lab.sizes.frames;
        let run = Frames { frames, hog: HOG }.measure(&cooks::hire(1)?)?;
        lab.note(&run);
        let (yielding, hogging) = (&run.output.yielding, &run.output.hogging);
        let right = yielding.sum_is_right && hogging.sum_is_right;
        anyhow::ensure!(right, "something was computed wrongly");
        Ok(Facts(vec![
            count("frames", "frames", yielding.on_time.len()),
            count("missed_yielding", "missed, yielding", yielding.missed()),
            time("worst_lateness_s", "worst lateness", yielding.worst),
            count("missed_hogging", "missed, hogging", hogging.missed()),
            time("starved_s", "core taken away", yielding.starved),
        ]))
    },
    judge: |facts| {
        let missed = format!(
            "{} of {} were missed while a computation yielded every millisecond",
            facts["missed_yielding"],
            facts.counted("frames", "frame")
        );
        let starved = &facts["starved_s"];
        match MISSED.ask(facts.ratio("missed_yielding", "frames")) {
            Answer::No => {
                let hogging = match MISSED.ask(facts.ratio("missed_hogging", "frames")) {
                    Answer::Yes => "The computation must yield: beside a hog,",
                    _ => "Beside a hog,",
                };
                let many = &facts["missed_hogging"];
                Holds.because(format!("{missed}. {hogging} {many} were missed."))
            }
            _ if starved.value > STARVED_S => Undecided.because(format!(
                "{missed}, but other programs had the core for {starved} of that."
            )),
            Answer::Yes => DoesNotHold.because(format!("{missed}.")),
            Answer::Unclear => {
                Undecided.because(format!("{missed}: more than a few and far from all."))
            }
        }
    },
};

/// Returns the command of both claims about coffee.
fn coffee_command(sizes: &Sizes) -> String {
    let coffee = &sizes.coffee;
    format!(
        "brigade coffee --cooks 1 --machines {} --brew {} --shift {}",
        coffee.machines, coffee.brew, coffee.shift
    )
}

/// The minimum number of orders for each way. With fewer, a single order would make too large a
/// difference.
const ORDERS: usize = 4;

/// Makes coffee with one worker who stands at a machine, with many who do the same, and with one who is
/// notified when a cup is ready.
pub(super) const HIRING: Claim = Claim {
    id: 8,
    said: "Hiring more workers removes waiting.",
    command: coffee_command,
    measure: |lab| {
        let shifts = lab.coffee()?;
        let (alone, hired) = (&shifts.blocked, &shifts.hired);
        let brew = Duration::from_millis(lab.sizes.coffee.brew);
        let wait_alone = alone.wall.div_f64(alone.orders.max(1) as f64);
        let all_hired = hired.wall * hired.threads as u32;
        let wait_hired = all_hired.div_f64(hired.orders.max(1) as f64);
        Ok(Facts(vec![
            time("brew_s", "a cup takes", brew),
            time("wait_alone_s", "wait, one alone", wait_alone),
            time("wait_hired_s", "wait, each hired", wait_hired),
            count("workers_hired", "hired", hired.threads),
            count("orders_hired", "orders, hired", hired.orders),
            count(
                "orders_told",
                "orders, one notified",
                shifts.notified.orders,
            ),
        ]))
    },
    judge: |facts| {
        let workers = &facts["workers_hired"];
        let each = format!(
            "A cup takes {}: one worker at one machine waited {} for each, and each of {workers} hired \
             workers, with one machine each, waited {}",
            facts["brew_s"], facts["wait_alone_s"], facts["wait_hired_s"],
        );
        let told = format!(
            "The {workers} served {}; a single thread that is notified when a cup is ready served {}",
            facts.counted("orders_hired", "order"),
            facts["orders_told"],
        );
        if facts.count("orders_hired") < ORDERS * facts.count("workers_hired") {
            return Undecided.because(format!("{each}. {told}: too few to compare."));
        }
        // Compare the wait with the brewing time and not with the wait of the single worker. Other
        // programs may have lengthened the latter, and that would not be a merit of the hired workers.
        let shorter = GAIN.ask(facts.ratio("brew_s", "wait_hired_s"));
        match (
            shorter,
            GAIN.ask(facts.ratio("orders_hired", "orders_told")),
        ) {
            (Answer::Yes, _) => Holds.because(format!("{each}. {told}.")),
            (Answer::No, Answer::No) => DoesNotHold.because(format!("{each}. {told}.")),
            (Answer::No, Answer::Yes) => {
                let told = uncapitalized(&told);
                Depends.because(format!("On what it is compared with. {each}. But {told}."))
            }
            _ => {
                let because = "the difference is too small to decide.";
                Undecided.because(format!("{each}. {told}: {because}"))
            }
        }
    },
};

/// The ratio of processor times. It is acceptable up to `no`, and too high from `yes` on.
const COST: Band = Band { no: 1.5, yes: 4.0 };

/// The ratio of orders. Up to `no`, the service is equal, and from `yes` on, the first is better.
const SERVICE: Band = Band { no: 1.2, yes: 1.5 };

/// Makes the same coffee with one thread that polls all machines all the time, and with one thread that
/// is notified.
pub(super) const BUSY_LOOP: Claim = Claim {
    id: 9,
    said: "Polling in a busy loop is as good as being notified.",
    command: coffee_command,
    measure: |lab| {
        let (asking, told) = (&lab.coffee()?.busy_loop, &lab.coffee()?.notified);
        Ok(Facts(vec![
            share("cores_asking", "of a core, asking", asking.cores()),
            share("cores_told", "of a core, notified", told.cores()),
            count("orders_asking", "orders, asking", asking.orders),
            count("orders_told", "orders, notified", told.orders),
        ]))
    },
    judge: |facts| {
        let (asking, told) = (&facts["cores_asking"], &facts["cores_told"]);
        let orders = format!(
            "The thread that asked all machines all the time served {}, and the one that was notified \
             when a cup was ready served {}",
            facts.counted("orders_asking", "order"),
            facts["orders_told"]
        );
        if !asking.is_known() || !told.is_known() {
            let because = "but this system does not say what that cost.";
            return Undecided.because(format!("{orders}, {because}"));
        }
        let cost = format!("asking took {asking} of a core, being notified took {told}");
        let better = SERVICE.ask(facts.ratio("orders_asking", "orders_told"));
        match (COST.ask(facts.ratio("cores_asking", "cores_told")), better) {
            (Answer::Yes, Answer::No) => DoesNotHold.because(format!("{orders}; {cost}.")),
            (Answer::Yes, Answer::Yes) => {
                let orders = uncapitalized(&orders);
                Depends.because(format!("On what a core is worth: {orders}, but {cost}."))
            }
            (Answer::No, _) => Holds.because(format!("{orders}; {cost}.")),
            _ => Undecided.because(format!("{orders}; {cost}: no clear difference.")),
        }
    },
};
