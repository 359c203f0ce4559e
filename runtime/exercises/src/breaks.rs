//! Exercises 7 to 10: bugs to put into the runtime, and what finds them.

/// One bug.
pub(crate) struct Break {
    pub(crate) number: usize,
    pub(crate) what: &'static str,
    /// Where, from the root.
    pub(crate) file: &'static str,
    /// What stands there, once.
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// The solution: whose tests fail, as a part of their names.
    pub(crate) caught_by: &'static str,
    /// In the models, which loom plays through.
    pub(crate) by_loom: bool,
}

pub(crate) const BREAKS: [Break; 4] = [
    Break {
        number: 7,
        what: "the run queue gives out first what came last",
        file: "runtime/src/queue/run_queue.rs",
        from: "None => self.tasks.pop_front(),",
        to: "None => self.tasks.pop_back(),",
        caught_by: "queue::run_queue::tests",
        by_loom: false,
    },
    Break {
        number: 8,
        what: "a task that is woken while it is polled is not queued again",
        file: "runtime/src/task/state.rs",
        from: "(self.with(QUEUED), Wake::Again)",
        to: "(self, Wake::Again)",
        caught_by: "task::state",
        by_loom: false,
    },
    Break {
        number: 9,
        what: "one cook goes to sleep without a last look into the letter box",
        file: "runtime/src/queue/letter_box.rs",
        from: "let nothing = self.is_empty();",
        to: "let nothing = true;",
        caught_by: "models::post_against_falling_asleep",
        by_loom: true,
    },
    Break {
        number: 10,
        what: "clearing a source's readiness clears an event that came meanwhile",
        file: "runtime/src/reactor/readiness.rs",
        from: "let _ = self.word.compare_exchange(\n            seen.0,\n            seen.0 & !READY,\n            Ordering::AcqRel,\n            Ordering::Relaxed,\n        );",
        to: "let _ = seen;\n        let _ = self.word.fetch_and(!READY, Ordering::AcqRel);",
        caught_by: "models::event_against_clearing",
        by_loom: true,
    },
];
