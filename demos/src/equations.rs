//! `brigade equations`: a worker with many hands, and equations that depend on each other's results.
//!
//! This demo shows that dependent work takes at least as long as its longest chain of dependencies, the
//! critical path. With enough hands it takes no longer, and more hands do not make it faster. An equation
//! waits for the results that it needs, and then for a free hand. Then it is begun as a task: the hand types
//! it into a calculator, and gets the answer after a while. The drawing therefore shows one task for each
//! hand that is at work, and no other tasks.
//!
//! A hand is not a cook. One cook (one thread) can have any number of hands, because waiting for a calculator
//! takes none of the cook's time.
//!
//! ```text
//!   a ──▶ d ──▶ f ──▶ h        a = 6·7      2 min     e = c − b     2 min
//!   b ──▶ d     ▲     ▲        b = 10²      1 min     f = d · e     3 min
//!   b ──▶ e ────┘     │        c = 3⁵       3 min     g = c / 9     1 min
//!   c ──▶ e           │        d = a + b    2 min     h = f − g     1 min
//!   c ──▶ g ──────────┘
//! ```

use async_lock::Semaphore;
use futures_util::future::{FutureExt as _, LocalBoxFuture, Shared};

use crate::prelude::*;

/// Equations that depend on each other: how many hands are useful
///
/// # Notes
///
/// --cooks here: the number of threads that run the tasks, whatever the number of hands. The number of
/// threads makes no difference, because waiting for a calculator needs no thread. With --cooks 1,2, the
/// demo makes all runs with one thread, then with two, and compares the results.
///
/// --json adds these keys:
///
/// - `attempts`: the figures of the run with each number of `hands`; at most `hands_used_max` were busy at
///   one instant, and the longest chain took `measured_critical_path_s`
///
/// - `critical_path_s`: the calculated time of the longest chain
///
/// - `sum_s`: the time of all equations one after another
///
/// - `width`: the largest number of hands that were busy at one instant
///
/// - `result`: the result of the last equation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Length of a minute of calculating, in milliseconds
    #[arg(long, value_name = "MS", default_value = "20", value_parser = numbers::minute)]
    minute: Duration,
}

/// One equation of the sheet: its name, the indices of the equations whose results it needs, the minutes
/// that it takes, and its formula.
struct Equation(&'static str, &'static [usize], f64, fn(&[i64]) -> i64);

/// The sheet of equations. An equation needs only results of equations above it.
const SHEET: [Equation; 8] = [
    Equation("a = 6 · 7", &[], 2.0, |_| 6 * 7),
    Equation("b = 10²", &[], 1.0, |_| 10 * 10),
    Equation("c = 3⁵", &[], 3.0, |_| 3_i64.pow(5)),
    Equation("d = a + b", &[0, 1], 2.0, |n| n[0] + n[1]),
    Equation("e = c − b", &[2, 1], 2.0, |n| n[0] - n[1]),
    Equation("f = d · e", &[3, 4], 3.0, |n| n[0] * n[1]),
    Equation("g = c / 9", &[2], 1.0, |n| n[0] / 9),
    Equation("h = f − g", &[5, 6], 1.0, |n| n[0] - n[1]),
];

/// The result of the last equation.
const RESULT: i64 = (6 * 7 + 100) * (243 - 100) - 27;

/// Solves the whole sheet with `hands` hands, and returns all results. Each equation is begun as soon as
/// possible.
async fn solve(minute: Duration, hands: usize) -> Vec<i64> {
    let hands = Arc::new(Semaphore::new(hands));
    let mut sheet: Vec<Shared<LocalBoxFuture<'static, i64>>> = Vec::new();
    for Equation(name, needs, minutes, formula) in &SHEET {
        let needs: Vec<_> = needs.iter().map(|&at| sheet[at].clone()).collect();
        let hands = hands.clone();
        let solved = async move {
            let needed = join_all(needs).await;
            let _hand = hands.acquire().await;
            let type_in = async move {
                wait(minute.mul_f64(*minutes)).await;
                formula(&needed)
            };
            begin(name, type_in).await
        };
        sheet.push(solved.boxed_local().shared());
    }
    join_all(sheet).await
}

