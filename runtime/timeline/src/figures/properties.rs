//! Tests properties that hold for every run, on random runs and on the same runs with events missing.

use std::time::{Duration, Instant};

use super::Figures;
use crate::script::Script;
use brigade::timeline::{LaneKind, Outcome, Timeline, What};

/// Marsaglia's xorshift, which is random enough here.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Queued,
    Running,
    Waiting,
    Ended,
}

/// The life of a task, counted tick by tick.
struct Dish {
    is: Is,
    again: bool,
    joiner: Option<usize>,
    ticks: [u32; 3],
}

/// A recorded run, and the figures that are expected for it.
struct Run {
    timeline: Timeline,
    dishes: Vec<Dish>,
    in_flight_max: usize,
    at_once_max: usize,
}

/// A simulated executor, in which random events happen. Cooks are its workers, and dishes are its tasks. A
/// tick is a nanosecond.
struct Kitchen {
    chance: Chance,
    script: Script,
    dishes: Vec<Dish>,
    cooks: Vec<Option<usize>>,
    in_flight_max: usize,
}

impl Kitchen {
    fn run(seed: u64, ticks: u64) -> Run {
        let mut chance = Chance::new(seed);
        let cooks = 1 + chance.below(4);
        let mut kitchen = Kitchen {
            chance,
            script: Script::new(cooks),
            dishes: Vec::new(),
            cooks: vec![None; cooks],
            in_flight_max: 0,
        };
        kitchen.spawn(None);
        let mut at_once_max = 0;
        for tick in 0..ticks {
            kitchen.script.at_nanos(tick);
            for cook in 0..cooks {
                kitchen.script.on(cook);
                kitchen.work(cook);
            }
            kitchen.world();
            for dish in &mut kitchen.dishes {
                if dish.is != Is::Ended {
                    dish.ticks[dish.is as usize] += 1;
                }
            }
            let at_once = kitchen.cooks.iter().flatten().count();
            at_once_max = at_once_max.max(at_once);
        }
        Run {
            timeline: kitchen.script.at_nanos(ticks).done(),
            dishes: kitchen.dishes,
            in_flight_max: kitchen.in_flight_max,
            at_once_max,
        }
    }

    /// Makes a cook do something random, or nothing.
    fn work(&mut self, cook: usize) {
        let Some(task) = self.cooks[cook] else {
            let ready = |dish: &Dish| dish.is == Is::Queued;
            let first = self.dishes.iter().position(ready);
            if let Some(task) = first.filter(|_| !self.chance.one_in(3)) {
                self.script.begin(task);
                self.dishes[task].is = Is::Running;
                self.cooks[cook] = Some(task);
            }
            return;
        };
        match self.chance.below(12) {
            0 => self.spawn(Some(task)),
            1 => {
                let other = self.chance.below(self.dishes.len());
                self.wake(other, Some(task));
            }
            2 => self.wake(task, Some(task)),
            3 => {
                let other = self.chance.below(self.dishes.len());
                self.script.join(other, task);
                if self.dishes[other].is != Is::Ended {
                    self.dishes[other].joiner = Some(task);
                }
            }
            4 | 5 => {
                self.cooks[cook] = None;
                self.script.pend(task);
                let again = std::mem::take(&mut self.dishes[task].again);
                self.dishes[task].is = if again { Is::Queued } else { Is::Waiting };
            }
            6 => {
                self.cooks[cook] = None;
                let panics = self.chance.one_in(8);
                self.script.end(
                    task,
                    [Outcome::Ready, Outcome::Panicked][usize::from(panics)],
                );
                self.end(task);
            }
            _ => {}
        }
    }

    /// Simulates what happens outside of polls: wakes, cancellations and spawns.
    fn world(&mut self) {
        let task = self.chance.below(self.dishes.len());
        if self.chance.one_in(3) {
            self.wake(task, None);
        }
        if self.chance.one_in(40) && self.dishes[task].is == Is::Queued {
            self.script.event(What::Cancel { task });
            self.end(task);
        }
        if self.chance.one_in(20) {
            self.spawn(None);
        }
    }

    fn spawn(&mut self, by: Option<usize>) {
        let task = self.script.task("dish");
        self.script.spawn(task, by);
        self.dishes.push(Dish {
            is: Is::Queued,
            again: false,
            joiner: None,
            ticks: [0; 3],
        });
        let alive = self.dishes.iter().filter(|dish| dish.is != Is::Ended);
        self.in_flight_max = self.in_flight_max.max(alive.count());
    }

    fn wake(&mut self, task: usize, by: Option<usize>) {
        let dish = &mut self.dishes[task];
        match dish.is {
            Is::Waiting => {
                dish.is = Is::Queued;
                self.script.wake(task, by);
            }
            Is::Running if !dish.again => {
                dish.again = true;
                self.script.wake_again(task, by);
            }
            _ => {
                self.script.wake_nobody(task);
            }
        }
    }

    fn end(&mut self, task: usize) {
        self.dishes[task].is = Is::Ended;
        if let Some(joiner) = self.dishes[task].joiner {
            self.wake(joiner, None);
        }
    }
}

