//! `brigade parts`: a job of five minutes, cut into five parts, P1 to P5.
//!
//! This demo shows when such a job takes only one minute: with five processors, or if the parts only wait.
//! It prints ideal times beside measured times, for a job that computes and for a job that waits. The number
//! of *cores* limits the speed of computing, however many cooks are hired. But a single cook can wait for
//! all five parts at the same time.

use crate::prelude::*;

/// A job cut into five parts (P1 to P5): ideal times, and times measured here
///
/// # Notes
///
/// --cooks here: the number of cooks who share the parts; in a further run, one cook does all parts. If the
/// number is 1 (the default without the feature work-stealing), there is one cook for each part instead,
/// but at least two. --cooks 1,2 makes the same runs as --cooks 2. With --cooks 2,4, the
/// parts are done by 2 cooks and again by 4, and the runs are compared.
///
/// --json adds these keys:
///
/// - `computing`, `waiting`: for the job that computes and the job that waits, the figures of the runs
///   `whole` (in one piece), `cut_for_one` and `cut_for_many` (in parts, with one cook and with many)
///
/// - `computing_speed_up`: the speed-up of `cut_for_many` over `whole`
///
/// - `waiting_speed_up`: the speed-up of `cut_for_one` over `whole`
///
/// - `parts`, `minute_s`, `cores`: the number of parts, the length of a minute, the number of cores
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of parts into which the job is cut
    #[arg(long, value_name = "N", default_value = "5", value_parser = numbers::whole::<u32>(1..=100))]
    parts: u32,
    /// Length of a minute in milliseconds; each part takes a minute
    #[arg(long, value_name = "MS", default_value = "100", value_parser = numbers::minute)]
    minute: Duration,
}

/// The work of one part of a job.
#[derive(Clone, Copy, Debug)]
enum Job {
    Computing(Pile),
    Waiting(Duration),
}

impl Job {
    async fn part(self) -> bool {
        match self {
            Self::Computing(pile) => pile.chop().await.right,
            Self::Waiting(time) => {
                wait(time).await;
                true
            }
        }
    }
}

/// Does the parts one after another, as one task.
async fn whole(job: Job, parts: u32) -> bool {
    let all = async move {
        let mut right = true;
        for _ in 0..parts {
            right &= job.part().await;
        }
        right
    };
    begin("P", all).await
}

/// Does each part as a separate task.
async fn cut(job: Job, parts: u32) -> bool {
    let parts: Vec<_> = (1..=parts)
        .map(|part| begin(&format!("P{part}"), job.part()))
        .collect();
    join_all(parts).await.into_iter().all(|right| right)
}

/// The three runs of one job: in one piece, in parts with one cook, and in parts with many cooks.
pub(crate) struct Ways {
    pub(crate) whole: Run<bool>,
    pub(crate) cut: OneAndMany<bool>,
}

/// The results of the experiment.
pub(crate) struct Jobs {
    pub(crate) parts: u32,
    pub(crate) minute: Duration,
    pub(crate) computing: Ways,
    pub(crate) waiting: Ways,
}

/// Does the computing job and the waiting job, each in the three ways of `Ways`. `executor` makes one run of
/// the cut computing job, and new executors make the other runs.
pub(crate) fn jobs(executor: &Crew, parts: u32, minute: Duration) -> anyhow::Result<Jobs> {
    let jobs = Jobs {
        parts,
        minute,
        computing: ways(executor, Job::Computing(Pile::of(minute)), parts)?,
        waiting: ways(
            &cooks::hire(executor.workers())?,
            Job::Waiting(minute),
            parts,
        )?,
    };
    let right = jobs.computing.all().iter().all(|run| run.output);
    ensure!(right, "a part was computed wrongly");
    Ok(jobs)
}

/// Does a job in all three ways. The run with many cooks has as many cooks as `executor`. If `executor` has
/// only one cook, that run has one cook per part, but at least two.
fn ways(executor: &Crew, job: Job, parts: u32) -> anyhow::Result<Ways> {
    let cut = one_and_many(executor, parts.max(2) as usize, || cut(job, parts))?;
    let whole = measure(&cooks::hire(1)?, whole(job, parts))?;
    Ok(Ways { whole, cut })
}

