//! The results of `reference`: tables, a sentence and JSON keys.

use super::ThreeFrames;

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
        let on_thread = &self.on_thread;
        let mut rows = vec![
            row(
                "its lines",
                units::count(self.lines.len()),
                "in order: in the task's frame nothing came in between",
            ),
            row(
                "its thread",
                units::counted(on_thread.its.polls as usize, "poll"),
                format!(
                    "with {} of others in between",
                    units::counted(on_thread.others, "poll")
                ),
            ),
            row(
                "running",
                units::duration(on_thread.its.running),
                "in these polls, by the clock",
            ),
            row(
                "ready",
                units::duration(on_thread.its.queued),
                "while others had the thread",
            ),
            row(
                "waiting",
                units::duration(on_thread.its.waiting),
                match on_thread.sleeps {
                    0 => "for server and timer, while others had the thread".to_owned(),
                    sleeps => {
                        let times = units::counted(sleeps, "time");
                        format!("for server and timer; threads slept {times}")
                    }
                },
            ),
        ];
        if let Some(in_polls) = &self.in_polls {
            rows.push(row(
                "its core",
                units::duration(in_polls.on_core),
                "of the time that it was running, on a core",
            ));
            rows.push(row(
                "interrupted",
                units::counted(in_polls.interrupted as usize, "time"),
                format!(
                    "its core was taken away; {} in the queue for one",
                    units::duration(in_polls.queued)
                ),
            ));
        }
        if let Some(server) = self.server {
            rows.push(row(
                "the server",
                units::duration(server),
                format!(
                    "on a core, in the {} that the task waited for it",
                    units::duration(self.asked)
                ),
            ));
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
            let times = in_polls.interrupted as usize;
            let running = self.on_thread.its.running.as_secs_f64();
            let on_core = in_polls.on_core.as_secs_f64() / running;
            said.push_str(&format!(
                "; and within these polls the system took its core away {} and let it \
                 run for {} of the time",
                match times {
                    0 => "never".to_owned(),
                    1 => "once".to_owned(),
                    times => format!("{} times", units::count(times)),
                },
                // The figure in the table comes from another clock and may be slightly smaller, so the
                // share is limited to 1.
                units::percent(on_core.min(1.0)),
            ));
        }
        said.push('.');
        if let Some(server) = self.server {
            said.push_str(&format!(
                " While it waited for the server, the server's process was on a core for {}.",
                units::duration(server)
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
