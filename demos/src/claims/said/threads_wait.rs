//! 16. "More threads are a fine way to wait for I/O." The same requests, waited for by
//!     a thread each and by tasks on one thread.

use std::time::Duration;

use super::{Claim, Fact, Judgement, Lab, Sizes, own_core::threads_command};
use crate::{
    claims::judgement::{Answer, Band, uncapitalized},
    threads::Waited,
    units,
};

/// So many times the cost is the same, or too much.
const COST: Band = Band { no: 1.3, yes: 2.0 };

/// With fewer requests, what the process needs anyway drowns what they need.
const REQUESTS: usize = 500;

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    threads: Way,
    tasks: Way,
}

/// One way to wait.
#[derive(Clone, Copy, Debug)]
struct Way {
    done: usize,
    wall: Duration,
    memory: Option<u64>,
    switches: Option<u64>,
}

impl Way {
    fn of(waited: &Waited) -> Self {
        Self {
            done: waited.done,
            wall: waited.wall,
            memory: waited.memory,
            switches: waited.used.map(|used| used.switches()),
        }
    }
}

impl Claim for Figures {
    const SAID: &'static str = "More threads are a fine way to wait for I/O.";

    fn command(sizes: &Sizes) -> String {
        threads_command(sizes)
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let both = lab.threads()?;
        Ok(Self {
            threads: Way::of(&both.threads),
            tasks: Way::of(&both.tasks),
        })
    }

    fn judge(&self) -> Judgement {
        let (threads, tasks) = (self.threads, self.tasks);
        let requests = units::counted(threads.done, "request");
        let (Some(many), Some(few)) = (threads.memory, tasks.memory) else {
            return Judgement::undecided(format!(
                "This system does not say how much memory a thread for each of {requests} took."
            ));
        };
        let mut said = format!(
            "A thread for each of {requests} took {} of memory, tasks on one thread {}",
            units::bytes(many),
            units::bytes(few)
        );
        let switches = threads.switches.zip(tasks.switches);
        if let Some((many, few)) = switches {
            said.push_str(&format!(
                "; cores changed hands {} times against {}",
                units::count(many as usize),
                units::count(few as usize)
            ));
        }
        if threads.done < REQUESTS {
            return Judgement::undecided(format!("{said}: too few to tell."));
        }
        let memory = COST.ask(many as f64 / few as f64);
        let switches = switches.map(|(many, few)| COST.ask(many as f64 / few as f64));
        match (memory, switches) {
            (Answer::Yes, _) => Judgement::does_not_hold(format!("{said}.")),
            (Answer::No, Some(Answer::Yes)) => {
                Judgement::depends(format!("On what is scarce: {}.", uncapitalized(&said)))
            }
            (Answer::No, Some(Answer::No) | None) => Judgement::holds(format!("{said}.")),
            _ => Judgement::undecided(format!("{said}: no clear difference.")),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let (threads, tasks) = (self.threads, self.tasks);
        let bytes = |key, name, bytes: u64| Fact::new(key, name, bytes.into(), units::bytes(bytes));
        let count = |key, name, count: u64| Fact::count(key, name, count as usize);
        vec![
            Fact::count("requests", "requests", threads.done),
            Fact::known(
                "memory_threads_bytes",
                "memory, threads",
                threads.memory,
                bytes,
            ),
            Fact::known("memory_tasks_bytes", "tasks", tasks.memory, bytes),
            Fact::known(
                "switches_threads",
                "switches, threads",
                threads.switches,
                count,
            ),
            Fact::known("switches_tasks", "tasks", tasks.switches, count),
            Fact::time("wall_threads_s", "wall time, threads", threads.wall),
            Fact::time("wall_tasks_s", "tasks", tasks.wall),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let way = |memory, switches| Way {
            done: 2000,
            wall: Duration::from_millis(600),
            memory: Some(memory),
            switches: Some(switches),
        };
        let (dear, cheap) = (way(40 << 20, 9000), way(8 << 20, 300));
        let usual = Self {
            threads: dear,
            tasks: cheap,
        };
        let threads = |threads| Self { threads, ..usual };
        super::Samples {
            usual: (usual, Verdict::DoesNotHold),
            turned: vec![
                (threads(cheap), Verdict::Holds),
                (threads(way(8 << 20, 9000)), Verdict::Depends),
            ],
            nothing: vec![
                threads(Way {
                    memory: None,
                    ..dear
                }),
                threads(Way { done: 20, ..dear }),
                threads(way(12 << 20, 300)),
            ],
        }
    }
}
