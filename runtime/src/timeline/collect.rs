//! Reads the logs of all threads and sorts their entries by time. Meanwhile the threads may write to their
//! logs.

use std::collections::HashMap;
use std::time::Duration;

use super::{Event, Lane, LaneKind, Outcome, Task, Timeline, WakeEffect, What};
use crate::task::Id;
use crate::trace::recorder::{Entry, Kind, MAIN, MAIN_MARK, Recorder, Role};

impl Timeline {
    /// Returns the entries that the recorder holds at this moment.
    pub(crate) fn collect(recorder: &Recorder) -> Self {
        let logs = recorder.logs();
        let lanes = logs.iter().map(|log| Lane {
            name: log.label(),
            kind: match log.role() {
                Role::Worker(number) => LaneKind::Worker(number),
                Role::Blocking => LaneKind::Blocking,
                Role::Outside => LaneKind::Outside,
            },
        });
        let lanes = lanes.collect();
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        for (lane, log) in logs.iter().enumerate() {
            entries.extend(log.entries().map(|entry| (lane, entry)));
        }
        // Read the clock after the logs, so that no event is later than `length`.
        let length = Duration::from_nanos(recorder.now());
        // The sort is stable, so entries of one instant and one lane stay in order.
        entries.sort_by_key(|(_, entry)| entry.at);
        let mut crowd = Crowd::new(recorder.names());
        let events = entries
            .iter()
            .map(|(lane, entry)| Event {
                at: Duration::from_nanos(entry.at),
                lane: *lane,
                what: crowd.read(entry),
            })
            .collect();
        Timeline {
            lanes,
            tasks: crowd.tasks,
            events,
            length,
            dropped: recorder.dropped(),
        }
    }
}

/// The tasks in the order of their first events.
struct Crowd {
    names: HashMap<u64, String>,
    index: HashMap<u64, usize>,
    tasks: Vec<Task>,
}

impl Crowd {
    fn new(names: HashMap<u64, String>) -> Self {
        Crowd {
            names,
            index: HashMap::new(),
            tasks: Vec::new(),
        }
    }

    fn task(&mut self, number: u64) -> usize {
        *self.index.entry(number).or_insert_with(|| {
            let name = self.names.remove(&number);
            self.tasks.push(Task {
                id: Id::from_number(number),
                is_main: name.as_deref() == Some(MAIN),
                name: name.map(|name| name.trim_start_matches(MAIN_MARK).to_owned()),
            });
            self.tasks.len() - 1
        })
    }

    fn other(&mut self, number: u64) -> Option<usize> {
        (number != 0).then(|| self.task(number))
    }

    fn read(&mut self, entry: &Entry) -> What {
        let (how, count) = (entry.how, entry.other as usize);
        match entry.kind {
            Kind::Steal => return What::Steal { from: count },
            Kind::Park => return What::Park,
            Kind::Unpark => return What::Unpark,
            Kind::IoReady => return What::IoReady { events: count },
            Kind::TimersFired => return What::TimersFired { timers: count },
            Kind::CpuTime => {
                return What::CpuTime {
                    used: Duration::from_nanos(entry.other),
                    delayed: (how & 1 != 0).then(|| Duration::from_nanos(entry.task)),
                    blocked: how & 2 != 0,
                };
            }
            _ => {}
        }
        // Look up this task before the task that spawned or woke it. If both are new, this task gets the
        // lower index.
        let task = self.task(entry.task);
        match entry.kind {
            Kind::PollBegin => What::PollBegin { task },
            Kind::PollEnd => What::PollEnd {
                task,
                outcome: match how {
                    0 => Outcome::Pending,
                    1 => Outcome::Ready,
                    _ => Outcome::Panicked,
                },
            },
            Kind::Cancel => What::Cancel { task },
            Kind::Stranded => What::Stranded { task },
            _ => {
                let by = self.other(entry.other);
                match (entry.kind, by) {
                    (Kind::Wake, by) => What::Wake {
                        task,
                        by,
                        effect: match how {
                            0 => WakeEffect::Queued,
                            1 => WakeEffect::Again,
                            _ => WakeEffect::Nothing,
                        },
                    },
                    (Kind::Join, Some(by)) => What::Join { task, by },
                    (Kind::Abort, by) => What::Abort { task, by },
                    (_, by) => What::Spawn { task, by },
                }
            }
        }
    }
}
