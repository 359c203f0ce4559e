//! `brigade squares`: the sum of the squares, in chunks.
//!
//! This demo shows that more cooks speed up computing, up to the number of cores. First, four workers
//! compute the sum of the squares of 0..100 in four chunks, which is always 328,350. Then the same four
//! workers compute larger chunks, which can be drawn. Finally, a sum that takes about a second is
//! computed with 1, 2, … cooks. The table shows how many times as fast each run was (the speed-up), and
//! the speed-up per cook (the efficiency).

use crate::prelude::*;
use crate::{
    compare,
    work::{numbers_in, squares},
};

/// The sum of the squares in chunks: speed-up and efficiency with 1, 2, … cooks
///
/// # Notes
///
/// --cooks here: the largest number of cooks in the table. 4 stands for 1, 2 and 4 cooks, and 1,3,4 for
/// exactly these; one cook is always included for comparison. Without --cooks the table goes up to twice
/// the number of cores.
///
/// --json adds `sum` (of the 100 squares), `small` (its run on four cooks) and `large` (a run with larger
/// chunks); `size` and `big_sum_modulo_2_64`, `ladder` (the figures for each number of cooks), and
/// `speed_up` with `speed_up_cooks` cooks.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of squares in the big sum [default: one cook needs about a second]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(100..=SIZE_MAX))]
    size: Option<u64>,
}

/// The largest size of the big sum. Adding it up takes hours.
const SIZE_MAX: u64 = 1_000_000_000_000;

/// The time that one cook takes for the big sum of the default size.
const BIG: Duration = Duration::from_secs(1);

/// The size of the small sum, its number of chunks, and the number of workers, which is the same.
const SMALL: u64 = 100;
const SMALL_CHUNKS: u64 = 4;
const WORKERS: usize = SMALL_CHUNKS as usize;

/// The four drawn chunks are the big sum divided by this number.
const DRAWN_PART: u64 = 4;

/// The number of chunks of the big sum. There are several for each cook, so that an interrupted cook does
/// not keep the others waiting at the end. Arbitrary.
const BIG_CHUNKS: u64 = 64;

/// Returns the sum of the squares of `0..size`, with each chunk as a task.
async fn sum(size: u64, chunks: u64) -> u64 {
    let cut = |chunk| size * chunk / chunks;
    let tasks: Vec<_> = (0..chunks)
        .map(|chunk| cut(chunk)..cut(chunk + 1))
        .map(|chunk| begin(&format!("{}..{}", chunk.start, chunk.end), squares(chunk)))
        .collect();
    join_all(tasks).await.into_iter().fold(0, u64::wrapping_add)
}

/// The big sum with a given number of cooks.
#[derive(Debug)]
pub(crate) struct Rung {
    pub(crate) run: Run<u64>,
    pub(crate) speed_up: SpeedUp,
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

/// The results of the experiment.
#[derive(Debug)]
pub(crate) struct Sums {
    /// The small sum, and a sum with larger chunks. Each has four chunks on four workers.
    pub(crate) small: Run<u64>,
    pub(crate) large: Run<u64>,
    pub(crate) size: u64,
    /// The big sum with 1, 2, … cooks.
    pub(crate) ladder: Vec<Rung>,
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

/// Computes the small sum on four workers, and the big sum with one cook and with each of `rungs`.
/// `executor` computes the big sum for its own number of cooks.
pub(crate) fn sums(executor: &Crew, size: u64, rungs: &[usize]) -> anyhow::Result<Sums> {
    // Measure the speed before any clock starts.
    numbers_in(BIG);
    let in_four = |size| right_sum(&cooks::hire(WORKERS)?, size, SMALL_CHUNKS);
    let small = in_four(SMALL)?;
    let large = in_four((size / DRAWN_PART).max(SMALL))?;
    let mut ladder: Vec<Rung> = Vec::new();
    let others = rungs.iter().copied().filter(|&rung| rung > 1);
    for cooks in std::iter::once(1).chain(others) {
        let run = match cooks == executor.workers() {
            true => right_sum(executor, size, BIG_CHUNKS)?,
            false => right_sum(&cooks::hire(cooks)?, size, BIG_CHUNKS)?,
        };
        let one = ladder.first().map_or(&run, |one| &one.run);
        // Chunks never wait, so only the number of cooks limits the gain, not the number of chunks in
        // flight.
        let most = cooks.min(cooks::cores()) as f64;
        let speed_up = one.times_as_long_as(&run).at_most(most);
        ladder.push(Rung { run, speed_up });
    }
    Ok(Sums {
        small,
        large,
        size,
        ladder,
    })
}

impl Sums {
    /// Returns the last rung whose number of cooks suits.
    fn last(&self, suits: impl Fn(usize) -> bool) -> Option<&Rung> {
        let mut ladder = self.ladder.iter();
        ladder.rfind(|rung| suits(rung.run.figures.cooks))
    }

