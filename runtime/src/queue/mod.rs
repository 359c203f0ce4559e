//! Queues of tasks: of one thread, of a worker from which others steal, of all; and the letter box.

pub(crate) mod injector;
pub(crate) mod letter_box;
pub(crate) mod ring;
pub(crate) mod run_queue;
pub(crate) mod slot;
