//! Tests how executors are made and entered, share time between tasks, nest, block, report metrics, use
//! process-wide resources, and shut down.

use brigade_tests::Counting;

mod blocked_worker;
mod blocking;
mod budget;
mod fairness;
mod faults;
mod guard;
mod handle;
mod idle;
mod macros;
mod many_cooks;
mod metrics;
mod nesting;
mod pool_threads;
mod process;
mod settings;
mod shutdown;
mod shutdown_races;
mod shutdown_timeout;
mod signal;
mod third_executor;
mod timeline;
mod turns;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
