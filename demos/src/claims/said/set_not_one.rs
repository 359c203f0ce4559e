//! 4. "Concurrency never makes one task faster, but finishes a set of waiting tasks
//!    sooner, and a set of computing tasks no sooner." A job in one piece and cut into
//!    parts, by the same one cook.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::{
        judgement::{Answer, GAIN, is_disturbed},
        lab::PARTS,
    },
    parts::Ways,
    speed_up::SpeedUp,
    units,
};

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    waiting: Kind,
    computing: Kind,
}

/// One kind of work, by one cook.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// A part when there is nothing else.
    alone: Duration,
    /// The shortest life of a part among the others.
    among: Duration,
    /// How many times as fast the whole set was, begun together.
    set: SpeedUp,
    /// Of the work, the share on a processor in the run that had less of one.
    on_processor: Option<f64>,
}

impl Kind {
    /// `most` times as fast is all that the set can be.
    fn of(ways: &Ways, most: u32) -> Self {
        let timeline = &ways.cut_for_one.timeline;
        let figures = brigade_timeline::figures(timeline);
        let parts = timeline.tasks.iter().zip(&figures.tasks);
        let lives = parts
            .filter(|(task, _)| !task.is_main)
            .map(|(_, part)| part.life());
        Self {
            alone: ways.whole.figures.wall / PARTS,
            among: lives.min().unwrap_or_default(),
            set: ways
                .whole
                .times_as_long_as(&ways.cut_for_one)
                .at_most(f64::from(most)),
            on_processor: [&ways.whole, &ways.cut_for_one]
                .iter()
                .filter_map(|run| run.on_processor())
                .min_by(f64::total_cmp),
        }
    }

    /// How many times as fast one part was for having others beside it.
    fn one(self) -> f64 {
        self.alone.div_duration_f64(self.among)
    }

    /// Returns whether so many times as fast is a gain: not where other programs slowed a run down.
    fn gained(self, factor: f64) -> Answer {
        match GAIN.ask(factor) {
            Answer::Yes if is_disturbed(self.on_processor) => Answer::Unclear,
            answer => answer,
        }
    }
}

impl Claim for Figures {
    const SAID: &'static str = "Concurrency never makes one task faster, but finishes a set of \
        waiting tasks sooner, and a set of computing tasks no sooner.";

    fn command(sizes: &Sizes) -> String {
        format!("brigade parts --cooks 1 --minute {}", sizes.parts)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let jobs = lab.jobs()?;
        Ok(Self {
            waiting: Kind::of(&jobs.waiting, PARTS),
            computing: Kind::of(&jobs.computing, 1),
        })
    }

    fn judge(&self) -> Judgement {
        let (waiting, computing) = (self.waiting, self.computing);
        let sets = format!(
            "One cook did {PARTS} waiting tasks {} as fast together as one after another, and \
             {PARTS} computing ones {}",
            waiting.set, computing.set,
        );
        let ones = format!(
            "a waiting task alone took {} and among the others {}",
            units::duration(waiting.alone),
            units::duration(waiting.among)
        );
        let one = [waiting, computing].map(|kind| kind.gained(kind.one()));
        let set = [waiting, computing].map(|kind| kind.gained(kind.set.factor));
        match (one, set) {
            ([Answer::No, Answer::No], [Answer::Yes, Answer::No]) => {
                Judgement::holds(format!("{sets}; {ones}."))
            }
            ([Answer::Yes, _] | [_, Answer::Yes], _) => Judgement::does_not_hold(format!(
                "One task was faster for having others beside it: {ones}."
            )),
            (_, [Answer::No, _] | [_, Answer::Yes]) => Judgement::does_not_hold(format!("{sets}.")),
            _ => Judgement::undecided(format!(
                "{sets}; {ones}. Between the same and faster nothing can be told."
            )),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let (waiting, computing) = (self.waiting, self.computing);
        vec![
            Fact::speed_up("waiting_set_speed_up", "waiting set", waiting.set),
            Fact::speed_up("computing_set_speed_up", "computing set", computing.set),
            Fact::time("waiting_alone_s", "waiting alone", waiting.alone),
            Fact::time("waiting_among_s", "among others", waiting.among),
            Fact::time("computing_alone_s", "computing alone", computing.alone),
            Fact::time("computing_among_s", "among others", computing.among),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let second = Duration::from_secs(1);
        let times = |factor| SpeedUp { factor, most: 5.0 };
        let usual = Self {
            waiting: Kind {
                alone: second,
                among: second,
                set: times(5.0),
                on_processor: None,
            },
            computing: Kind {
                alone: second,
                among: 5 * second,
                set: times(1.0),
                on_processor: Some(1.0),
            },
        };
        let waiting = |waiting| Self { waiting, ..usual };
        let computing = |computing| Self { computing, ..usual };
        let no_sooner = waiting(Kind {
            set: times(1.0),
            ..usual.waiting
        });
        let one_faster = waiting(Kind {
            among: second / 2,
            ..usual.waiting
        });
        let computing_sooner = computing(Kind {
            set: times(2.0),
            ..usual.computing
        });
        let noise = computing(Kind {
            set: times(1.3),
            ..usual.computing
        });
        // What one cook cannot do came of other programs.
        let disturbed = computing(Kind {
            set: times(2.0),
            on_processor: Some(0.5),
            ..usual.computing
        });
        let turned = [no_sooner, one_faster, computing_sooner];
        super::Samples {
            usual: (usual, Verdict::Holds),
            turned: turned.map(|turned| (turned, Verdict::DoesNotHold)).into(),
            nothing: vec![noise, disturbed],
        }
    }
}