    /// Returns the rows of both sums.
    fn rows(&self) -> Vec<Row> {
        let (last, at_once) = (SMALL - 1, self.small.figures.at_once_max);
        let small =
            format!("0² to {last}², {SMALL_CHUNKS} chunks, {WORKERS} cooks, {at_once} at once");
        let big = format!(
            "0² to {}², modulo 2^64",
            units::count((self.size - 1) as usize)
        );
        let sum = |run: &Run<u64>| units::count(run.output as usize);
        vec![
            row("small sum", sum(&self.small), small),
            row("big sum", sum(&self.ladder[0].run), big),
        ]
    }

    /// Shows four chunks on four workers: the small chunks in words, and the larger chunks in a drawing.
    fn charts(&self) -> Vec<String> {
        // Take the figures from the timeline that is drawn.
        let [small, large] = [&self.small, &self.large]
            .map(|run| brigade_timeline::figures(&run.timeline).at_once_max);
        let mut said = format!(
            "{SMALL_CHUNKS} chunks, {WORKERS} workers: the squares of 0 to {} came to {}, with up to {} \
             at once.",
            SMALL - 1,
            units::count(self.small.output as usize),
            counted(small, "chunk"),
        );
        if small < WORKERS {
            said.push_str(
                " A chunk of 25 squares is done before the next worker has woken: such small work gains \
                 nothing from more workers.",
            );
        }
        said.push_str(&format!(
            " Below, {} numbers in {SMALL_CHUNKS} chunks: up to {} at once, on {}.",
            units::count((self.size / DRAWN_PART).max(SMALL) as usize),
            units::count(large),
            counted(cooks::cores(), "core"),
        ));
        let title = format!("{SMALL_CHUNKS} chunks on {WORKERS} workers");
        let mut charts = paint::draw(&[(&self.large.timeline, title)]);
        charts.insert(0, report::wrapped(&said));
        charts
    }

    fn verdict(&self, cores: usize) -> String {
        let one = &self.ladder[0];
        let within = self.last(|cooks| cooks <= cores).unwrap_or(one);
        let (cooks, gain) = (within.run.figures.cooks, within.speed_up);
        let mut said = vec![match gain.change() {
            _ if cooks == 1 => format!("One cook took {}.", duration(one.run.figures.wall)),
            Change::Faster => format!(
                "{cooks} cooks were {gain} as fast as one, {} of what each could bring.",
                percent(within.efficiency()),
            ),
            _ => format!("{cooks} cooks were {}.", gain.compared_with("one")),
        }];
        said.extend(gain.doubt());
        said.extend(within.run.crowding().or_else(|| one.run.crowding()));
        if let Some(beyond) = self.last(|cooks| cooks > cores) {
            let further = within.run.times_as_long_as(&beyond.run).at_most(1.0);
            said.push(format!(
                "For {} there are {}: they were {}.",
                counted(beyond.run.figures.cooks, "cook"),
                counted(cores, "core"),
                further.compared_with(&cooks.to_string()),
            ));
            said.extend(further.doubt());
        }
        said.join(" ")
    }
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

    /// Returns the number of cooks that the run is about, and all rungs. These go up to the requested
    /// number, or else to twice the number of cores.
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
    /// Returns only the largest number, because the other numbers are rungs of the same run.
    fn runs(&self, asked: Vec<usize>) -> Vec<usize> {
        asked.into_iter().max().into_iter().collect()
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let (of_interest, rungs) = self.rungs(executor.workers());
        let sums = sums(executor, self.size, &rungs)?;
        let rung = |number: usize| sums.last(|cooks| cooks == number);
        let at_hand = rung(executor.workers()).unwrap_or(&sums.ladder[0]);
        let speed_up = rung(of_interest).map_or(1.0, |rung| rung.speed_up.factor);
        let title = format!(
            "squares: 0² + 1² + 2² + …, {} numbers in {BIG_CHUNKS} chunks",
            units::count(self.size as usize)
        );
        let mut report = Report::of("squares", title, &at_hand.run);
        report.charts = sums.charts();
        report.rows = sums.rows();
        report.details = columns::of(sums.ladder.iter().map(Rung::facts));
        report.details.extend(compare::columns_explained());
        report.verdict = sums.verdict(cooks::cores());
        report.own_keys(json!({
            "sum": sums.small.output,
            "small": sums.small.facts().json(),
            "large": sums.large.facts().json(),
            "speed_up": speed_up,
            "speed_up_cooks": of_interest,
            "size": sums.size,
            "big_sum_modulo_2_64": sums.ladder[0].run.output,
            "ladder": sums.ladder.iter().map(|rung| rung.facts().json()).collect::<Value>(),
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
