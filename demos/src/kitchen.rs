//! `brigade kitchen`: noodles and sauce, three ways.
//!
//! The steps of the dinner are async functions, and all three ways use the same functions. The ways differ
//! only in when each step is begun, and by which cook. If the steps follow one another, their times add up.
//! If they are begun together, one cook chops while the water heats. That is *concurrency*, and it needs no
//! second cook. With more cooks, onions and tomatoes are chopped at the same instant. That is *parallelism*,
//! and it shortens only the chopping, because no cook makes water boil sooner.
//!
//! ```text
//!   boil water ──▶ cook noodles ──┐
//!   chop onions ────┐             ├──▶ dinner
//!   chop tomatoes ──┴─▶ simmer ───┘
//! ```

use futures_util::future::join;

use crate::prelude::*;

/// Noodles and sauce three ways: step by step, all steps together, many cooks
///
/// # Notes
///
/// --cooks here: the number of cooks in the third way; the other two ways always have one cook. With
/// --cooks 1, or without --cooks, the third way has one cook per core, but at least two. --cooks 1,2 makes
/// the same runs as --cooks 2. With --cooks 2,4, the dinner is cooked with 2 cooks and again with 4, and
/// the runs are compared.
///
/// --json adds `ways`, the figures of each of the three ways. It also adds `pieces_chopped`, the number of
/// pieces of onion and tomato in one dinner.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Length of a minute in the kitchen, in milliseconds
    #[arg(long, value_name = "MS", default_value = "50", value_parser = numbers::minute)]
    minute: Duration,
}

/// The minutes until the water boils.
const WATER: f64 = 6.0;
/// The minutes until the noodles are done.
const NOODLES: f64 = 3.0;
/// The number of times a cook looks into the pot while the noodles cook.
const LOOKS: u32 = 3;
/// The minutes to chop one of the two piles.
const CHOPPING: f64 = 6.0;
/// The minutes for which the sauce simmers.
const SIMMERING: f64 = 3.0;

/// The recipe of the dinner: the data that its steps need.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    minute: Duration,
    pile: Pile,
}

impl Recipe {
    fn new(minute: Duration) -> Self {
        Self {
            minute,
            pile: Pile::of(minute.mul_f64(CHOPPING)),
        }
    }

    async fn boil_water(self) {
        wait(self.minute.mul_f64(WATER)).await;
    }

    /// Cooks the noodles. Returns how many times a cook looked into the pot.
    async fn cook_noodles(self) -> u32 {
        for _ in 0..LOOKS {
            wait(self.minute.mul_f64(NOODLES / f64::from(LOOKS))).await;
        }
        LOOKS
    }

    async fn chop(self) -> Chopped {
        self.pile.chop().await
    }

    async fn simmer(self) {
        wait(self.minute.mul_f64(SIMMERING)).await;
    }
}

/// A dinner, in a form that can be compared: the number of looks into the pot, then the onions, then the
/// tomatoes.
type Served = (u32, Chopped, Chopped);

/// Does one step at a time: each step ends before the next is begun.
async fn one_after_another(recipe: Recipe) -> Served {
    begin("boil water", recipe.boil_water()).await;
    let looks = begin("cook noodles", recipe.cook_noodles()).await;
    let onions = begin("chop onions", recipe.chop()).await;
    let tomatoes = begin("chop tomatoes", recipe.chop()).await;
    begin("simmer", recipe.simmer()).await;
    (looks, onions, tomatoes)
}

/// Begins each step as soon as possible. This function does not depend on the number of cooks.
async fn together(recipe: Recipe) -> Served {
    let water = begin("boil water", recipe.boil_water());
    let onions = begin("chop onions", recipe.chop());
    let tomatoes = begin("chop tomatoes", recipe.chop());
    let noodles = async {
        water.await;
        begin("cook noodles", recipe.cook_noodles()).await
    };
    let sauce = async {
        let vegetables = join(onions, tomatoes).await;
        begin("simmer", recipe.simmer()).await;
        vegetables
    };
    let (looks, (onions, tomatoes)) = join(noodles, sauce).await;
    (looks, onions, tomatoes)
}

