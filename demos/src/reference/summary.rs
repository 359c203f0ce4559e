//! The results of `reference`: tables, a sentence and JSON keys.

use super::{OnThread, ThreeFrames};

use crate::prelude::*;

impl ThreeFrames {
    pub(super) fn lines(&self) -> impl Iterator<Item = Facts> {
        self.lines.iter().map(|line| {
            Facts(vec![
                text("line", "line", line.text),
                time("begins_s", "begins", line.begun),
                time("takes_s", "takes", line.took),
            ])
        })
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let OnThread {
            its,
            others,
            sleeps,
        } = &self.on_thread;
        let [running, queued, waiting] = [its.running, its.queued, its.waiting].map(duration);
        let polls = counted(its.polls as usize, "poll");
        let others = format!("with {} of others in between", counted(*others, "poll"));
        let why = match *sleeps {
            0 => "for server and timer, while others had the thread".to_owned(),
            sleeps => {
                let times = counted(sleeps, "time");
                format!("for server and timer; threads slept {times}")
            }
        };
        let in_order = "in order: in the task's frame nothing came in between";
        let mut rows = vec![
            row("its lines", units::count(self.lines.len()), in_order),
            row("its thread", polls, others),
            row("running", running, "in these polls, by the clock"),
            row("ready", queued, "while others had the thread"),
            row("waiting", waiting, why),
        ];
        if let Some(in_polls) = &self.in_polls {
            let [on_core, queued] = [in_polls.on_core, in_polls.queued].map(duration);
            let times = counted(in_polls.interrupted as usize, "time");
            let taken = format!("its core was taken away; {queued} in the queue for one");
            let of_running = "of the time that it was running, on a core";
            rows.push(row("its core", on_core, of_running));
            rows.push(row("interrupted", times, taken));
        }
        if let Some(server) = self.server.map(duration) {
            let asked = duration(self.asked);
            let remark = format!("on a core, in the {asked} that the task waited for it");
            rows.push(row("the server", server, remark));
        }
        rows
    }

    pub(super) fn verdict(&self) -> String {
        let mut said = format!(
            "In its own frame the task ran {} lines, one after the other. Its thread polled it {} \
             times and others {} times in between",
            self.lines.len(),
            units::count(self.on_thread.its.polls as usize),
            units::count(self.on_thread.others),
        );
        if let Some(in_polls) = &self.in_polls {
            let times = match in_polls.interrupted as usize {
                0 => "never".to_owned(),
                1 => "once".to_owned(),
                times => format!("{} times", units::count(times)),
            };
            let running = self.on_thread.its.running.as_secs_f64();
            // The figure in the table comes from another clock and may be slightly smaller, so the share is
            // limited to 1.
            let on_core = percent((in_polls.on_core.as_secs_f64() / running).min(1.0));
            said.push_str(&format!(
                "; and within these polls the system took its core away {times} and let it run for \
                 {on_core} of the time"
            ));
        }
        said.push('.');
        if let Some(server) = self.server {
            said.push_str(&format!(
                " While it waited for the server, the server's process was on a core for {}.",
                duration(server)
            ));
        }
        said
    }

    pub(super) fn keys(&self) -> Value {
        let polls = self.in_polls;
        let interrupted = polls.map(|polls| polls.interrupted as usize);
        let facts = measure::life_of(&self.on_thread.its).with([
            is_right("sums_are_right", "", self.sums_are_right),
            count("others_polls", "", self.on_thread.others),
            time("in_polls_s", "", polls.map(|polls| polls.wall)),
            time("on_core_s", "", polls.map(|polls| polls.on_core)),
            time("queued_for_core_s", "", polls.map(|polls| polls.queued)),
            count("interrupted", "", interrupted),
            time("server_cpu_s", "", self.server),
            time("waited_for_server_s", "", self.asked),
        ]);
        let mut keys = facts.json();
        let lines = self.lines().map(|line| Value::from(line.json()));
        keys.insert("lines".to_owned(), lines.collect());
        keys.into()
    }
}
