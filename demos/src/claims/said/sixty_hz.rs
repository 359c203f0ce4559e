//! 7. "A UI on one core can stay at 60 Hz while something heavy computes." A screen
//!    and a computation on one thread, the computation yielding, and hogging.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::judgement::{Answer, Band},
    cooks,
    frames::Frames,
    units,
};

/// The share of the frames that are missed: a few are other programs' doing.
const MISSED: Band = Band { no: 0.05, yes: 0.3 };

/// So long a hog keeps the thread at a time, in milliseconds: six frames.
const HOG: u64 = 100;

/// A thread kept off the core for longer than this, a frame, is not what misses frames.
const STARVED: Duration = Duration::from_millis(17);

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    frames: usize,
    /// With a computation that yields every millisecond.
    missed: usize,
    worst: Duration,
    /// With one that hogs.
    missed_hogging: usize,
    /// How long other programs had the core while the first computed.
    starved: Option<Duration>,
}

impl Claim for Figures {
    const SAID: &'static str = "A UI on one core can stay at 60 Hz while something heavy computes.";

    fn command(sizes: &Sizes) -> String {
        format!("brigade frames --cooks 1 --frames {}", sizes.frames)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let frames = Frames {
            frames: lab.sizes.frames,
            hog: HOG,
        };
        let run = frames.measure(&cooks::one()?)?;
        lab.note(&run);
        let shows = &run.output;
        let right = shows.yielding.sum_is_right && shows.hogging.sum_is_right;
        anyhow::ensure!(right, "something was computed wrongly");
        Ok(Self {
            frames: shows.yielding.on_time.len(),
            missed: shows.yielding.missed(),
            worst: shows.yielding.worst,
            missed_hogging: shows.hogging.missed(),
            starved: shows.yielding.starved,
        })
    }

    fn judge(&self) -> Judgement {
        let share = |missed: usize| missed as f64 / self.frames.max(1) as f64;
        let missed = format!(
            "{} of {} were missed while a computation yielded every millisecond",
            units::count(self.missed),
            units::counted(self.frames, "frame")
        );
        let starved = self.starved.filter(|starved| *starved > STARVED);
        match (MISSED.ask(share(self.missed)), starved) {
            (Answer::No, _) => {
                let hogging = match MISSED.ask(share(self.missed_hogging)) {
                    Answer::Yes => "It must yield: of as many beside a hog,",
                    _ => "Of as many beside a hog,",
                };
                Judgement::holds(format!(
                    "{missed}. {hogging} {} were missed.",
                    units::count(self.missed_hogging)
                ))
            }
            (_, Some(starved)) => Judgement::undecided(format!(
                "{missed}, but other programs had the core for {} of that.",
                units::duration(starved)
            )),
            (Answer::Yes, None) => Judgement::does_not_hold(format!("{missed}.")),
            (Answer::Unclear, None) => {
                Judgement::undecided(format!("{missed}: more than a few and far from all."))
            }
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("frames", "frames", self.frames),
            Fact::count("missed_yielding", "missed, yielding", self.missed),
            Fact::time("worst_lateness_s", "worst lateness", self.worst),
            Fact::count("missed_hogging", "missed, hogging", self.missed_hogging),
            Fact::known("starved_s", "core taken away", self.starved, Fact::time),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let usual = Self {
            frames: 300,
            missed: 0,
            worst: Duration::from_millis(1),
            missed_hogging: 250,
            starved: Some(Duration::ZERO),
        };
        let missed = Self {
            missed: 250,
            ..usual
        };
        super::Samples {
            usual: (usual, Verdict::Holds),
            turned: vec![(missed, Verdict::DoesNotHold)],
            nothing: vec![
                Self {
                    starved: Some(Duration::from_secs(1)),
                    ..missed
                },
                Self {
                    missed: 40,
                    ..usual
                },
            ],
        }
    }
}