/// Returns a sentence if computing with one cook took much more or much less time than `work`, the expected
/// time. `work` follows from the speed of this machine, which is measured before the first run.
pub(crate) fn unlike_measured_speed(work: Duration, one_cook: &Figures) -> Option<String> {
    let took = one_cook.wall;
    let machine = match Change::of(work.div_duration_f64(took)) {
        Change::Same => return None,
        Change::Slower => "slower",
        Change::Faster => "faster",
    };
    let [took, work] = [took, work].map(duration);
    Some(format!(
        "With one cook, computing took {took} instead of {work}: the machine was {machine} than just before \
         the runs, when its speed was measured."
    ))
}

impl Ways {
    fn all(&self) -> [&Run<bool>; 3] {
        [&self.whole, &self.cut.one, &self.cut.many]
    }
}

impl Jobs {
    /// Returns the speed-up of the computing job, cut for many cooks, over the same job in one piece.
    pub(crate) fn computing_speed_up(&self) -> SpeedUp {
        let many = &self.computing.cut.many;
        let hands = many.figures.cooks.min(cooks::cores());
        let speed_up = self.computing.whole.times_as_long_as(many);
        speed_up.at_most(hands.min(self.parts as usize) as f64)
    }

    /// Returns the speed-up of the waiting job, cut for *one* cook, over the same job in one piece.
    pub(crate) fn waiting_speed_up(&self) -> SpeedUp {
        self.waiting.whole.times_as_long_as(&self.waiting.cut.one)
    }

    /// Returns how long computing would take if each of `cooks` cooks had its own core. The parts yield, so the
    /// cooks can share them evenly.
    fn ideal_computing(&self, cooks: usize) -> Duration {
        let minutes = f64::from(self.parts) / cooks as f64;
        self.minute.mul_f64(minutes.max(1.0))
    }

    fn table(&self) -> Vec<String> {
        let measured = self.computing.all().into_iter().zip(self.waiting.all());
        columns::of(measured.enumerate().map(|(way, (computing, waiting))| {
            let cooks = computing.figures.cooks;
            let whole = self.minute * self.parts;
            let (name, ideal, waits) = match way {
                0 => ("in one piece".to_owned(), whole, whole),
                _ => (self.name(), self.ideal_computing(cooks), self.minute),
            };
            Facts(vec![
                text("", " ", format!("{name}, {}", counted(cooks, "cook"))),
                time("", "computing: ideal", ideal),
                time("", "measured", computing.figures.wall),
                time("", "waiting: ideal", waits),
                time("", "measured", waiting.figures.wall),
            ])
        }))
    }

    /// Returns the name of the job that is cut, such as `P1 to P5`.
    fn name(&self) -> String {
        format!("P1 to P{}", self.parts)
    }

    fn verdict(&self) -> String {
        let cooks = self.computing.cut.many.figures.cooks;
        let computed = self.computing_speed_up();
        let ideal = (self.minute * self.parts).div_duration_f64(self.ideal_computing(cooks));
        let computing = format!(
            "Cut into {} for {}, computing was {computed} as fast as in one piece. The ideal, with a core \
             for each cook, is {} x.",
            counted(self.parts as usize, "part"),
            counted(cooks, "cook"),
            factor(ideal),
        );
        let Ways { whole, cut } = &self.computing;
        let crowding = cut.many.crowding().or_else(|| whole.crowding());
        let work = self.minute * self.parts;
        let mut one_cook = [whole, &cut.one].into_iter();
        let unlike = one_cook.find_map(|run| unlike_measured_speed(work, &run.figures));
        let doubts = [computed.doubt(), crowding, whole.unlike(&cut.many), unlike];
        let doubts = doubts.into_iter().flatten();
        let waited = self.waiting_speed_up();
        let cpu = or_dash(self.waiting.cut.one.figures.cpu, duration);
        let waiting = format!(
            "Cut in the same way, waiting was {waited} as fast with only one cook (CPU time: {cpu})."
        );
        let doubts = doubts.chain([waiting]).chain(waited.doubt());
        report::with_doubts(computing, doubts)
    }
}