/// Computes the longest chain of dependencies from the sheet alone. Returns the indices of its equations,
/// and its length in minutes.
fn critical_path() -> (Vec<usize>, f64) {
    let longest = |one: &(Vec<usize>, f64), other: &(Vec<usize>, f64)| one.1.total_cmp(&other.1);
    // For each equation, the longest chain that ends with it, and the length of this chain.
    let mut chains: Vec<(Vec<usize>, f64)> = Vec::new();
    for (at, Equation(_, needs, takes, _)) in SHEET.iter().enumerate() {
        let needed = needs.iter().map(|&need| chains[need].clone());
        let (mut chain, minutes) = needed.max_by(longest).unwrap_or_default();
        chain.push(at);
        chains.push((chain, minutes + takes));
    }
    chains.into_iter().max_by(longest).unwrap_or_default()
}

/// The sheet, solved with a given number of hands.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) hands: usize,
    pub(crate) run: Run<Vec<i64>>,
}

impl Attempt {
    /// Returns the largest number of hands that were busy at one instant. It equals the largest number of
    /// tasks in flight, because an equation is a task exactly while a hand works on it.
    pub(crate) fn used(&self) -> usize {
        self.run.figures.in_flight_max
    }
}

/// The results of the experiment.
#[derive(Debug)]
pub(crate) struct Solutions {
    /// The attempts, from one hand to one hand per equation.
    pub(crate) attempts: Vec<Attempt>,
    /// The length of the longest chain of dependencies, computed from the sheet.
    pub(crate) critical_path: Duration,
    /// The time that all equations take one after another.
    pub(crate) sum: Duration,
}

/// Solves the sheet with 1, 2, 3 and 4 hands, and with one hand per equation. The last attempt runs on
/// `executor`, the others on new executors of the same size.
pub(crate) fn solutions(executor: &Crew, minute: Duration) -> anyhow::Result<Solutions> {
    let plenty = attempt(executor, minute, SHEET.len())?;
    let mut attempts = Vec::new();
    for hands in 1..=4 {
        let executor = cooks::hire(executor.workers())?;
        attempts.push(attempt(&executor, minute, hands)?);
    }
    attempts.push(plenty);
    Ok(Solutions {
        attempts,
        critical_path: minute.mul_f64(critical_path().1),
        sum: minute.mul_f64(SHEET.iter().map(|equation| equation.2).sum()),
    })
}

fn attempt(executor: &Crew, minute: Duration, hands: usize) -> anyhow::Result<Attempt> {
    let run = measure(executor, solve(minute, hands))?;
    let result = run.output.last();
    ensure!(
        result == Some(&RESULT),
        "{hands} hands found {result:?} instead of {RESULT}"
    );
    Ok(Attempt { hands, run })
}

impl Solutions {
    pub(crate) fn plenty(&self) -> &Attempt {
        &self.attempts[self.attempts.len() - 1]
    }

    /// Returns the attempt with exactly as many hands as can be busy at one instant.
    pub(crate) fn enough(&self) -> &Attempt {
        let plenty = self.plenty();
        let all_used = |attempt: &&Attempt| attempt.hands == plenty.used();
        self.attempts.iter().find(all_used).unwrap_or(plenty)
    }

    fn times_the_path(&self, attempt: &Attempt) -> f64 {
        attempt.run.figures.wall.as_secs_f64() / self.critical_path.as_secs_f64()
    }

    fn facts(&self, attempt: &Attempt) -> Facts {
        let figures = brigade_timeline::figures(&attempt.run.timeline);
        let most = f64::INFINITY;
        let factor = self.times_the_path(attempt);
        attempt.run.facts().unnamed().with([
            count("hands", "hands", attempt.hands),
            count("hands_used_max", "hands at work", attempt.used()),
            time("", "wall time", attempt.run.figures.wall),
            time("", "longest chain", self.critical_path),
            speed_up("", "wall / chain", SpeedUp { factor, most }),
            time("measured_critical_path_s", "", figures.critical_path),
        ])
    }

