//! Runs that are made by hand and are the same every time: a small one with every detail, and a big one to
//! measure the speed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use brigade::timeline::{Event, Lane, LaneKind, Outcome, Task, Timeline, WakeEffect, What};

/// A record to which events are added one by one. Times are in microseconds.
#[derive(Default)]
struct Record {
    events: Vec<Event>,
}

impl Record {
    fn at(&mut self, micros: f64, lane: usize, what: What) {
        let at = Duration::from_nanos((micros * 1000.0) as u64);
        self.events.push(Event::new(at, lane, what));
    }

    fn poll(&mut self, from: f64, to: f64, lane: usize, task: usize, outcome: Outcome) {
        self.at(from, lane, What::PollBegin { task });
        self.at(to, lane, What::PollEnd { task, outcome });
    }

    fn wake(&mut self, at: f64, lane: usize, task: usize, by: Option<usize>) {
        let effect = WakeEffect::Queued;
        self.at(at, lane, What::Wake { task, by, effect });
    }

    fn sleep(&mut self, from: f64, to: f64, lane: usize) {
        self.at(from, lane, What::Park);
        self.at(to, lane, What::Unpark);
    }

    fn timeline(mut self, lanes: Vec<Lane>, tasks: Vec<Task>, millis: u64) -> Timeline {
        self.events.sort_by_key(|event| event.at);
        Timeline::from_parts(lanes, tasks, self.events, Duration::from_millis(millis))
    }
}

/// Returns a run of seven tasks, two cooks and 60 ms, with spawns, timers, I/O, joins, a steal, a wake by an
/// outside thread, a panic, a cancelled task and a stranded task. Some names contain markup or control
/// characters, which must have no effect.
pub(crate) fn kitchen() -> Timeline {
    let lanes = vec![
        Lane::new("cook 0", LaneKind::Worker(0)),
        Lane::new("cook 1", LaneKind::Worker(1)),
        Lane::new("the phone", LaneKind::Outside),
    ];
    let names = [
        "main",
        "boil water",
        "chop onions",
        "sauce </script><b>hot</b> & \"sweet\"",
        "noodles",
        "order\u{0}\u{1b}[31m \u{202e}drawkcab",
        "burnt toast",
        "lost order",
    ];
    let tasks = (0..)
        .zip(names)
        .map(|(id, name)| Task::new(id, Some(name)))
        .collect();
    let mut r = Record::default();
    use Outcome::{Panicked, Pending, Ready};

    r.at(200.0, 0, What::PollBegin { task: 0 });
    for task in 1..=7 {
        let by = Some(0);
        r.at(200.0 + task as f64 * 100.0, 0, What::Spawn { task, by });
    }
    r.at(1000.0, 0, What::Join { task: 4, by: 0 });
    r.at(
        1100.0,
        0,
        What::PollEnd {
            task: 0,
            outcome: Pending,
        },
    );
    r.poll(1150.0, 2600.0, 0, 1, Pending);
    r.sleep(100.0, 700.0, 1);
    r.at(720.0, 1, What::Steal { from: 0 });
    r.poll(800.0, 12_400.0, 1, 2, Pending);
    r.poll(2700.0, 4400.0, 0, 3, Pending);
    r.poll(4450.0, 5200.0, 0, 4, Pending);
    r.poll(5300.0, 5900.0, 0, 5, Pending);
    r.poll(6000.0, 9000.0, 0, 6, Pending);
    r.poll(9020.0, 9080.0, 0, 7, Pending);
    r.at(9080.0, 0, What::Stranded { task: 7 });
    r.sleep(9100.0, 18_000.0, 0);
    r.at(
        12_000.0,
        1,
        What::Wake {
            task: 2,
            by: Some(2),
            effect: WakeEffect::Again,
        },
    );
    r.poll(12_500.0, 21_800.0, 1, 2, Ready);
    r.wake(21_500.0, 1, 3, Some(2));
    r.at(18_050.0, 0, What::TimersFired { timers: 2 });
    r.wake(18_060.0, 0, 1, None);
    r.wake(18_070.0, 0, 6, None);
    r.poll(18_200.0, 20_900.0, 0, 1, Pending);
    r.poll(21_000.0, 23_000.0, 0, 6, Panicked);
    r.poll(22_000.0, 33_500.0, 1, 3, Pending);
    r.sleep(23_100.0, 29_000.0, 0);
    r.wake(28_900.0, 2, 5, None);
    r.poll(29_100.0, 30_000.0, 0, 5, Pending);
    r.sleep(30_100.0, 38_000.0, 0);
    r.at(38_050.0, 0, What::IoReady { events: 1 });
    r.wake(38_060.0, 0, 1, None);
    r.poll(38_200.0, 40_000.0, 0, 1, Ready);
    r.wake(39_800.0, 0, 4, Some(1));
    r.poll(40_100.0, 52_000.0, 0, 4, Pending);
    r.sleep(33_600.0, 44_000.0, 1);
    r.at(44_010.0, 1, What::TimersFired { timers: 1 });
    r.wake(44_020.0, 1, 3, None);
    r.poll(44_200.0, 50_000.0, 1, 3, Ready);
    r.wake(49_900.0, 1, 4, Some(3));
    r.at(
        49_950.0,
        1,
        What::Wake {
            task: 4,
            by: Some(3),
            effect: WakeEffect::Nothing,
        },
    );
    r.sleep(50_100.0, 52_100.0, 1);
    r.at(52_300.0, 1, What::Steal { from: 0 });
    r.poll(52_400.0, 58_000.0, 1, 4, Ready);
    r.wake(57_900.0, 1, 0, Some(4));
    r.poll(58_200.0, 59_000.0, 0, 0, Ready);
    r.at(
        58_300.0,
        0,
        What::Abort {
            task: 5,
            by: Some(0),
        },
    );
    r.at(59_100.0, 0, What::Cancel { task: 5 });
    r.timeline(lanes, tasks, 60)
}

