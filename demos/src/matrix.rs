//! `brigade matrix`: waiting and chopping, each by one cook and by many.
//!
//! This demo shows which problem needs concurrency, and which needs parallelism. Its table has a row for
//! waiting and a row for chopping, and a column for one cook and a column for many. Each cell shows the wall
//! time, the processor time and the advice of its own run. In the waiting row, both columns are alike. This
//! shows why a server can hold many connections with one thread. In the chopping row, the columns differ,
//! because computing with one cook uses only one core.

use std::future::Future;

use brigade_timeline::{Advice, Kind};
use futures_util::FutureExt as _;

use crate::{parts::unlike_measured_speed, prelude::*};

/// Waiting and chopping by one cook and by many: which work gains from more cooks
///
/// # Notes
///
/// --cooks here: the number of cooks in the second column; the first column always has one cook. With
/// --cooks 1, or without --cooks, the second column has one cook per core, but at least two. --cooks 1,2
/// makes the same runs as --cooks 2. With --cooks 2,4, all cells are measured with 2 cooks in the second
/// column and again with 4, and the runs are compared.
///
/// --json adds `cells`, the figures of the four cells, each with its `work`, `tasks` and `advice`. It also
/// adds `waiting_speed_up` and `chopping_speed_up`, which compare many cooks with one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of tasks in each cell
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole::<u32>(2..=100_000))]
    tasks: u32,
    /// Length of a minute in milliseconds; each task waits for ten minutes or chops for one
    #[arg(long, value_name = "MS", default_value = "40", value_parser = numbers::minute)]
    minute: Duration,
}

/// The minutes that a waiting task waits.
const WAITING: f64 = 10.0;
/// The minutes that a chopping task computes.
const CHOPPING: f64 = 1.0;

/// Runs `tasks` tasks of the same kind at the same time. Returns how many of them returned true.
async fn together<F>(tasks: u32, kind: &str, task: impl Fn() -> F) -> u32
where
    F: Future<Output = bool> + Send + 'static,
{
    let begun: Vec<_> = (1..=tasks)
        .map(|number| begin(&format!("{kind} {number}"), task()))
        .collect();
    let results = join_all(begun).await;
    results.into_iter().map(u32::from).sum()
}

/// The results of the experiment: two rows of two cells.
pub(crate) struct Cells {
    pub(crate) waiting: OneAndMany<u32>,
    pub(crate) chopping: OneAndMany<u32>,
}

/// Measures the four cells. `executor` runs one cell of the chopping row, and new executors run the other
/// cells.
pub(crate) fn cells(executor: &Crew, tasks: u32, minute: Duration) -> anyhow::Result<Cells> {
    let pile = Pile::of(minute.mul_f64(CHOPPING));
    let time = minute.mul_f64(WAITING);
    let chopping = one_and_many(executor, cooks::a_cook_a_core(), || {
        together(
            tasks,
            "chop",
            move || async move { pile.chop().await.right },
        )
    })?;
    let others = cooks::hire(executor.workers())?;
    let waiting = one_and_many(&others, cooks::a_cook_a_core(), || {
        together(tasks, "wait", move || wait(time).map(|()| true))
    })?;
    let cells = Cells { waiting, chopping };
    let right = cells.all().all(|(_, run)| run.output == tasks);
    ensure!(right, "something was chopped wrongly");
    Ok(cells)
}

impl Cells {
    fn rows(&self) -> [(&'static str, &OneAndMany<u32>); 2] {
        [("waiting", &self.waiting), ("chopping", &self.chopping)]
    }

    /// Returns the four cells, each with the name of its row.
    fn all(&self) -> impl Iterator<Item = (&'static str, &Run<u32>)> {
        let rows = self.rows().into_iter();
        rows.flat_map(|(name, row)| [(name, &row.one), (name, &row.many)])
    }

    fn table(&self) -> Vec<String> {
        let [one, many] =
            [&self.waiting.one, &self.waiting.many].map(|run| counted(run.figures.cooks, "cook"));
        let heading = [String::new(), one, many, "speed-up".to_owned()];
        let mut rows = vec![heading.to_vec()];
        for (name, row) in self.rows() {
            let [one, many] = [&row.one, &row.many].map(|run| {
                let figures = &run.figures;
                [
                    format!("{} wall", duration(figures.wall)),
                    format!("{} CPU ", or_dash(figures.cpu, duration)),
                    format!("{} in flight", units::count(figures.in_flight_max)),
                    format!("{} at once", units::count(figures.at_once_max)),
                ]
            });
            let cells = one.into_iter().zip(many);
            let first = rows.len();
            rows.extend(cells.map(|(one, many)| vec![String::new(), one, many, String::new()]));
            rows[first][0] = name.to_owned();
            rows[first][3] = row.speed_up().to_string();
        }
        columns::aligned(&rows)
    }

    /// Returns the advice from the timelines, row by row. Advice that two cells share appears once.
    /// Advice that the other cell of the row refutes, or that the verdict contains, is left out.
    fn advice(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, row) in self.rows() {
            let confirmed = row.speed_up().change() == Change::Faster && row.doubts().is_empty();
            let is_said = |advice: &Advice| match advice.kind() {
                Kind::OtherPrograms => false,
                Kind::MoreWorkers => confirmed,
                _ => true,
            };
            // Each piece of advice, with the number of cooks that it is for.
            let mut said: Vec<(Advice, String, String)> = Vec::new();
            for run in [&row.one, &row.many] {
                let cooks = counted(run.figures.cooks, "cook");
                for advice in of_cell(run).into_iter().filter(is_said) {
                    let alike = |said: &&mut (Advice, _, _)| said.0.kind() == advice.kind();
                    match said.iter_mut().find(alike) {
                        Some((_, of, _)) => {
                            of.push_str(&format!(" (and much the same for {cooks})"));
                        }
                        None => {
                            let words = in_words(&advice, run);
                            said.push((advice, cooks.clone(), words));
                        }
                    }
                }
            }
            for (_, cooks, advice) in said {
                let text = report::wrapped(&format!("{kind}, {cooks}: {advice}"));
                lines.push(String::new());
                lines.extend(text.lines().map(str::to_owned));
            }
        }
        lines
    }