/// Checks the properties of any record, even one with gaps.
fn check(timeline: &Timeline) -> Figures {
    let figures = crate::figures(timeline);
    let workers = timeline
        .lanes
        .iter()
        .filter(|lane| matches!(lane.kind, LaneKind::Worker(_)));
    assert!(figures.at_once_max <= figures.in_flight_max);
    assert!(figures.at_once_max <= workers.count());
    assert!(figures.queued_max <= figures.in_flight_max);
    assert!(figures.in_flight_max <= figures.spawned);
    assert!(figures.finished + figures.cancelled + figures.panicked <= figures.spawned);
    assert!(figures.critical_path <= figures.span);
    assert!(figures.span <= crate::spans(timeline).end);
    assert!(figures.joins_nowhere <= figures.wakes_nowhere);
    assert!(figures.wakes_nowhere <= figures.wakes);
    assert!(
        figures
            .longest_stall
            .is_none_or(|stall| stall.held >= stall.ready.max(1))
    );
    let shares = figures.running_share + figures.queued_share + figures.waiting_share;
    assert!((shares - 1.0).abs() < 1e-9 || shares == 0.0, "{shares}");
    for task in &figures.tasks {
        let Some(begun) = task.begun else {
            assert_eq!(task.life(), Duration::ZERO);
            continue;
        };
        // The times in the three states must add up to the task's life, exact to the nanosecond.
        assert_eq!(
            task.life(),
            task.ended.unwrap_or(crate::spans(timeline).end) - begun
        );
        assert_eq!(task.ended.is_some(), task.ending.is_some());
        assert!(task.self_woken <= task.polls);
        assert!(task.wakes_nowhere <= task.wakes);
        assert!(task.running <= figures.critical_path);
    }
    for lane in &figures.lanes {
        assert!(lane.in_polls <= lane.present);
        assert!((0.0..=1.0).contains(&lane.busy));
    }
    let running: Duration = figures.tasks.iter().map(|task| task.running).sum();
    let in_polls: Duration = figures.lanes.iter().map(|lane| lane.in_polls).sum();
    assert_eq!(running, in_polls);
    for workers in 1..5 {
        let (few, more) = (
            figures.speed_up_bound(workers),
            figures.speed_up_bound(workers + 1),
        );
        assert!(few <= more);
    }
    figures
}

#[test]
fn the_figures_are_what_happened() {
    for seed in 0..400 {
        let run = Kitchen::run(seed, 300);
        let figures = check(&run.timeline);
        assert_eq!(figures.in_flight_max, run.in_flight_max, "seed {seed}");
        assert_eq!(figures.at_once_max, run.at_once_max, "seed {seed}");
        assert_eq!(figures.spawned, run.dishes.len());
        for (task, dish) in figures.tasks.iter().zip(&run.dishes) {
            let times = [task.queued, task.running, task.waiting];
            let counted = dish.ticks.map(|ticks| Duration::from_nanos(ticks.into()));
            assert_eq!(times, counted, "seed {seed}");
            assert_eq!(task.ended.is_some(), dish.is == Is::Ended);
        }
    }
}

#[test]
fn a_record_with_gaps_has_figures_too() {
    for seed in 0..400 {
        let mut chance = Chance::new(seed);
        let mut timeline = Kitchen::run(seed, 200).timeline;
        let before = timeline.events.len();
        let keep_one_in = 2 + chance.below(20);
        timeline.events.retain(|_| !chance.one_in(keep_one_in));
        timeline.dropped = (before - timeline.events.len()) as u64;
        check(&timeline);
        // The same properties must hold if the record does not report that events were dropped.
        timeline.dropped = 0;
        check(&timeline);
        let _ = crate::advice(&timeline);
    }
}

#[test]
fn a_record_in_disorder_has_figures_too() {
    for seed in 0..400 {
        let mut chance = Chance::new(seed);
        let mut timeline = Kitchen::run(seed, 200).timeline;
        let events = &mut timeline.events;
        for _ in 0..events.len() / 4 {
            let (a, b) = (chance.below(events.len()), chance.below(events.len()));
            if a.abs_diff(b) < 20 {
                // Swap the contents of the two events, but not their times and their threads.
                let what = events[a].what;
                events[a].what = events[b].what;
                events[b].what = what;
            }
        }
        check(&timeline);
    }
}

/// Prints the time for a million events: `cargo test --release -- --ignored --nocapture cost_of`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_million_events() {
    let tasks = 10_000;
    let mut run = Script::new(2);
    let main = run.task("main");
    run.begin(main);
    for n in 1..=tasks {
        run.task("dish");
        run.spawn(n, Some(main)).join(n, main);
    }
    run.pend(main);
    for event in 0..980_000 / 3 {
        let task = 1 + event % tasks;
        run.at_nanos(100 * event as u64)
            .on(event % 2)
            .wake(task, None);
        run.begin(task).pend(task);
    }
    let timeline = run.done();
    let (began, events) = (Instant::now(), timeline.events.len());
    let figures = crate::figures(&timeline);
    println!(
        "{events} events, {} tasks: {:?}",
        figures.spawned,
        began.elapsed()
    );
}
