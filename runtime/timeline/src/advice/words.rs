//! Formats the words and numbers of the advice.

use std::fmt;
use std::time::Duration;

use super::WORKER;
use crate::figures::Figures;

/// A share that is shown in percent, rounded down.
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The error of floating-point arithmetic must not turn 29 % into 28 %.
        write!(f, "{:.0} %", (self.0 * 100.0 + 1e-9).floor())
    }
}

/// A duration that is shown with about three digits, in a suitable unit: `2.26 s`, `105 ms`, `9.0 ms`.
pub(super) struct Time(pub(super) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs_f64() {
            s if s >= 0.999_5 => write!(f, "{s:.2} s"),
            s if s >= 0.009_95 => write!(f, "{:.0} ms", s * 1e3),
            s if s >= 0.000_999_5 => write!(f, "{:.1} ms", s * 1e3),
            s if s >= 0.000_000_999_5 => write!(f, "{:.0} µs", s * 1e6),
            s => write!(f, "{:.0} ns", s * 1e9),
        }
    }
}

/// Returns `1 worker` or `2 workers`.
pub(super) fn workers(count: usize) -> String {
    counted(count, &WORKER.to_string())
}

/// Returns `1 task` or `2 tasks`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Returns `; 1 other task did the same`, or an empty text if `count` is 0.
pub(super) fn others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "; 1 other task did the same".to_owned(),
        more => format!("; {more} other tasks did the same"),
    }
}

/// Returns a factor with one decimal, rounded down.
pub(super) fn times(factor: f64) -> String {
    format!("{:.1}", (factor * 10.0 + 1e-9).floor() / 10.0)
}

pub(super) fn other_programs(wanted: Duration, share: f64) -> String {
    format!(
        "Other programs had the cores for {} of the {} in which {WORKER}s could have used a core. The \
         times of this run depend more on the machine than on the program.",
        Percent(share),
        Time(wanted),
    )
}

pub(super) fn more_workers(
    busy: f64,
    count: usize,
    cores: usize,
    at_best: f64,
    figures: &Figures,
) -> String {
    let were = if count == 1 { "was" } else { "were" };
    format!(
        "{} {were} on a core in polls for {} of the time, and the machine has {cores} cores. More \
         {WORKER}s would help: {cores} of them would be at best about {} times as fast, because {} of the \
         run's {} are one chain of cause and effect.",
        workers(count),
        Percent(busy),
        times(at_best),
        Time(figures.critical_path),
        Time(figures.span),
    )
}

pub(super) fn wakes_nowhere(wakes: u64, nowhere: u64, label: &str, of_task: u64) -> String {
    format!(
        "{nowhere} of {wakes} wakes ({}) had no effect, because the task was already ready or complete. \
         {of_task} of these were wakes of {label}. Wake once for a change, not once for each part of it.",
        Percent(nowhere as f64 / wakes as f64),
    )
}