    /// Returns the closing sentences. `chopping` is the time that one cook should need for all chopping,
    /// according to the measured speed of this machine.
    fn verdict(&self, chopping: Duration) -> String {
        let said = |row: &OneAndMany<u32>| {
            let compared = row.speed_up().compared_with("one");
            format!(
                "{} were {compared}",
                counted(row.many.figures.cooks, "cook")
            )
        };
        let doubts = self.chopping.doubts();
        let certain = self.chopping.speed_up().change() == Change::Faster
            && !self.chopping.speed_up().is_doubtful();
        let gained = |row: &OneAndMany<u32>| row.speed_up().change() == Change::Faster;
        let needs = match (gained(&self.waiting), gained(&self.chopping)) {
            _ if !doubts.is_empty() && !certain => {
                "Whether chopping gains from more cooks is undecided in this run.".to_owned()
            }
            (true, true) => "Both gained from more cooks in this run.".to_owned(),
            (false, true) => "Waiting needs concurrency, computing needs parallelism.".to_owned(),
            (true, false) => "In this run, only waiting gained from more cooks.".to_owned(),
            (false, false) => "Neither gained from more cooks in this run.".to_owned(),
        };
        let unlike = unlike_measured_speed(chopping, &self.chopping.one.figures);
        let [waiting, chopping] = [&self.waiting, &self.chopping].map(said);
        let said = format!("Waiting: {waiting}. Chopping: {chopping}. {needs}");
        report::with_doubts(said, doubts.into_iter().chain(unlike))
    }
}

/// Returns the advice from a cell's timeline.
fn of_cell(run: &Run<u32>) -> Vec<Advice> {
    brigade_timeline::advice(&run.timeline)
}

/// Returns the advice in words. If the number of cores limits the gain more than the critical path does, the
/// words give the number of cores as the reason.
fn in_words(advice: &Advice, run: &Run<u32>) -> String {
    let words = advice.in_words_of("cook");
    let figures = brigade_timeline::figures(&run.timeline);
    let shared = figures.work.div_f64(cooks::cores() as f64);
    match words.split_once(", because ") {
        Some((said, _)) if advice.kind() == Kind::MoreWorkers && figures.critical_path < shared => {
            format!("{said}, because there are no more cores.")
        }
        _ => words,
    }
}

impl Dish for Args {
    fn compares(&self) -> bool {
        true
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let cells = cells(executor, self.tasks, self.minute)?;
        let title = format!(
            "matrix: {} that wait for {} or chop for {}",
            counted(self.tasks as usize, "task"),
            duration(self.minute.mul_f64(WAITING)),
            duration(self.minute.mul_f64(CHOPPING)),
        );
        let mut report = Report::of("matrix", title, cells.chopping.at_hand());
        let tasks = counted(self.tasks as usize, "task");
        report.intro = report::wrapped(&format!(
            "Which problem needs concurrency, and which needs parallelism? Chopping is computing. Each cell \
             is a separate run with {tasks}, all begun together. Wall: time from beginning to end. CPU: \
             time on a processor."
        ));
        report.part = "the chopping cells";
        report.details = cells.table();
        report.details.extend(cells.advice());
        report.verdict = cells.verdict(self.minute.mul_f64(CHOPPING) * self.tasks);
        let objects = cells.all().map(|(kind, run)| {
            let work = text("work", "", kind);
            let tasks = count("tasks", "", run.output as usize);
            let mut object = run.facts().with([work, tasks]).json();
            let advice = of_cell(run).into_iter();
            let advice = advice.map(|advice| json!(advice.to_string())).collect();
            object.insert("advice".to_owned(), advice);
            Value::from(object)
        });
        report.own_keys(json!({
            "cells": objects.collect::<Value>(),
            "waiting_speed_up": cells.waiting.speed_up().factor,
            "chopping_speed_up": cells.chopping.speed_up().factor,
        }));
        report.with_one = Some(cells.chopping.one.map(drop));
        Ok(report)
    }
}
