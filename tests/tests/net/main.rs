//! Tests of sockets and names: common use, errors, and what is lost if a program gives up midway.

mod cancel;
mod connect;
mod edges;
mod full_queues;
mod lookup;
mod own_calls;
mod readiness;
mod tcp;
mod tcp_faults;
mod tcp_shared;
mod udp;
mod unix;
