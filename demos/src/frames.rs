//! `brigade frames`: a screen that draws sixty times a second during a long computation.
//!
//! This demo shows that tasks share a thread by taking turns. A turn lasts until the task awaits something
//! that is not ready. Two tasks run for some seconds. One draws a frame every 16.67 ms, and the other
//! computes all the time. In the first run, the computation yields about every millisecond. In the second
//! run, it hogs the thread for many frames at a time. The work is the same, but the number of missed frames
//! differs.
//!
//! A frame is missed if it is drawn after the next frame was due, or not at all.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use brigade::{time::interval, yield_now};

use crate::prelude::*;

/// The time of one frame at sixty frames per second.
const FRAME: Duration = Duration::from_nanos(16_666_667);

/// How long the computation works in the first run before it yields: about a sixteenth of a frame.
const POLITE: Duration = Duration::from_millis(1);

/// The number of squares between two readings of the clock: some microseconds of work.
const BATCH: u64 = 4096;

/// The size of the screen, in pixels.
const WIDTH: usize = 320;
const HEIGHT: usize = 200;

/// The number of frames in one line of the printed film, in which each frame is one character.
const FILM: usize = 75;

/// 60 frames a second, beside a computation that yields or hogs its thread
///
/// One task draws a frame every 16.67 ms, another computes all the time. The run is made twice: with a
/// computation that yields every millisecond or so, and with one that hogs its thread for many frames at a
/// time. A frame is missed if it is drawn after the next frame was due, or not at all.
///
/// # Notes
///
/// --cooks here: the number of threads that run both tasks; with two threads, the computation can have one
/// to itself. With --cooks 1,2, the demo makes both runs with one thread, then with two, and compares the
/// results.
///
/// --json adds `frames`, the number of frames in each run, and the objects `yielding` and `hogging`, one
/// for each run. Both objects have these keys:
///
/// - `on_time`, `missed`: the numbers of frames that were on time and that were missed
///
/// - `worst_lateness_s`: the largest lateness of a frame that was drawn
///
/// - `terms`, `sum_is_right`: how many numbers were squared meanwhile, and whether the sum of the squares
///   is right
///
/// - `wall_s`: how long the run took
///
/// - `starved_s`: how long other programs kept the thread off a core; known only with one cook
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Frames {
    /// Number of frames to draw in each of two runs: 300 take five seconds
    #[arg(long, value_name = "N", default_value = "300", value_parser = whole::<u32>(2..=36_000))]
    pub(crate) frames: u32,
    /// Milliseconds for which the computation of the second run keeps the thread before it yields
    #[arg(long, value_name = "MS", default_value = "100", value_parser = whole::<u64>(1..=10_000))]
    pub(crate) hog: u64,
}

/// The results of one run: the frames, and the computation.
pub(crate) struct Show {
    pub(crate) name: &'static str,
    /// One entry for each frame: true if it was on time.
    pub(crate) on_time: Vec<bool>,
    pub(crate) facts: Facts,
}

/// The results of both runs.
pub(crate) struct Shows {
    pub(crate) yielding: Show,
    pub(crate) hogging: Show,
}

impl Shows {
    pub(crate) fn sums_are_right(&self) -> bool {
        let shows = [&self.yielding, &self.hogging];
        shows
            .iter()
            .all(|show| show.facts.count("sum_is_right") == 1)
    }
}

impl Frames {
    /// Makes both runs, one after the other on the same executor.
    pub(crate) fn measure(&self, executor: &Crew) -> anyhow::Result<Run<Shows>> {
        let hog = Duration::from_millis(self.hog);
        let is_alone = executor.workers() == 1;
        measure(executor, async {
            Shows {
                yielding: self.show("yielding", POLITE, is_alone).await,
                hogging: self.show("hogging", hog, is_alone).await,
            }
        })
    }

    /// Makes one run. `is_alone` is true if one cook runs everything.
    async fn show(&self, name: &'static str, stretch: Duration, is_alone: bool) -> Show {
        let (begun, queued) = (Instant::now(), usage::queued_for_a_core());
        let over = Arc::new(AtomicBool::new(false));
        let heavy = begin(name, compute(stretch, over.clone()));
        let (on_time, worst) = begin("screen", draw_all(self.frames)).await;
        over.store(true, Relaxed);
        let (terms, sum) = heavy.await;
        let wall = begun.elapsed();
        // How long the thread waited for a core that other programs used. With several cooks this time is
        // unknown, because any of several threads may draw the frames.
        let starved = usage::queued_for_a_core().zip(queued).filter(|_| is_alone);
        let missed = on_time.iter().filter(|on_time| !**on_time).count();
        let facts = Facts(vec![
            text("", "computation", name),
            count("on_time", "on time", on_time.len() - missed),
            count("missed", "missed", missed),
            // Frames that were never drawn do not count here.
            time("worst_lateness_s", "worst lateness", worst),
            count("terms", "", terms as usize),
            count(
                "",
                "squares per s",
                (terms as f64 / wall.as_secs_f64()) as usize,
            ),
            is_right("sum_is_right", "sum", sum == squares_below(terms)),
            time("wall_s", "", wall),
            time(
                "starved_s",
                "off a core",
                starved.map(|(after, before)| after - before),
            ),
        ]);
        Show {
            name,
            on_time,
            facts,
        }
    }
}

