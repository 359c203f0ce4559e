//! Queues of tasks.

pub(crate) mod letter_box;
pub(crate) mod run_queue;