/// The runs in which the dinner was cooked in three ways.
pub(crate) struct Dinners {
    minute: Duration,
    pub(crate) sequential: Run<Served>,
    /// The runs in which all steps are begun together: with one cook, and with many.
    pub(crate) together: OneAndMany<Served>,
}

/// Cooks the dinner three ways. `executor` makes the concurrent run if it has one cook, and the parallel run
/// otherwise. New executors make the other two runs.
pub(crate) fn three_ways(executor: &Crew, minute: Duration) -> anyhow::Result<Dinners> {
    let recipe = Recipe::new(minute);
    let together = one_and_many(executor, cooks::a_cook_a_core(), || together(recipe))?;
    Ok(Dinners {
        minute,
        sequential: measure(&cooks::hire(1)?, one_after_another(recipe))?,
        together,
    })
}

/// Returns the largest speed-up that is possible if the steps of the dinner overlap. `cpu` is the CPU time,
/// in minutes of the kitchen, and `hands` is the number of cooks that chop.
fn most(cpu: Option<f64>, hands: f64) -> f64 {
    // If the CPU time is unknown, assume the CPU time that gives the largest gain: chopping and simmering
    // then take as long as the water and the noodles.
    let cpu = cpu.unwrap_or(hands * (WATER + NOODLES - SIMMERING));
    let in_order = WATER + NOODLES + SIMMERING + cpu;
    in_order / (WATER + NOODLES).max(cpu / hands + SIMMERING)
}

