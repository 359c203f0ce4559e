//! Exercises 7 to 10: bugs to put into the runtime, and the tests that find them.

/// One bug.
pub(crate) struct Break {
    pub(crate) number: usize,
    pub(crate) what: &'static str,
    /// The file that the bug is in, as a path from the root of the repository.
    pub(crate) file: &'static str,
    /// The code to replace. It occurs once in the file.
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// The answer: a substring that the names of the failing tests share.
    pub(crate) caught_by: &'static str,
    /// True if the tests are loom models.
    pub(crate) by_loom: bool,
}

pub(crate) const BREAKS: [Break; 4] = [
    Break {
        number: 7,
        what: "the run queue returns the newest task first",
        file: "runtime/src/queue/local.rs",
        from: "self.woken.pop_front()",
        to: "self.woken.pop_back()",
        caught_by: "queue::local::tests",
        by_loom: false,
    },
    Break {
        number: 8,
        what: "a task that is woken while it is polled is not queued again",
        file: "runtime/src/task/state.rs",
        from: "(self.with(QUEUED), Wake::Again)",
        to: "(self, Wake::Again)",
        caught_by: "task::join",
        by_loom: false,
    },
    Break {
        number: 9,
        what: "the owner thread parks without a last check of its inbox",
        file: "runtime/src/queue/inbox.rs",
        from: "let nothing = self.is_empty();",
        to: "let nothing = true;",
        caught_by: "loom_tests::send_against_parking",
        by_loom: true,
    },
    Break {
        number: 10,
        what: "clearing a source's readiness also erases an event that came after the failed call",
        file: "runtime/src/reactor/readiness.rs",
        from: "let is_same = |word: u64| (word ^ seen.0) & !(READY | FRESH | WAITING | HELD) == 0;",
        to: "let is_same = |_: u64| seen.0 != 0;",
        caught_by: "loom_tests::event_against_clearing",
        by_loom: true,
    },
];
