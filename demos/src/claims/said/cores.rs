//! Claims about more workers: what a second core adds, and what it cannot add.

use super::*;
use crate::{equations, matrix, parts::Ways};

/// The number of tasks of each kind.
const TASKS: u32 = 20;

/// Measures equal numbers of waiting tasks and chopping tasks, with one cook and with many.
pub(super) const ALWAYS_BETTER: Claim = Claim {
    id: 2,
    said: "Parallelism is always better.",
    command: |sizes| format!("brigade matrix --minute {}", sizes.minute.as_millis()),
    measure: |lab| {
        let cells = matrix::cells(&lab.hire()?, TASKS, lab.sizes.minute)?;
        lab.note_both(&cells.waiting);
        lab.note_both(&cells.chopping);
        let OneAndMany { one, many, .. } = &cells.chopping;
        Ok(Facts(vec![
            count("cooks", "cooks", many.figures.cooks),
            speed_up("chopping_speed_up", "chopping", cells.chopping.speed_up()),
            speed_up("waiting_speed_up", "waiting", cells.waiting.speed_up()),
            on_processor(least_on_processor([one, many])),
        ]))
    },
    judge: |facts| {
        let both = "{cooks:cook} were {chopping_speed_up} as fast as one at chopping and \
                    {waiting_speed_up} at waiting: ";
        // If other programs had the cores, a missing gain of chopping proves nothing. A gain of waiting
        // proves nothing either: the other programs may have slowed down the run with one cook.
        let disturbed = is_disturbed(facts["on_processor"].value);
        let chopping = gained(&facts["chopping_speed_up"]).unclear_if(disturbed, Answer::No);
        let waiting = gained(&facts["waiting_speed_up"]).unclear_if(disturbed, Answer::Yes);
        let others = match disturbed {
            true => " Other programs used the cores too.",
            false => "",
        };
        let (verdict, reason) = match (chopping, waiting) {
            (Answer::Yes, Answer::Yes) => (Holds, "both gained from more cooks."),
            (Answer::Yes, Answer::No) => (
                DoesNotHold,
                "waiting tasks gain nothing from a second cook.",
            ),
            (Answer::No, Answer::No) => (DoesNotHold, "neither gained from more cooks."),
            (_, Answer::No) => (
                DoesNotHold,
                "waiting gained nothing, and the gain of chopping is uncertain.",
            ),
            (Answer::No, _) => (DoesNotHold, "chopping gained nothing."),
            _ => (Undecided, "a gain is uncertain."),
        };
        verdict.because(facts, [both, reason, others])
    },
};