/// Returns a run of one cook with `count` requests in flight at the same time. Each request is polled `polls`
/// times, with three events per poll.
pub(crate) fn requests(count: usize, polls: usize) -> Timeline {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut r = Record::default();
    let mut now = 0.0;
    let mut tasks = vec![Task::new(0, Some("main"))];
    let mut left = vec![polls; count + 1];
    let mut ready = VecDeque::new();
    let mut due: BTreeMap<u64, usize> = BTreeMap::new();

    r.at(now, 0, What::PollBegin { task: 0 });
    for task in 1..=count {
        tasks.push(Task::new(task as u64, Some(&format!("GET /reply/{task}"))));
        now += 1.5;
        r.at(now, 0, What::Spawn { task, by: Some(0) });
        ready.push_back(task);
    }
    r.at(
        now,
        0,
        What::PollEnd {
            task: 0,
            outcome: Outcome::Pending,
        },
    );
    loop {
        if ready.is_empty() {
            let Some((&first, _)) = due.first_key_value() else {
                break;
            };
            if first as f64 > now {
                r.sleep(now, first as f64, 0);
                now = first as f64;
            }
        }
        let later = due.split_off(&(now as u64 + 1));
        let events = std::mem::replace(&mut due, later);
        if !events.is_empty() {
            r.at(
                now,
                0,
                What::IoReady {
                    events: events.len(),
                },
            );
            for task in events.into_values() {
                now += 0.1;
                r.wake(now, 0, task, None);
                ready.push_back(task);
            }
        }
        for _ in 0..64 {
            let Some(task) = ready.pop_front() else { break };
            left[task] -= 1;
            let begun = now + 0.2;
            now = begun + 1.0 + dice.below(600) as f64 / 100.0;
            let outcome = if left[task] == 0 {
                Outcome::Ready
            } else {
                Outcome::Pending
            };
            r.poll(begun, now, 0, task, outcome);
            if left[task] > 0 {
                // The first part of a reply takes a while, but the other parts follow quickly.
                let wait = if left[task] + 2 > polls {
                    50_000 + dice.below(40_000)
                } else {
                    2_000 + dice.below(9_000)
                };
                let mut at = now as u64 + wait;
                while due.contains_key(&at) {
                    at += 1;
                }
                due.insert(at, task);
            }
        }
    }
    r.wake(now, 0, 0, Some(count));
    r.poll(now + 1.0, now + 40.0, 0, 0, Outcome::Ready);
    let lanes = vec![Lane::new("cook 0", LaneKind::Worker(0))];
    r.timeline(lanes, tasks, now as u64 / 1000 + 1)
}

/// The xorshift64 generator, which is small and gives the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