impl Dinners {
    fn ways(&self) -> [(&'static str, &Run<Served>); 3] {
        [
            ("sequential", &self.sequential),
            ("concurrent", &self.together.one),
            ("parallel", &self.together.many),
        ]
    }

    /// Returns the speed-up of `other` over the sequential run. The possible maximum follows from the waits
    /// of the recipe and from the CPU time of `other`.
    fn gain(&self, other: &Run<Served>) -> SpeedUp {
        let gain = self.sequential.times_as_long_as(other);
        let Figures { cooks, cpu, .. } = other.figures;
        // There are two piles, so a third cook has nothing to chop.
        let hands = cooks.min(cooks::cores()).min(2) as f64;
        let minutes = cpu.map(|cpu| cpu.div_duration_f64(self.minute));
        gain.at_most(most(minutes, hands))
    }

    /// Compares the three ways in a table.
    fn table(&self) -> Vec<String> {
        columns::of(self.ways().map(|(way, run)| {
            let gain = match way {
                "sequential" => self.sequential.times_as_long_as(run),
                _ => self.gain(run),
            };
            let figures = run.figures.facts().0.into_iter().skip(1);
            let name = Facts(vec![text("", " ", way)]);
            name.with(figures).with([speed_up("", "speed-up", gain)])
        }))
    }

    /// Returns whether the dinner was the same each time, and correct.
    pub(crate) fn alike(&self) -> bool {
        let served @ (_, onions, tomatoes) = self.sequential.output;
        onions.right && tomatoes.right && self.ways().iter().all(|(_, run)| run.output == served)
    }

    fn verdict(&self) -> String {
        let [sequential, concurrent, parallel] = self.ways().map(|(_, run)| run);
        let gain = self.gain(concurrent);
        let again = self.together.speed_up();
        let called = |name, speed_up: SpeedUp| match speed_up.change() {
            Change::Faster => format!(" ({name})"),
            Change::Same | Change::Slower => String::new(),
        };
        let said = format!(
            "One after another, the steps took {}. Begun together, still by one cook, they took {}: \
             {}{}. {} cooks, with up to {} polled at one instant, took {}: {}{}.",
            duration(sequential.figures.wall),
            duration(concurrent.figures.wall),
            gain.compared_with("before"),
            called("concurrency", gain),
            parallel.figures.cooks,
            counted(parallel.figures.at_once_max, "task"),
            duration(parallel.figures.wall),
            again.compared_with("one cook"),
            called("parallelism", again),
        );
        let mut doubts = self.together.doubts();
        // Explain the mark `(?)` only once, even if several figures have it.
        let doubt = [gain, self.gain(parallel)]
            .into_iter()
            .find_map(SpeedUp::doubt);
        doubts.extend(doubt.filter(|_| !again.is_doubtful()));
        report::with_doubts(said, doubts)
    }
}

impl Dish for Args {
    fn compares(&self) -> bool {
        true
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let dinners = three_ways(executor, self.minute)?;
        ensure!(dinners.alike(), "the three dinners are not the same");
        let title = format!(
            "kitchen: noodles and sauce three ways, a minute takes {}",
            duration(self.minute)
        );
        let mut report = Report::of("kitchen", title, dinners.together.at_hand());
        let drawn = dinners.ways().map(|(way, run)| {
            let cooks = counted(run.figures.cooks, "cook");
            (&run.timeline, format!("{way}, {cooks}"))
        });
        report.part = "the parallel way";
        report.intro = report::wrapped(&format!(
            "The water boils in {WATER} minutes; then the noodles cook for {NOODLES} minutes. Chopping takes \
             about {CHOPPING} minutes for the onions and {CHOPPING} for the tomatoes; then the sauce simmers \
             for {SIMMERING}. Only chopping needs a cook all the time. Sequential: each step ends before the \
             next begins. Concurrent: each step begins as soon as it can. Parallel: the same with several \
             cooks."
        ));
        report.draw("cook", &drawn);
        let ways = dinners.ways();
        report.details = dinners.table();
        report.verdict = dinners.verdict();
        let ways = ways.map(|(way, run)| run.facts().with([text("way", "", way)]).json());
        let (_, onions, tomatoes) = dinners.sequential.output;
        let pieces = onions.pieces + tomatoes.pieces;
        report.own_keys(json!({ "ways": ways, "pieces_chopped": pieces }));
        report.with_one = Some(dinners.together.one.map(drop));
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_gain_is_bounded_by_the_waits_and_the_cpu_time() {
        // One after another, the waits add 12 minutes to the chopping. With overlap, the dinner takes 9
        // minutes (water and noodles), or the chopping and 3 minutes of simmering, whichever is longer.
        let near = |most: f64, expected: f64| (most - expected).abs() < 1e-9;
        assert!(near(most(Some(24.0), 1.0), 36.0 / 27.0));
        assert!(near(most(Some(24.0), 2.0), 36.0 / 15.0));
        assert!(near(most(Some(0.0), 1.0), 12.0 / 9.0));
        assert!(near(most(None, 1.0), 2.0));
        assert!((0..100).all(|cpu| most(Some(f64::from(cpu)), 2.0) <= most(None, 2.0)));
    }

    /// With a virtual clock, chopping takes no time and waiting is exact. The test therefore shows how
    /// much of the waiting overlaps.
    #[test]
    fn in_virtual_time_only_what_must_be_waited_for_is_left() {
        let recipe = Recipe {
            minute: Duration::from_secs(60),
            pile: Pile::of(Duration::from_millis(1)),
        };
        let executor = brigade::SingleThread::builder().virtual_time(true);
        let executor = executor.build().unwrap();
        let (minutes, served) = executor.block_on(async {
            let begun = brigade::time::now();
            let one = one_after_another(recipe).await;
            let between = brigade::time::now();
            let other = together(recipe).await;
            let times = [between - begun, brigade::time::now() - between];
            (times.map(|time| time.as_secs() / 60), [one, other])
        });
        assert_eq!(minutes, [12, 9], "6 + 3 + 3, and 6 + 3 with 3 meanwhile");
        assert_eq!(served[0], served[1]);
        assert!(served[0].1.right && served[0].0 == LOOKS);
    }
}