    fn verdict(&self) -> String {
        let [one, enough, plenty] = [&self.attempts[0], self.enough(), self.plenty()];
        let [alone, shared, free] = [one, enough, plenty].map(|it| duration(it.run.figures.wall));
        let (width, all) = (enough.hands, plenty.hands);
        if width == 1 {
            return format!(
                "One hand took {alone}, and {all} hands took {free}: more hands made no difference here."
            );
        }
        let chain = critical_path().0.into_iter().map(|at| &SHEET[at].0[..1]);
        format!(
            "One hand took {alone}, {width} hands took {shared}, and {all} hands took {free}: at most {} \
             hands could be busy at one instant. The longest chain is {} and takes {}; the run with {all} \
             hands took {} x as long.{} Waiting together is concurrency: one cook is enough.",
            plenty.used(),
            chain.collect::<Vec<_>>().join(" → "),
            duration(self.critical_path),
            factor(self.times_the_path(plenty)),
            self.lateness(),
        )
    }

    /// Returns an explanation if the run with the most hands took much longer than the longest chain.
    fn lateness(&self) -> &'static str {
        if self.times_the_path(self.plenty()) < MUCH_LONGER {
            return "";
        }
        " The rest of the time is the lateness of timers, up to a millisecond for each equation of the \
         chain. With a longer --minute, this lateness is a smaller share of the time."
    }
}

/// If a run takes at least this many times as long as the longest chain, the verdict explains why.
const MUCH_LONGER: f64 = 1.5;

impl Dish for Args {
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let solutions = solutions(executor, self.minute)?;
        let plenty = solutions.plenty();
        let title = format!(
            "equations: {} that need one another's results, {}",
            counted(SHEET.len(), "equation"),
            counted(executor.workers(), "cook"),
        );
        let mut report = Report::of("equations", title, &plenty.run);
        let drawn = [&solutions.attempts[0], plenty]
            .map(|attempt| (&attempt.run.timeline, counted(attempt.hands, "hand")));
        report.intro = report::wrapped(
            "A hand types one equation at a time into its calculator and waits for the answer. Waiting \
             needs no thread, so one cook can have any number of hands. The drawing shows each equation \
             from the moment at which a hand takes it until it is solved.",
        );
        report.part = "8 hands";
        let facts = solutions
            .attempts
            .iter()
            .map(|attempt| solutions.facts(attempt));
        report.draw("cook", &drawn);
        report.details = columns::of(facts.clone());
        report.verdict = solutions.verdict();
        report.own_keys(json!({
            "result": RESULT,
            "critical_path_s": solutions.critical_path.as_secs_f64(),
            "sum_s": solutions.sum.as_secs_f64(),
            "width": plenty.used(),
            "attempts": facts.map(|facts| facts.json()).collect::<Value>(),
        }));
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a virtual clock, only the equations take time. With enough hands the wall time is the critical
    /// path, and with one hand it is the sum.
    #[test]
    fn in_virtual_time_hands_past_the_width_change_nothing() {
        let minute = Duration::from_secs(60);
        let minutes = |hands| {
            let executor = brigade::SingleThread::builder().virtual_time(true);
            let executor = executor.build().unwrap();
            let wall = executor.block_on(async {
                let begun = brigade::time::now();
                assert_eq!(solve(minute, hands).await.last(), Some(&RESULT));
                brigade::time::now() - begun
            });
            (wall.as_secs_f64() / 60.0).round() as u64
        };
        assert_eq!(minutes(1), 15, "the sum");
        assert!(minutes(2) > 9);
        for hands in [3, 4, 8, 100] {
            assert_eq!(minutes(hands), 9, "the critical path, with {hands} hands");
        }
    }

    #[test]
    fn the_critical_path_is_the_longest_chain() {
        let (chain, minutes) = critical_path();
        assert_eq!(minutes, 9.0);
        let names: String = chain.iter().map(|&at| &SHEET[at].0[..1]).collect();
        assert_eq!(names, "cefh");
    }
}
