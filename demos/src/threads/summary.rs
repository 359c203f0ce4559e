//! The results of `threads`: tables, a sentence and JSON keys.

use super::{Both, Computed, Waited};

use crate::prelude::*;

impl Both {
    pub(super) fn waiting(&self) -> [Facts; 2] {
        [&self.tasks, &self.threads].map(Waited::facts)
    }

    pub(super) fn computing(&self) -> impl Iterator<Item = Facts> {
        self.computed.iter().map(Computed::facts)
    }

    pub(super) fn verdict(&self) -> String {
        let (tasks, threads) = (&self.tasks, &self.threads);
        let ratio = |a: f64, b: f64| factor(a / b.max(f64::MIN_POSITIVE));
        let mut said = format!(
            "For {}, {} took {} and {} {}",
            units::counted_that(threads.done, "request", "wait"),
            counted(threads.threads, "thread"),
            duration(threads.wall),
            counted(tasks.threads, "cook"),
            duration(tasks.wall),
        );
        if let (Some(many), Some(few)) = (threads.memory, tasks.memory) {
            let times = ratio(many as f64, few as f64);
            said.push_str(&format!("; the threads needed {times} x the memory"));
        }
        if let (Some(many), Some(few)) = (threads.used, tasks.used) {
            let times = ratio(many.switches() as f64, few.switches() as f64);
            said.push_str(&format!(" and {times} x the context switches"));
        }
        said.push('.');
        let at_once = self.computed.iter().filter_map(Computed::at_once);
        let most = at_once.max_by(f64::total_cmp);
        if let ([first, .., last], Some(most)) = (&self.computed[..], most) {
            let [few, many, cores] = [first.threads, last.threads, self.cores].map(units::count);
            let times = ratio(last.wall.as_secs_f64(), first.wall.as_secs_f64());
            said.push_str(&format!(
                " Of {few} to {many} threads that computed, at most {most:.2} were on a core at the same \
                 time, with {cores} available; {many} took {times} x the time of {few}."
            ));
        }
        said
    }
}

impl Waited {
    fn facts(&self) -> Facts {
        let each = self.memory.map(|memory| memory / self.done.max(1) as u64);
        let switches = self.used.map(|used| used.switches() as usize);
        Facts(vec![
            text("way", " ", self.name),
            count("threads", "threads", self.threads),
            count("done", "done", self.done),
            time("wall_s", "wall time", self.wall),
            time("cpu_s", "CPU time", self.used.map(|used| used.cpu)),
            count("context_switches", "switches", switches),
            bytes("memory_bytes", "memory", self.memory),
            bytes("", "each", each),
        ])
    }
}

impl Computed {
    fn facts(&self) -> Facts {
        let interrupted = self.interrupted.map(|times| times as usize);
        Facts(vec![
            count("threads", "threads", self.threads),
            time("wall_s", "wall time", self.wall),
            time("on_core_s", "on a core", self.on_core),
            number("at_once", "at once", self.at_once()),
            time("queued_s", "in the queue", self.queued),
            count("interrupted", "interrupted", interrupted),
            is_right("sum_is_right", "sum", self.sum_is_right),
        ])
    }
}
