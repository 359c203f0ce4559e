//! Sockets and names: what a program does with them, what goes wrong, and what is lost when it gives up half way.

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