/// Measures a job in one piece, and the same job cut into parts, both with one cook.
pub(super) const SET_NOT_ONE: Claim = Claim {
    id: 4,
    said: "Concurrency never makes one task faster, but finishes a set of waiting tasks sooner, and a \
           set of computing tasks no sooner.",
    command: |sizes| {
        format!(
            "brigade parts --cooks 1 --minute {}",
            sizes.parts.as_millis()
        )
    },
    measure: |lab| {
        let jobs = lab.jobs()?;
        // The largest possible gain is `most`: the number of parts if they wait, and 1 if they compute.
        let set = |ways: &Ways, most: u32| {
            let set = ways.whole.times_as_long_as(&ways.cut.one);
            set.at_most(f64::from(most))
        };
        let among = |ways: &Ways| shortest_life(&ways.cut.one);
        let alone = |ways: &Ways| ways.whole.figures.wall / PARTS;
        let [waiting, computing] = [&jobs.waiting, &jobs.computing];
        let least = least_on_processor([&computing.whole, &computing.cut.one]);
        Ok(Facts(vec![
            speed_up("waiting_set_speed_up", "waiting set", set(waiting, PARTS)),
            speed_up("computing_set_speed_up", "computing set", set(computing, 1)),
            time("waiting_alone_s", "waiting task alone", alone(waiting)),
            time("waiting_among_s", "among the others", among(waiting)),
            time(
                "computing_alone_s",
                "computing task alone",
                alone(computing),
            ),
            time("computing_among_s", "among the others", among(computing)),
            share("computing_on_processor", "cook on a processor", least),
        ]))
    },
    judge: |facts| {
        let sets = "One cook did 5 waiting tasks {waiting_set_speed_up} as fast together as one after \
                    another, and 5 computing tasks {computing_set_speed_up} as fast";
        let ones =
            "a waiting task alone took {waiting_alone_s} and among the others {waiting_among_s}.";
        // If other programs used the cores, they may have caused the difference, so a gain proves nothing.
        let disturbed = is_disturbed(facts["computing_on_processor"].value);
        let others = match disturbed {
            true => " Other programs used the cores too.",
            false => "",
        };
        let computing = |factor| GAIN.ask(factor).unclear_if(disturbed, Answer::Yes);
        let one = [
            GAIN.ask(facts.ratio("waiting_alone_s", "waiting_among_s")),
            computing(facts.ratio("computing_alone_s", "computing_among_s")),
        ];
        let set = [
            GAIN.ask(facts["waiting_set_speed_up"].value),
            computing(facts["computing_set_speed_up"].value),
        ];
        match (one, set) {
            ([Answer::No, Answer::No], [Answer::Yes, Answer::No]) => {
                Holds.because(facts, [sets, "; ", ones, others])
            }
            ([Answer::Yes, _] | [_, Answer::Yes], _) => {
                let faster = "One task was faster among others than alone: ";
                DoesNotHold.because(facts, [faster, ones])
            }
            (_, [Answer::No, _] | [_, Answer::Yes]) => DoesNotHold.because(facts, [sets, "."]),
            _ => {
                let small = " The differences are too small to decide.";
                Undecided.because(facts, [sets, "; ", ones, small])
            }
        }
    },
};

/// For each run, computes the share of the cooks' working time in which they were on a processor. Returns the
/// smaller share, or `None` if neither run has one.
fn least_on_processor<T>(runs: [&Run<T>; 2]) -> Option<f64> {
    let shares = runs.into_iter().filter_map(Run::on_processor);
    shares.min_by(f64::total_cmp)
}

/// Returns the shortest lifetime of a task in a run.
fn shortest_life<T>(run: &Run<T>) -> Duration {
    let figures = brigade_timeline::figures(&run.timeline);
    let tasks = run.timeline.tasks.iter().zip(&figures.tasks);
    let tasks = tasks.filter(|(task, _)| !task.is_main);
    tasks
        .map(|(_, figures)| figures.life())
        .min()
        .unwrap_or_default()
}

/// The share of the ideal speed-up that was reached. If the share is at least `yes`, the ideal counts as
/// reached. If it is at most `no`, the ideal counts as missed.
const IDEAL: Band = Band { no: 0.6, yes: 0.85 };

