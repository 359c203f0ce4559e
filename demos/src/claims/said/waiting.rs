//! Claims about ways to wait: yielding or keeping the thread, alone or with many workers, polling or being
//! notified.

use super::*;
use crate::frames::Frames;

/// The share of frames that were missed. If it is at most `no`, the screen counts as undisturbed, because
/// other programs may cause a few missed frames.
const MISSED: Band = Band { no: 0.05, yes: 0.3 };

/// How long the hogging computation keeps the thread before it yields, in milliseconds: six frames.
const HOG: u64 = 100;

/// The time of one frame, in seconds. If other programs kept the thread off the core for longer, this may
/// explain missed frames.
const STARVED_S: f64 = 0.017;

/// Runs a screen and a computation on one thread, twice. The computation yields every millisecond in one run,
/// and every [`HOG`] milliseconds in the other.
pub(super) const SIXTY_HZ: Claim = Claim {
    id: 7,
    said: "A UI on one core can stay at 60 Hz while something heavy computes.",
    command: |sizes| format!("brigade frames --cooks 1 --frames {}", sizes.frames),
    measure: |lab| {
        let frames = lab.sizes.frames;
        let run = Frames { frames, hog: HOG }.measure(&cooks::hire(1)?)?;
        lab.note(&run);
        ensure!(
            run.output.sums_are_right(),
            "something was computed wrongly"
        );
        let [yielding, hogging] =
            [&run.output.yielding, &run.output.hogging].map(|show| &show.facts);
        Ok(Facts(vec![
            count("frames", "frames", frames as usize),
            yielding["missed"].called("missed_yielding", "missed, yielding"),
            yielding["worst_lateness_s"].clone(),
            hogging["missed"].called("missed_hogging", "missed, hogging"),
            yielding["starved_s"].called("starved_s", "core taken away"),
        ]))
    },
    judge: |facts| {
        let said = "The screen missed {missed_yielding} of {frames:frame} while a computation yielded every \
                    millisecond";
        let hogging = MISSED.ask(facts.ratio("missed_hogging", "frames"));
        let (verdict, rest) = match MISSED.ask(facts.ratio("missed_yielding", "frames")) {
            Answer::No if hogging == Answer::Yes => {
                let hog = ". Beside a computation that kept the thread for six frames, the screen missed \
                           {missed_hogging}: the computation must yield.";
                (Holds, hog)
            }
            Answer::No => (
                Holds,
                ". Beside a computation that kept the thread for six frames, the screen missed \
                 {missed_hogging}.",
            ),
            _ if facts["starved_s"].value > STARVED_S => (
                Undecided,
                ", but other programs had the core for {starved_s} of this time.",
            ),
            Answer::Yes => (DoesNotHold, "."),
            Answer::Unclear => (Undecided, ": more than a few frames, but far from all."),
        };
        verdict.because(facts, [said, rest])
    },
};

/// Returns the command of both claims about coffee.
fn coffee_command(sizes: &Sizes) -> String {
    let coffee = &sizes.coffee;
    let (machines, brew, shift) = (coffee.machines, coffee.brew, coffee.shift);
    format!("brigade coffee --cooks 1 --machines {machines} --brew {brew} --shift {shift}")
}

/// The minimum number of orders that a hired worker must serve, on average. With fewer orders, a single order
/// would make too large a difference.
const ORDERS: usize = 4;