/// Draws all frames. Returns which frames were on time, and the largest lateness of a drawn frame.
async fn draw_all(frames: u32) -> (Vec<bool>, Duration) {
    let mut canvas = vec![0_u32; WIDTH * HEIGHT];
    let mut on_time = vec![false; frames as usize];
    let mut worst = Duration::ZERO;
    let mut ticks = interval(FRAME);
    let first = ticks.tick().await;
    let mut due = first;
    loop {
        let number = (due - first).div_duration_f64(FRAME).round() as usize;
        let Some(on_time) = on_time.get_mut(number) else {
            break;
        };
        draw(&mut canvas, number);
        let late = due.elapsed();
        *on_time = late <= FRAME;
        worst = worst.max(late);
        // The interval skips ticks that are long past. The frames of the skipped ticks are missed.
        due = ticks.tick().await;
    }
    (on_time, worst)
}

/// Draws a frame of waves that move to the left.
fn draw(canvas: &mut [u32], number: usize) {
    for (row, line) in canvas.chunks_mut(WIDTH).enumerate() {
        for (column, pixel) in line.iter_mut().enumerate() {
            *pixel = ((column + number) * row % 256) as u32;
        }
    }
    black_box(canvas);
}

/// Squares and adds numbers, and yields after each `stretch`.
async fn compute(stretch: Duration, over: Arc<AtomicBool>) -> (u64, u64) {
    let (mut terms, mut sum) = (0, 0_u64);
    while !over.load(Relaxed) {
        let begun = Instant::now();
        while begun.elapsed() < stretch {
            sum = sum.wrapping_add(sum_of_squares(terms..terms + BATCH));
            terms += BATCH;
        }
        yield_now().await;
    }
    (terms, sum)
}

impl Dish for Frames {
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let run = self.measure(executor)?;
        let Shows { yielding, hogging } = &run.output;
        let title = format!(
            "frames: {} at 60 a second while something computes, {}",
            units::count(self.frames as usize),
            counted(executor.workers(), "cook"),
        );
        let mut report = Report::of("frames", title, &run);
        let hog = Duration::from_millis(self.hog);
        report.intro = report::wrapped(&format!(
            "Two tasks: 'screen' draws a frame every 16.67 ms, and the other computes. The computation \
                 'yielding' yields about every millisecond; 'hogging' keeps its thread for {} at a time, and \
                 may get the next turn before the screen. A frame is missed if it is drawn after the next \
                 frame was due, or not at all.",
            duration(hog),
        ));
        report.charts = vec![
            columns::block([yielding, hogging].map(|show| show.facts.clone())),
            film([yielding, hogging]),
        ];
        report.rows_of = "both runs together".to_owned();
        report.rows = report::common_rows(&run.figures);
        report.verdict = run.output.verdict(hog);
        report.compared_by = Some(run.output.compared(executor.workers(), hog));
        report.own_keys(json!({
            "frames": self.frames, "yielding": yielding.facts.json(), "hogging": hogging.facts.json(),
        }));
        if !run.output.sums_are_right() {
            report.ending = Ending::Failed;
        }
        Ok(report)
    }
}

impl Show {
    /// Returns how many frames the screen missed: `299 of 300 frames`.
    fn missed(&self) -> String {
        let frames = self.on_time.len();
        match self.facts.count("missed") {
            0 => "no frame".to_owned(),
            all if all == frames => format!("all {} frames", units::count(all)),
            some => format!("{} of {} frames", units::count(some), units::count(frames)),
        }
    }
}

impl Shows {
    /// Returns the figures and the sentence that compare runs with different numbers of cooks. The wall
    /// times of such runs are the same by design, so they show nothing.
    fn compared(&self, cooks: usize, hog: Duration) -> (Facts, String) {
        let missed = |show: &Show| show.facts.count("missed");
        let few = missed(&self.hogging) < self.hogging.on_time.len() / 2;
        let reason = match cooks > 1 && few {
            true => ", because another thread was left for the screen",
            false => "",
        };
        let said = format!(
            "With {}, the screen missed {} beside the computation that keeps its thread for {}{reason}.",
            counted(cooks, "cook"),
            self.hogging.missed(),
            duration(hog),
        );
        let facts = Facts(vec![
            count("", "missed, yielding", missed(&self.yielding)),
            count("", "missed, hogging", missed(&self.hogging)),
        ]);
        (facts, said)
    }

