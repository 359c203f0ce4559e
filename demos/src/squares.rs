//! `brigade squares`: sums of squares, computed in chunks.
//!
//! This demo shows that more cooks speed up computing, up to the number of cores. First, four cooks compute
//! the sum of the squares of 0..100, which is always 328,350, in four chunks. Then four cooks compute four
//! larger chunks, which take long enough to be drawn. Finally, a sum that takes about a second is computed
//! with 1, 2, … cooks. The table shows the speed-up of each run over one cook, and the speed-up per cook (the
//! efficiency).

use crate::prelude::*;
use crate::work::{numbers_in, squares};

/// The sum of the squares in chunks: speed-up and efficiency with 1, 2, … cooks
///
/// # Notes
///
/// --cooks here: the largest number of cooks in the table. With --cooks 4, the table has rows for 1, 2 and
/// 4 cooks. With a list such as --cooks 3,5, it has rows for these numbers and for one cook. Without
/// --cooks, the table goes up to twice the number of cores.
///
/// --json adds these keys:
///
/// - `sum`, `small`: the sum of the 100 squares, and the figures of its run on four cooks
///
/// - `large`: the figures of the run with four larger chunks
///
/// - `size`, `big_sum_modulo_2_64`: the number of squares in the big sum (the sum of the table), and its
///   result
///
/// - `ladder`: the figures of the big sum for each number of cooks
///
/// - `speed_up_cooks`, `speed_up`: the requested number of cooks (of a list, the largest; without --cooks,
///   one per core, but at least two), and the speed-up over one cook
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of squares in the big sum [default: as many as one cook adds up in about a second]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(100..=SIZE_MAX))]
    size: Option<u64>,
}

/// The largest size of the big sum. A sum of this size may take hours.
const SIZE_MAX: u64 = 1_000_000_000_000;

/// The time that one cook takes for the big sum of the default size.
const BIG: Duration = Duration::from_secs(1);

/// The number of squares in the small sum.
const SMALL: u64 = 100;
/// The number of chunks of the small sum and of the sum that is drawn.
const SMALL_CHUNKS: u64 = 4;
/// The number of cooks that compute these chunks: one for each.
const FOUR_COOKS: usize = SMALL_CHUNKS as usize;

/// The number of squares in the big sum, divided by the number in the sum that is drawn.
const DRAWN_PART: u64 = 4;

/// The number of chunks of the big sum. There are several for each cook, so that an interrupted cook does
/// not keep the others waiting at the end. Arbitrary.
const BIG_CHUNKS: u64 = 64;

/// Returns the sum of the squares of `0..size`. Each chunk is a task.
async fn sum(size: u64, chunks: u64) -> u64 {
    let cut = |chunk| size * chunk / chunks;
    let tasks: Vec<_> = (0..chunks)
        .map(|chunk| (chunk + 1, squares(cut(chunk)..cut(chunk + 1))))
        .map(|(number, chunk)| begin(&format!("chunk {number}"), chunk))
        .collect();
    join_all(tasks).await.into_iter().fold(0, u64::wrapping_add)
}

/// A row of the table: the run of the big sum with a given number of cooks.
struct Rung {
    run: Run<u64>,
    speed_up: SpeedUp,
}

impl Rung {
    /// Returns the speed-up per cook.
    fn efficiency(&self) -> f64 {
        self.speed_up.factor / self.run.figures.cooks as f64
    }

    fn facts(&self) -> Facts {
        self.run.facts().with([
            speed_up("speed_up", "speed-up", self.speed_up),
            share("efficiency", "efficiency", Some(self.efficiency())),
        ])
    }
}

/// Measures a sum, and returns an error if it is wrong.
fn right_sum(executor: &Crew, size: u64, chunks: u64) -> anyhow::Result<Run<u64>> {
    let run = measure(executor, sum(size, chunks))?;
    let cooks = executor.workers();
    ensure!(
        run.output == squares_below(size),
        "the sum of {size} with {cooks} cooks is wrong"
    );
    Ok(run)
}

/// Computes a sum with four chunks on four cooks.
fn in_four(size: u64) -> anyhow::Result<Run<u64>> {
    right_sum(&cooks::hire(FOUR_COOKS)?, size, SMALL_CHUNKS)
}

