//! Runs that the tests draw. They are made by hand, so their drawings are always identical, byte for byte.

use std::time::Duration;

use brigade::timeline::{
    Event, Lane, LaneKind, Outcome, Outcome::*, Task, Timeline, WakeEffect, What,
};

/// Builds a timeline. Times are in microseconds.
pub(super) struct Script {
    lanes: Vec<Lane>,
    tasks: Vec<Task>,
    events: Vec<Event>,
}

impl Script {
    pub(super) fn new(cooks: usize) -> Self {
        let cook = |number| Lane::new(&format!("worker {number}"), LaneKind::Worker(number));
        Self {
            lanes: (0..cooks).map(cook).collect(),
            tasks: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn lane(&mut self, name: &str, kind: LaneKind) -> usize {
        self.lanes.push(Lane::new(name, kind));
        self.lanes.len() - 1
    }

    /// Adds a task. If `name` is empty, the task has no name.
    pub(super) fn task(&mut self, name: &str) -> &mut Self {
        let id = self.tasks.len() as u64 + 1;
        self.tasks
            .push(Task::new(id, Some(name).filter(|name| !name.is_empty())));
        self
    }

    pub(super) fn push(&mut self, at: u64, lane: usize, what: What) -> &mut Self {
        self.events
            .push(Event::new(Duration::from_micros(at), lane, what));
        self
    }

    pub(super) fn spawn(
        &mut self,
        at: u64,
        lane: usize,
        task: usize,
        by: Option<usize>,
    ) -> &mut Self {
        self.push(at, lane, What::Spawn { task, by })
    }

    pub(super) fn poll(
        &mut self,
        at: u64,
        lane: usize,
        task: usize,
        takes: u64,
        outcome: Outcome,
    ) -> &mut Self {
        self.push(at, lane, What::PollBegin { task });
        self.push(at + takes, lane, What::PollEnd { task, outcome })
    }

    /// Adds a poll during which the task wakes itself, so that it yields.
    pub(super) fn poll_and_yield(
        &mut self,
        at: u64,
        lane: usize,
        task: usize,
        takes: u64,
    ) -> &mut Self {
        self.push(at, lane, What::PollBegin { task });
        self.wake(at + takes, lane, task, Some(task), WakeEffect::Again);
        self.push(
            at + takes,
            lane,
            What::PollEnd {
                task,
                outcome: Pending,
            },
        )
    }

    pub(super) fn wake(
        &mut self,
        at: u64,
        lane: usize,
        task: usize,
        by: Option<usize>,
        effect: WakeEffect,
    ) -> &mut Self {
        self.push(at, lane, What::Wake { task, by, effect })
    }

    /// Parks the worker until the task's timer is due, and then wakes the task.
    pub(super) fn sleep_until_timer(
        &mut self,
        from: u64,
        to: u64,
        lane: usize,
        task: usize,
    ) -> &mut Self {
        self.push(from, lane, What::Park);
        self.push(to, lane, What::Unpark);
        self.push(to, lane, What::TimersFired { timers: 1 });
        self.wake(to, lane, task, None, WakeEffect::Queued)
    }

    pub(super) fn done(&mut self, length: u64) -> Timeline {
        self.events.sort_by_key(|event| event.at);
        Timeline::from_parts(
            self.lanes.clone(),
            self.tasks.clone(),
            self.events.clone(),
            Duration::from_micros(length),
        )
    }
}

const MAIN: usize = 0;
const WATER: usize = 1;
const CHOP: usize = 2;
const SAUCE: usize = 3;

/// Returns the beginning of [`kitchen`] and [`kitchen_of_two`], in which the main future spawns the tasks.
fn kitchen_script(cooks: usize) -> Script {
    let mut script = Script::new(cooks);
    script
        .task("main")
        .task("boil water")
        .task("chop")
        .task("sauce");
    script.push(0, 0, What::PollBegin { task: MAIN });
    for task in [WATER, CHOP, SAUCE] {
        script.spawn(100 * task as u64, 0, task, Some(MAIN));
    }
    script.push(
        400,
        0,
        What::Join {
            task: WATER,
            by: MAIN,
        },
    );
    script.push(
        400,
        0,
        What::PollEnd {
            task: MAIN,
            outcome: Pending,
        },
    );
    script
}

/// Returns a kitchen with one cook. Water takes 20 ms to boil, and chopping is 8 ms of work in four pieces.
/// The sauce needs the chopped vegetables, then 5 ms of simmering.
pub(super) fn kitchen() -> Timeline {
    let mut script = kitchen_script(1);
    script.poll(450, 0, WATER, 250, Pending);
    script.poll_and_yield(750, 0, CHOP, 2000);
    script.poll(2800, 0, SAUCE, 300, Pending);
    script.poll_and_yield(3150, 0, CHOP, 2000);
    script.poll_and_yield(5200, 0, CHOP, 2000);
    script.push(7250, 0, What::PollBegin { task: CHOP });
    script.wake(9200, 0, SAUCE, Some(CHOP), WakeEffect::Queued);
    script.push(
        9250,
        0,
        What::PollEnd {
            task: CHOP,
            outcome: Ready,
        },
    );
    script.poll(9300, 0, SAUCE, 1500, Pending);
    script.sleep_until_timer(10_850, 15_800, 0, SAUCE);
    script.poll(15_850, 0, SAUCE, 2500, Ready);
    script.sleep_until_timer(18_400, 20_700, 0, WATER);
    script.push(20_750, 0, What::PollBegin { task: WATER });
    script.wake(20_900, 0, MAIN, Some(WATER), WakeEffect::Queued);
    script.push(
        20_950,
        0,
        What::PollEnd {
            task: WATER,
            outcome: Ready,
        },
    );
    script.poll(21_000, 0, MAIN, 200, Ready);
    script.done(22_000)
}

/// Returns the same kitchen with two cooks.
pub(super) fn kitchen_of_two() -> Timeline {
    let mut script = kitchen_script(2);
    script.push(0, 1, What::Park).push(250, 1, What::Unpark);
    script.push(300, 1, What::Steal { from: 0 });
    script.poll_and_yield(330, 1, CHOP, 2000);
    script.poll(450, 0, WATER, 250, Pending);
    script.poll(750, 0, SAUCE, 300, Pending);
    script.push(1100, 0, What::Park);
    script.poll_and_yield(2380, 1, CHOP, 2000);
    script.poll_and_yield(4430, 1, CHOP, 2000);
    script.push(6480, 1, What::PollBegin { task: CHOP });
    script.wake(8430, 1, SAUCE, Some(CHOP), WakeEffect::Queued);
    script.push(8470, 0, What::Unpark);
    script.push(
        8480,
        1,
        What::PollEnd {
            task: CHOP,
            outcome: Ready,
        },
    );
    script.poll(8530, 0, SAUCE, 1500, Pending);
    script.push(8550, 1, What::Park);
    script.sleep_until_timer(10_080, 15_030, 0, SAUCE);
    script.poll(15_060, 0, SAUCE, 2500, Ready);
    script.sleep_until_timer(17_600, 20_700, 0, WATER);
    script.push(20_750, 0, What::PollBegin { task: WATER });
    script.wake(20_900, 0, MAIN, Some(WATER), WakeEffect::Queued);
    script.push(
        20_950,
        0,
        What::PollEnd {
            task: WATER,
            outcome: Ready,
        },
    );
    script.poll(21_000, 0, MAIN, 200, Ready);
    script.done(22_000)
}

/// Returns a run of `count` requests with one worker. Each request connects, sends, and waits 50 ms to 1 s
/// for a reply.
pub(super) fn fetch(count: usize) -> Timeline {
    let mut script = Script::new(1);
    script
        .task("main")
        .push(0, 0, What::PollBegin { task: MAIN });
    let mut now = 10;
    for task in 1..=count {
        script.task("").spawn(now, 0, task, Some(MAIN));
        now += 2;
    }
    script.push(
        now,
        0,
        What::PollEnd {
            task: MAIN,
            outcome: Pending,
        },
    );
    let mut replies = Vec::new();
    let mut random = 1u64;
    for task in 1..=count {
        script.poll(now, 0, task, 15, Pending);
        now += 16;
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        replies.push((now + 5_000 + (random >> 40) % 5_000, task, false));
        replies.push((now + 50_000 + (random >> 33) % 950_000, task, true));
    }
    replies.sort_unstable();
    for (at, task, last) in replies {
        if at > now + 20 {
            script.push(now, 0, What::Park).push(at, 0, What::Unpark);
        }
        now = now.max(at);
        script.push(now, 0, What::IoReady { events: 1 });
        script.wake(now, 0, task, None, WakeEffect::Queued);
        script.poll(
            now + 1,
            0,
            task,
            if last { 60 } else { 20 },
            if last { Ready } else { Pending },
        );
        now += if last { 62 } else { 22 };
    }
    script.poll(now, 0, MAIN, 100, Ready);
    script.done(now + 1000)
}

/// Names with characters that have a meaning in the grammar of some output format.
pub(super) const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "]]> --> </svg> </text>",
    "quotes \" ' ` \\ and & &amp; &#0;",
    "a:b;c#d,e%%f{g}",
    "line\nbreak\r\n\ttab",
    "\x1b[2J\x07\0\x7f\u{9b}1m",
    "\u{202e}gnirts\u{2066} \u{200f}",
    "משימה العربية",
    "🍝👩‍🍳 e\u{301}\u{301}\u{301}",
    "\u{ffff}\u{fffe}\u{feff}\u{2028}\u{2029}",
    "title section gantt click end",
    "$$x^2$$ <br/> ---",
    " ",
    "300",
];

/// Returns a run of tasks with the names of [`HOSTILE`]. One name is 300 characters long. One task panics,
/// one is cancelled, one finishes, and the others never end.
pub(super) fn hostile() -> Timeline {
    let mut script = Script::new(2);
    let outside = script.lane("<outside> & \"quotes\" \x1b[1m", LaneKind::Outside);
    for (task, name) in HOSTILE.iter().enumerate() {
        let long = "long".repeat(75);
        script.task(if *name == "300" { &long } else { name });
        let at = 10 * task as u64;
        script.spawn(at, outside, task, None);
        script.poll(
            at + 1,
            task % 2,
            task,
            5,
            if task == 3 { Panicked } else { Pending },
        );
        script.wake(
            at + 8,
            outside,
            task,
            Some((task + 1) % HOSTILE.len()),
            WakeEffect::Queued,
        );
    }
    script.poll(200, outside, 0, 9, Ready);
    script.push(210, 1, What::Cancel { task: 1 });
    script.done(300)
}

/// Returns a run of `events` events, with two workers and a thousand tasks that yield all the time.
pub(super) fn busy(events: usize) -> Timeline {
    let mut script = Script::new(2);
    for task in 0..1000 {
        script.task(&format!("yielder {task}"));
    }
    for round in 0..events as u64 / 6 {
        for cook in 0..2 {
            let task = (round * 2 + cook) % 1000;
            script.poll_and_yield(round * 3 + cook, cook as usize, task as usize, 2);
        }
    }
    script.done(events as u64 / 2)
}

/// Returns runs that have no events, or in which no event takes time.
pub(super) fn empty() -> Vec<Timeline> {
    vec![
        Timeline::default(),
        Script::new(1).done(0),
        Script::new(2).task("idle").done(1000),
        Script::new(1)
            .task("instant")
            .poll(5, 0, 0, 0, Ready)
            .done(5),
        Script::new(1)
            .task("instant")
            .poll(0, 0, 0, 0, Pending)
            .done(0),
    ]
}