    /// Compares the speeds of the two computations. Yielding cannot make a computation faster, so the
    /// possible maximum of the ratio is 1.
    fn pace(&self) -> String {
        let [polite, hogs] = [&self.yielding, &self.hogging];
        let [polite, hogs] = [polite, hogs].map(|show| show.facts.ratio("terms", "wall_s"));
        let pace = SpeedUp {
            factor: polite / hogs,
            most: 1.0,
        };
        let said = match pace.change() {
            Change::Same => "Both computations were about as fast.".to_owned(),
            Change::Slower => format!(
                "The computation that yields reached {} of the other's speed.",
                percent(pace.factor)
            ),
            Change::Faster => {
                format!("The computation that yields was {pace} as fast as the other.")
            }
        };
        report::with_doubts(said, pace.doubt())
    }

    fn verdict(&self, hog: Duration) -> String {
        let pace = match self.yielding.facts["starved_s"].is_known() {
            true => format!(" {}", self.pace()),
            // With several cooks, the computation may have had a thread to itself in only one of the two
            // runs, so the two speeds cannot be compared.
            false => String::new(),
        };
        format!(
            "Beside a computation that yields every millisecond, the screen missed {}, and the frames that \
             it drew were at most {} late. Beside one that keeps its thread for {}, the screen missed \
             {}.{pace}",
            self.yielding.missed(),
            self.yielding.facts["worst_lateness_s"],
            duration(hog),
            self.hogging.missed(),
        )
    }
}

/// Draws one character for each frame, in lines, to show what a viewer saw.
fn film(shows: [&Show; 2]) -> String {
    let film = shows.map(|show| {
        let sign = |on_time: &bool| if *on_time { '.' } else { 'x' };
        let lines = show.on_time.chunks(FILM);
        let lines = lines.map(|frames| frames.iter().map(sign).collect::<String>());
        let lines: String = lines.map(|line| format!("  {line}\n")).collect();
        format!(
            "  {}, frame by frame: . on time, x missed\n{lines}",
            show.name
        )
    });
    film.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(missed: usize, terms: usize) -> Show {
        Show {
            name: "test",
            on_time: (0..300).map(|frame| frame >= missed).collect(),
            facts: Facts(vec![
                count("missed", "", missed),
                time("worst_lateness_s", "", Duration::from_millis(1)),
                count("terms", "", terms),
                time("wall_s", "", Duration::from_secs(1)),
                time("starved_s", "", FRAME),
            ]),
        }
    }

    #[test]
    fn the_sentence_follows_from_the_frames() {
        let hog = Duration::from_millis(100);
        let shows = |polite, hogs, terms| Shows {
            yielding: show(polite, terms),
            hogging: show(hogs, 100),
        };
        let said = |polite, hogs| shows(polite, hogs, 75).verdict(hog);
        let usual = said(0, 299);
        for words in [
            "every millisecond, the screen missed no frame",
            "100 ms, the screen missed 299 of 300 frames.",
            "75 % of the other's speed",
        ] {
            assert!(usual.contains(words), "{usual}");
        }
        let strange = said(300, 0);
        assert!(strange.contains("missed all 300 frames"), "{strange}");
        assert!(
            strange.contains("100 ms, the screen missed no frame"),
            "{strange}"
        );
        let pace = |terms| shows(0, 299, terms).pace();
        assert_eq!(pace(116), "Both computations were about as fast.");
        assert!(pace(150).contains("1.50 x (?) as fast as the other. (?): at most 1.00 x"));
        let compared = |cooks, hogs| shows(0, hogs, 100).compared(cooks, hog).1;
        let alone = compared(1, 299);
        assert!(
            alone.starts_with("With 1 cook, the screen missed 299 of 300 frames")
                && alone.ends_with("for 100 ms."),
            "{alone}"
        );
        let together = compared(2, 0);
        assert!(
            together.contains("missed no frame") && together.ends_with("left for the screen."),
            "{together}"
        );
    }

    #[test]
    fn the_film_has_a_sign_a_frame() {
        let film = film([&show(3, 1), &show(300, 1)]);
        assert_eq!(film.matches("xxx....").count(), 1);
        let signs = |sign| {
            film.lines()
                .filter(|line| !line.contains(':'))
                .map(|line| line.matches(sign).count())
                .sum::<usize>()
        };
        assert_eq!((signs('x'), signs('.')), (303, 297));
    }
}