/// Computes the big sum with one cook and with each number of cooks in `rungs`. `executor` makes the run that
/// needs its number of cooks; new executors make the other runs.
fn ladder(executor: &Crew, size: u64, rungs: &[usize]) -> anyhow::Result<Vec<Rung>> {
    let mut ladder: Vec<Rung> = Vec::new();
    let others = rungs.iter().copied().filter(|&rung| rung > 1);
    for cooks in std::iter::once(1).chain(others) {
        let run = match cooks == executor.workers() {
            true => right_sum(executor, size, BIG_CHUNKS)?,
            false => right_sum(&cooks::hire(cooks)?, size, BIG_CHUNKS)?,
        };
        let one = ladder.first().map_or(&run, |one| &one.run);
        // By default, the possible gain also grows with the number of tasks in flight, because waiting can
        // overlap. Chunks never wait, so only the numbers of cooks and cores limit the gain.
        let most = cooks.min(cooks::cores()) as f64;
        let speed_up = one.times_as_long_as(&run).at_most(most);
        ladder.push(Rung { run, speed_up });
    }
    Ok(ladder)
}

/// Returns the last row whose number of cooks satisfies `suits`.
fn last(ladder: &[Rung], suits: impl Fn(usize) -> bool) -> Option<&Rung> {
    let mut ladder = ladder.iter();
    ladder.rfind(|rung| suits(rung.run.figures.cooks))
}

/// Describes the small and the large sum, both in four chunks on four cooks.
fn four_chunks(small: &Run<u64>, large: &Run<u64>, large_size: u64) -> String {
    let [small_max, large_max] = [small, large].map(|run| run.figures.at_once_max);
    let mut said = format!(
        "First, a small sum in {SMALL_CHUNKS} chunks for {FOUR_COOKS} cooks: the squares of 0 to {} \
         add up to {}, with up to {} at once.",
        SMALL - 1,
        units::count(small.output as usize),
        counted(small_max, "chunk"),
    );
    if small_max < FOUR_COOKS {
        said.push_str(&format!(
            " A chunk of {} squares is done before all cooks have woken: such small work gains nothing from \
             more cooks.",
            SMALL / SMALL_CHUNKS,
        ));
    }
    let larger = format!(
        "Second, a larger sum, which is drawn: {} numbers, cut and shared in the same way, with up to {} at \
         once on {}.",
        units::count(large_size as usize),
        counted(large_max, "chunk"),
        counted(cooks::cores(), "core"),
    );
    let parts = "Three sums are computed in chunks. A chunk is a task that any cook can run.";
    [parts, &said, &larger].map(report::wrapped).join("\n")
}

/// Describes what the run with one cook shows.
fn of_one(figures: &Figures, cores: usize) -> String {
    let on_cores = match cores {
        1 => "With 1 core, more cooks would not make it faster.".to_owned(),
        _ => format!(
            "Only more cooks make it faster: at most {} x on {cores} cores.",
            factor(cores as f64)
        ),
    };
    format!(
        "One cook took {}: {} were in flight, but it computes one at a time, so cutting the sum \
         into chunks alone gains nothing. {on_cores}",
        duration(figures.wall),
        counted(figures.in_flight_max, "chunk"),
    )
}

fn verdict(ladder: &[Rung], cores: usize) -> String {
    let one = &ladder[0];
    let within = last(ladder, |cooks| cooks <= cores).unwrap_or(one);
    let (cooks, gain) = (within.run.figures.cooks, within.speed_up);
    let mut said = vec![match gain.change() {
        _ if ladder.len() == 1 => of_one(&one.run.figures, cores),
        _ if cooks == 1 => format!("One cook took {}.", duration(one.run.figures.wall)),
        Change::Faster => format!(
            "{cooks} cooks were {gain} as fast as one, which is an efficiency of {}.",
            percent(within.efficiency()),
        ),
        _ => format!("{cooks} cooks were {}.", gain.compared_with("one")),
    }];
    // Arbitrary: below this time, waking the cooks takes a noticeable part of the run.
    let is_short = one.run.figures.wall < Duration::from_millis(100);
    if gain.change() != Change::Faster && cooks > 1 && is_short {
        said.push("The sum is so short that waking the cooks takes much of the time.".to_owned());
    }
    said.extend(gain.doubt());
    said.extend(within.run.crowding().or_else(|| one.run.crowding()));
    said.extend(one.run.unlike(&within.run));
    if let Some(beyond) = last(ladder, |cooks| cooks > cores) {
        let further = within.run.times_as_long_as(&beyond.run);
        let further = further.at_most(cores as f64 / cooks as f64);
        said.push(format!(
            "{} shared {} and were {}.",
            counted(beyond.run.figures.cooks, "cook"),
            counted(cores, "core"),
            further.compared_with(&counted(cooks, "cook")),
        ));
        said.extend(further.doubt());
    }
    said.join(" ")
}

/// The demo.
pub(crate) struct Squares {
    size: u64,
    /// The numbers of cooks that the user asked for.
    asked: Vec<usize>,
}

impl Squares {
    pub(crate) fn new(args: &Args, shared: &Shared) -> Self {
        Self {
            size: args.size.unwrap_or_else(|| numbers_in(BIG)),
            asked: shared.cooks.clone(),
        }
    }

