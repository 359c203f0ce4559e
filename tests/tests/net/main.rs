//! Tests sockets and name lookup: common uses, errors, and what is lost if an operation is cancelled.

mod cancel;
mod connect;
mod connect_gone;
mod edges;
mod full_queues;
mod futures_io;
mod lookup;
mod options;
mod own_calls;
mod peek;
mod polls;
mod readiness;
mod tcp;
mod tcp_faults;
mod tcp_shared;
mod udp;
mod unix;

/// The maximum time to wait for an operation.
const HANG: std::time::Duration = std::time::Duration::from_secs(20);
