//! Tests timers, virtual time, and programs whose tasks run in many orders.

mod explore;
mod interval;
mod precise_timers;
mod sleep;
mod sleep_elsewhere;
mod virtual_time;