    /// Returns the number of cooks whose speed-up is reported, and the number of cooks of each rung (a row of
    /// the table). If the user requests several numbers of cooks, they are used unchanged. Otherwise the last
    /// rung has the requested number, or twice the number of cores if none is requested.
    fn rungs(&self, at_hand: usize) -> (usize, Vec<usize>) {
        if let [_, _, ..] = self.asked[..] {
            return (at_hand, self.asked.clone());
        }
        let cores = cooks::a_cook_a_core();
        let (of_interest, last) = match self.asked[..] {
            [] => (cores, 2 * cores),
            _ => (at_hand, at_hand),
        };
        let doubled = std::iter::successors(Some(1_usize), |cooks| cooks.checked_mul(2));
        let mut rungs: Vec<usize> = doubled.take_while(|&cooks| cooks < last).collect();
        rungs.extend([of_interest, last]);
        rungs.sort_unstable();
        rungs.dedup();
        (of_interest, rungs)
    }
}

impl Dish for Squares {
    /// Returns only the largest number, because the other numbers become rows of the same table.
    fn runs(&self, asked: Vec<usize>) -> Vec<usize> {
        asked.into_iter().max().into_iter().collect()
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let (of_interest, rungs) = self.rungs(executor.workers());
        // Measure the speed of this machine now, so that no run includes that measurement.
        numbers_in(BIG);
        let large_size = (self.size / DRAWN_PART).max(SMALL);
        let (small, large) = (in_four(SMALL)?, in_four(large_size)?);
        let ladder = ladder(executor, self.size, &rungs)?;
        let rung = |number| last(&ladder, |cooks| cooks == number);
        let at_hand = rung(executor.workers()).unwrap_or(&ladder[0]);
        let speed_up = rung(of_interest).map_or(1.0, |rung| rung.speed_up.factor);
        let size = units::count(self.size as usize);
        let title = format!("squares: the sum of {size} squares, and how many cooks help");
        let mut report = Report::of("squares", title, &at_hand.run);
        let drawn = format!("{SMALL_CHUNKS} chunks, {FOUR_COOKS} cooks");
        let (until, sum) = (units::count((self.size - 1) as usize), ladder[0].run.output);
        let big = format!(
            "Third, the big sum of the table: the squares of 0 to {until} in {BIG_CHUNKS} chunks. They \
             add up to {}, modulo 2^64.",
            units::count(sum as usize),
        );
        let four = four_chunks(&small, &large, large_size);
        report.intro = format!("{four}\n{}", report::wrapped(&big));
        report.charts = paint::draw("cook", &[(&large.timeline, drawn)]);
        report.details = columns::of(ladder.iter().map(Rung::facts));
        let explained = "speed-up: how many times as fast as 1 cook; efficiency: speed-up per cook";
        report.details.extend([String::new(), explained.to_owned()]);
        report.verdict = verdict(&ladder, cooks::cores());
        report.own_keys(json!({
            "sum": small.output,
            "small": small.facts().json(),
            "large": large.facts().json(),
            "speed_up": speed_up,
            "speed_up_cooks": of_interest,
            "size": self.size,
            "big_sum_modulo_2_64": sum,
            "ladder": ladder.iter().map(|rung| rung.facts().json()).collect::<Value>(),
        }));
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_leave_nothing_out() {
        for (size, chunks) in [(100, 4), (7, 64), (1001, 64)] {
            assert_eq!(
                brigade::run(sum(size, chunks)),
                squares_below(size),
                "{size}"
            );
        }
    }

    #[test]
    fn one_cook_shows_that_chunks_alone_gain_nothing() {
        let figures = Figures {
            wall: Duration::from_secs(2),
            in_flight_max: 64,
            ..Figures::default()
        };
        let said = of_one(&figures, 2);
        assert!(
            said.starts_with("One cook took 2.00 s: 64 chunks were in flight"),
            "{said}"
        );
        assert!(said.ends_with("at most 2.00 x on 2 cores."), "{said}");
        assert!(of_one(&figures, 1).ends_with("would not make it faster."));
    }

    #[test]
    fn rungs_lead_to_what_was_asked_for_or_beyond_the_cores() {
        let squares = |asked: &[usize]| Squares {
            size: 100,
            asked: asked.to_vec(),
        };
        assert_eq!(squares(&[1]).rungs(1), (1, vec![1]));
        assert_eq!(squares(&[6]).rungs(6), (6, vec![1, 2, 4, 6]));
        assert_eq!(squares(&[1, 3]).rungs(3), (3, vec![1, 3]));
        let (of_interest, rungs) = squares(&[]).rungs(1);
        assert_eq!(rungs[0], 1);
        assert!(rungs.contains(&of_interest) && *rungs.last().unwrap() == 2 * of_interest);
    }
}