/// Tests whether a job in five parts runs five times as fast on this machine's cores.
pub(super) const FIVE_PARTS: Claim = Claim {
    id: 5,
    said: "A job cut in five runs five times as fast.",
    command: |sizes| format!("brigade parts --minute {}", sizes.parts.as_millis()),
    measure: |lab| {
        let jobs = lab.jobs()?;
        let many = &jobs.computing.cut.many;
        let waiting = jobs.waiting_speed_up();
        Ok(Facts(vec![
            count("cores", "cores", cooks::cores()),
            count("cooks", "cooks", many.figures.cooks),
            speed_up("computing_speed_up", "computing", jobs.computing_speed_up()),
            speed_up("waiting_speed_up", "waiting, one cook", waiting),
            on_processor(many.on_processor()),
        ]))
    },
    judge: |facts| {
        let parts = PARTS as usize;
        let hands = facts.count("cores").min(facts.count("cooks")).min(parts);
        let measured =
            "computing was {computing_speed_up} as fast with {cooks:cook} on {cores:core}";
        let waiting = ". Waiting was {waiting_speed_up} as fast with one cook.";
        let computing = facts["computing_speed_up"].value;
        let ideal = IDEAL.ask(computing / f64::from(PARTS));
        let of_the_cores = computing / hands as f64;
        // If there are more cooks than cores, the cooks take turns, so each has only a share of a core.
        let turns = facts["cooks"].value / hands as f64;
        let disturbed = is_disturbed(facts["on_processor"].value * turns);
        let (verdict, before, after) = if ideal == Answer::Yes && of_the_cores < BEYOND {
            (Holds, "Here ", waiting)
        } else if hands < parts && (IDEAL.no..BEYOND).contains(&of_the_cores) && !disturbed {
            let five = "On the processors: five are needed, and here ";
            (Depends, five, waiting)
        } else if hands == parts && ideal == Answer::No && !disturbed {
            let enough = "There were enough processors, and still ";
            (DoesNotHold, enough, waiting)
        } else {
            let others = match disturbed {
                true => ": other programs used the cores too, so this decides nothing.",
                false => ", which the number of cores does not explain.",
            };
            (Undecided, "Here ", others)
        };
        verdict.because(facts, [before, measured, after])
    },
};

/// The ratio of a run's time to the critical path. If the ratio is at most `no`, the time is as expected. If
/// it is at least `yes`, the run was late.
const LATE: Band = Band { no: 1.2, yes: 1.4 };

/// A run cannot be faster than the critical path. Inexact clocks may give a ratio a little below 1, but not
/// one below this value.
const FASTER: f64 = 0.9;

/// Solves equations that depend on each other. A hand works on one equation at a time. Compares the times
/// with one hand, with as many hands as can ever be busy, and with one hand for each equation.
pub(super) const CRITICAL_PATH: Claim = Claim {
    id: 10,
    said: "Dependent tasks gain nothing from more hands than the critical path allows.",
    command: |sizes| format!("brigade equations --minute {}", sizes.minute.as_millis()),
    measure: |lab| {
        let solutions = equations::solutions(&cooks::hire(1)?, lab.sizes.minute)?;
        for attempt in &solutions.attempts {
            lab.note(&attempt.run);
        }
        let (one, plenty) = (&solutions.attempts[0], solutions.plenty());
        let enough = solutions.enough();
        Ok(Facts(vec![
            time("critical_path_s", "critical path", solutions.critical_path),
            time("one_hand_s", "time with 1 hand", one.run.figures.wall),
            count("width", "hands busy at most", plenty.used()),
            time("at_width_s", "time with so many", enough.run.figures.wall),
            count("plenty", "hands in the last run", plenty.hands),
            time("plenty_s", "its time", plenty.run.figures.wall),
        ]))
    },
    judge: |facts| {
        let said = "1 hand took {one_hand_s}, {width:hand} took {at_width_s}, and {plenty:hand} took \
                    {plenty_s}; the longest chain takes {critical_path_s}";
        let helped = GAIN.ask(facts.ratio("one_hand_s", "at_width_s"));
        let further = GAIN.ask(facts.ratio("at_width_s", "plenty_s"));
        let against_path = facts.ratio("plenty_s", "critical_path_s");
        let (verdict, rest) = match (LATE.ask(against_path), helped, further) {
            _ if against_path < FASTER => {
                (DoesNotHold, ": the last run was faster than this chain.")
            }
            // Hands beyond `width` are never busy, so only late timers can make the runs with `width` and
            // with `plenty` hands differ.
            (_, _, Answer::Yes) => (Undecided, ": the run with {width:hand} took too long."),
            (Answer::No, Answer::Yes, Answer::No) => (Holds, "."),
            (Answer::No, ..) => (Undecided, ": the gain from more hands is unclear."),
            _ => (Undecided, ", and the last run took too long."),
        };
        verdict.because(facts, [said, rest])
    },
};
