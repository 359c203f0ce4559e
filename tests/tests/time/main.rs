//! Timers, clocks that jump, and programs under many orders.

mod explore;
mod interval;
mod precise_timers;
mod sleep;
mod virtual_time;
