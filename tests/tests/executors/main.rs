//! Executors: how they are made and entered, share out the time, nest, block, count and shut down, and what they do
//! with what belongs to the whole process.

use brigade_tests::Counting;

mod blocked_worker;
mod blocking;
mod fairness;
mod faults;
mod handle;
mod idle;
mod macros;
mod many_cooks;
mod metrics;
mod nesting;
mod process;
mod shutdown;
mod signal;
mod third_executor;
mod timeline;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