impl Dish for Args {
    fn compares(&self) -> bool {
        true
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let jobs = jobs(executor, self.parts, self.minute)?;
        let minutes = counted(self.parts as usize, "minute");
        let title = format!(
            "parts: a job of {minutes} cut into P1 to P{}, on {}; a minute takes {}",
            self.parts,
            counted(cooks::cores(), "core"),
            duration(self.minute),
        );
        let at_hand = jobs.computing.cut.at_hand();
        let mut report = Report::of("parts", title, at_hand);
        let computing = jobs.computing.all().map(|run| ("computing", run));
        // The waiting job is drawn only for one cook, because its drawing is the same with more cooks.
        let waiting = [&jobs.waiting.whole, &jobs.waiting.cut.one].map(|run| ("waiting", run));
        let drawn = computing.into_iter().chain(waiting).map(|(kind, run)| {
            let cooks = counted(run.figures.cooks, "cook");
            let job = match run.figures.in_flight_max {
                1 => "in one piece".to_owned(),
                _ => jobs.name(),
            };
            (&run.timeline, format!("{kind}, {job}, {cooks}"))
        });
        let many = jobs.computing.cut.many.figures.cooks;
        report.intro = report::wrapped(&format!(
            "Row P is the whole job; P1, P2 and so on are its parts. Each part that computes needs a core: \
             parts without a core take turns, and their rows get longer. Parts that wait need no core: they \
             overlap, even with one cook. Ideal: the time if each cook had its own core. Here {many} cooks \
             share the parts; --cooks 2 or more sets this number."
        ));
        report.part = "the parts that compute";
        report.draw("cook", &drawn.collect::<Vec<_>>());
        report.details = jobs.table();
        report.verdict = jobs.verdict();
        let ways = |ways: &Ways| {
            let [whole, cut_for_one, cut_for_many] = ways.all().map(|run| run.facts().json());
            json!({ "whole": whole, "cut_for_one": cut_for_one, "cut_for_many": cut_for_many })
        };
        if executor.workers() > 1 {
            report.with_one = Some(jobs.computing.cut.one.clone().map(drop));
        }
        report.own_keys(json!({
            "parts": self.parts,
            "minute_s": self.minute.as_secs_f64(),
            "cores": cooks::cores(),
            "computing": ways(&jobs.computing),
            "waiting": ways(&jobs.waiting),
            "computing_speed_up": jobs.computing_speed_up().factor,
            "waiting_speed_up": jobs.waiting_speed_up().factor,
        }));
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_that_took_unlike_its_expected_time_is_mentioned() {
        let slower = |took| {
            let figures = Figures {
                wall: Duration::from_millis(took),
                ..Figures::default()
            };
            unlike_measured_speed(Duration::from_millis(500), &figures)
        };
        assert_eq!([slower(480), slower(590)], [None, None]);
        let said = slower(1070).unwrap();
        assert!(
            said.contains("took 1.07 s instead of 500 ms: the machine was slower"),
            "{said}"
        );
        assert!(slower(400).unwrap().contains("faster than just before"));
    }

    #[test]
    fn the_ideal_has_a_core_for_each_cook() {
        let minute = Duration::from_millis(1);
        let jobs = jobs(&cooks::hire(1).unwrap(), 5, minute).unwrap();
        let ideals = [1, 2, 5, 9].map(|cooks| jobs.ideal_computing(cooks).as_micros());
        assert_eq!(ideals, [5000, 2500, 1000, 1000]);
        assert_eq!(jobs.table().len(), 4);
    }

    /// The test counts tasks and measures no time. The parts of a cut job are all in flight at the same
    /// time, and a job in one piece is a single task.
    #[test]
    fn one_cook_has_all_parts_in_flight_and_one_at_once() {
        let minute = Duration::from_millis(20);
        let jobs = jobs(&cooks::hire(2).unwrap(), 5, minute).unwrap();
        for ways in [&jobs.computing, &jobs.waiting] {
            let figures = ways.all().map(|run| &run.figures);
            assert_eq!(figures.map(|figures| figures.in_flight_max), [1, 5, 5]);
            assert_eq!(figures.map(|figures| figures.cooks), [1, 1, 2]);
            assert!(figures[..2].iter().all(|figures| figures.at_once_max == 1));
        }
    }

    /// A virtual clock measures the waiting exactly.
    #[test]
    fn in_virtual_time_one_cook_waits_for_all_parts_in_a_minute() {
        let minute = Duration::from_secs(60);
        let executor = brigade::SingleThread::builder().virtual_time(true);
        let executor = executor.build().unwrap();
        let minutes = executor.block_on(async {
            let begun = brigade::time::now();
            assert!(whole(Job::Waiting(minute), 5).await);
            let between = brigade::time::now();
            assert!(cut(Job::Waiting(minute), 5).await);
            [between - begun, brigade::time::now() - between]
        });
        assert_eq!(minutes.map(|time| time.as_secs() / 60), [5, 1]);
    }
}
