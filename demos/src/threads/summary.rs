//! The results of `threads`: tables, a sentence and JSON keys.

use super::{Both, Computed, Waited};

use crate::prelude::*;

impl Both {
    pub(super) fn waiting_table(&self) -> Columns {
        let mut table =
            Columns::new(" | threads | done | wall time | CPU time | switches | memory | each");
        for way in [&self.tasks, &self.threads] {
            table.row([
                way.name.to_owned(),
                units::count(way.threads),
                units::count(way.done),
                units::duration(way.wall),
                units::or_dash(way.used, |used| units::duration(used.cpu)),
                units::or_dash(way.used, |used| units::count(used.switches() as usize)),
                units::or_dash(way.memory, units::bytes),
                units::or_dash(way.memory, |memory| {
                    units::bytes(memory / way.done.max(1) as u64)
                }),
            ]);
        }
        table
    }

    pub(super) fn computing_table(&self) -> Columns {
        let mut table = Columns::new(
            "threads | wall time | on a core | at once | in the queue | interrupted | sum",
        );
        for crowd in &self.computed {
            table.row([
                units::count(crowd.threads),
                units::duration(crowd.wall),
                units::or_dash(crowd.on_core, units::duration),
                units::or_dash(crowd.at_once(), |at_once| format!("{at_once:.2}")),
                units::or_dash(crowd.queued, units::duration),
                units::or_dash(crowd.interrupted, |times| units::count(times as usize)),
                if crowd.sum_is_right { "right" } else { "wrong" }.to_owned(),
            ]);
        }
        table
    }

    pub(super) fn verdict(&self) -> String {
        let (tasks, threads) = (&self.tasks, &self.threads);
        let ratio = |a: f64, b: f64| units::factor(a / b.max(f64::MIN_POSITIVE));
        let mut said = format!(
            "For {}, {} took {} and {} {}",
            units::counted_that(threads.done, "request", "wait"),
            units::counted(threads.threads, "thread"),
            units::duration(threads.wall),
            units::counted(tasks.threads, "cook"),
            units::duration(tasks.wall),
        );
        if let (Some(many), Some(few)) = (threads.memory, tasks.memory) {
            said.push_str(&format!(
                "; the threads needed {} x the memory",
                ratio(many as f64, few as f64)
            ));
        }
        if let (Some(many), Some(few)) = (threads.used, tasks.used) {
            let (many, few) = (many.switches() as f64, few.switches() as f64);
            said.push_str(&format!(" and {} x the context switches", ratio(many, few)));
        }
        said.push('.');
        let at_once = self.computed.iter().filter_map(Computed::at_once);
        if let ([first, .., last], Some(most)) =
            (&self.computed[..], at_once.max_by(f64::total_cmp))
        {
            said.push_str(&format!(
                " Of {} to {} that computed, at most {most:.2} were on a core at the same time, with {} \
                 available; {} took {} x the time of {}.",
                units::count(first.threads),
                units::counted(last.threads, "thread"),
                units::count(self.cores),
                units::count(last.threads),
                ratio(last.wall.as_secs_f64(), first.wall.as_secs_f64()),
                units::count(first.threads),
            ));
        }
        said
    }
}

pub(super) fn waited_keys(way: &Waited) -> Value {
    json!({
        "way": way.name,
        "done": way.done,
        "wall_s": way.wall.as_secs_f64(),
        "threads": way.threads,
        "cpu_s": way.used.map(|used| used.cpu.as_secs_f64()),
        "context_switches": way.used.map(Usage::switches),
        "memory_bytes": way.memory,
    })
}

pub(super) fn computed_keys(crowd: &Computed) -> Value {
    json!({
        "threads": crowd.threads,
        "sum_is_right": crowd.sum_is_right,
        "wall_s": crowd.wall.as_secs_f64(),
        "on_core_s": crowd.on_core.map(|time| time.as_secs_f64()),
        "at_once": crowd.at_once(),
        "queued_s": crowd.queued.map(|time| time.as_secs_f64()),
        "interrupted": crowd.interrupted,
    })
}