/// Makes coffee in three ways: one worker stands at one machine; many workers stand at one machine each; one
/// worker is notified when a cup is ready.
pub(super) const HIRING: Claim = Claim {
    id: 8,
    said: "Hiring more workers removes waiting.",
    command: coffee_command,
    measure: |lab| {
        let [alone, _, told, hired] = &lab.coffee()?.ways;
        let brew = Duration::from_millis(lab.sizes.coffee.brew);
        // How long a worker waited for each of its orders.
        let wait = |way: &Facts| {
            let workers = way["threads"].value * way["wall_s"].value;
            Duration::from_secs_f64(workers / way["orders"].value.max(1.0))
        };
        Ok(Facts(vec![
            time("brew_s", "a cup takes", brew),
            time("wait_alone_s", "wait, one alone", wait(alone)),
            time("wait_hired_s", "wait, each hired", wait(hired)),
            hired["threads"].called("workers_hired", "hired"),
            hired["orders"].called("orders_hired", "orders, hired"),
            told["orders"].called("orders_told", "orders, one notified"),
        ]))
    },
    judge: |facts| {
        let each = "A cup takes {brew_s}. One worker at one machine waited {wait_alone_s} for each cup, \
                    and each of {workers_hired} hired workers, at a machine of its own, waited \
                    {wait_hired_s}. ";
        let told = "The {workers_hired} workers served {orders_hired:order}; a single thread that is \
                    notified when a cup is ready served {orders_told}";
        // Compare the wait with the brewing time, and not with the wait of the single worker. If other
        // programs lengthened that wait, the hired workers would seem faster than they are.
        let shorter = GAIN.ask(facts.ratio("brew_s", "wait_hired_s"));
        let more = GAIN.ask(facts.ratio("orders_hired", "orders_told"));
        let few = facts.count("orders_hired") < ORDERS * facts.count("workers_hired");
        match (shorter, more) {
            _ if few => Undecided.because(facts, [each, told, ": too few to compare."]),
            (Answer::Yes, _) => Holds.because(facts, [each, told, "."]),
            (Answer::No, Answer::No) => DoesNotHold.because(facts, [each, told, "."]),
            (Answer::No, Answer::Yes) => {
                let (compared, told) = ("On what hiring is compared with. ", uncapitalized(told));
                Depends.because(facts, [compared, each, "But ", &told, "."])
            }
            _ => {
                let small = ": the difference is too small to decide.";
                Undecided.because(facts, [each, told, small])
            }
        }
    },
};

/// The ratio of the busy loop's processor time to that of the notified thread. The ratio is acceptable if it
/// is at most `no`, and too high if it is at least `yes`.
const COST: Band = Band { no: 1.5, yes: 4.0 };

/// The ratio of the orders of the busy loop to those of the notified thread. If the ratio is at most `no`,
/// the busy loop is not better. If it is at least `yes`, the busy loop is better.
const SERVICE: Band = Band { no: 1.2, yes: 1.5 };

/// Makes the same coffee with one thread that polls all machines all the time, and with one thread that
/// is notified.
pub(super) const BUSY_LOOP: Claim = Claim {
    id: 9,
    said: "Polling in a busy loop is as good as being notified.",
    command: coffee_command,
    measure: |lab| {
        let [_, asking, told, _] = &lab.coffee()?.ways;
        Ok(Facts(vec![
            asking["cores"].called("cores_asking", "share of a core, asking"),
            told["cores"].called("cores_told", "share of a core, notified"),
            asking["orders"].called("orders_asking", "orders, asking"),
            told["orders"].called("orders_told", "orders, notified"),
        ]))
    },
    judge: |facts| {
        let orders = "The thread that asked all machines all the time served {orders_asking:order}, and \
                      the notified thread served {orders_told}";
        if !facts["cores_asking"].is_known() || !facts["cores_told"].is_known() {
            let unknown = ", but this system does not report how much of a core that took.";
            return Undecided.because(facts, [orders, unknown]);
        }
        let cost = "asking took {cores_asking} of a core, and being notified took {cores_told}";
        let better = SERVICE.ask(facts.ratio("orders_asking", "orders_told"));
        match (COST.ask(facts.ratio("cores_asking", "cores_told")), better) {
            (Answer::Yes, Answer::No) => DoesNotHold.because(facts, [orders, "; ", cost, "."]),
            (Answer::Yes, Answer::Yes) => {
                let (worth, orders) = ("On what a core is worth: ", uncapitalized(orders));
                Depends.because(facts, [worth, &orders, ", but ", cost, "."])
            }
            (Answer::No, _) => Holds.because(facts, [orders, "; ", cost, "."]),
            _ => Undecided.because(facts, [orders, "; ", cost, ": no clear difference."]),
        }
    },
};
