//! `--timeline`: the record of a run becomes a drawing, with the figures and the
//! advice that follow from it.

use brigade::timeline::Timeline;

use crate::{
    cooks,
    drawing::{self, Facts, Look, Order},
    options::{BadArguments, Shared},
    report::{self, Report},
    units,
};

/// A drawing that was asked for.
pub(crate) struct Drawing(Order);

impl Drawing {
    /// What `--timeline` says, if it says anything. Wrong endings and folders that are
    /// not there are refused before the run.
    pub(crate) fn asked(shared: &Shared) -> anyhow::Result<Option<Self>> {
        let Some(to) = &shared.timeline else {
            return Ok(None);
        };
        // `Path` drops the slash, and would leave it to the end of the run to find no such folder.
        if to
            .as_os_str()
            .to_string_lossy()
            .ends_with(std::path::MAIN_SEPARATOR)
        {
            let to = to.display();
            return Err(BadArguments::error(format!(
                "--timeline {to}: that is a folder, not a file"
            )));
        }
        let order = Order::new(to)?;
        order.check_folder()?;
        if order.is_stdout() && shared.json {
            return Err(BadArguments::error(
                "--timeline -: the drawing and the JSON object cannot both go to stdout",
            ));
        }
        Ok(Some(Self(order)))
    }

    /// The same drawing of one run among several: the file is named after its cooks.
    pub(crate) fn of_cooks(&self, cooks: usize) -> Self {
        Self(self.0.named_after(cooks))
    }

    /// Whether it is drawn among the other text.
    pub(crate) fn is_stdout(&self) -> bool {
        self.0.is_stdout()
    }

    /// Says what the timeline makes one think.
    pub(crate) fn advise(&self, timeline: &Timeline, shared: &Shared) {
        if !shared.json {
            for sentence in advice(timeline) {
                let sentence = report::wrapped(&format!("Advice: {sentence}"));
                report::write_stdout(&format!("\n{sentence}\n"));
            }
        }
    }

    /// Draws the run that `report` tells of.
    pub(crate) fn draw(
        &self,
        report: &Report,
        timeline: &Timeline,
        shared: &Shared,
    ) -> anyhow::Result<()> {
        if self.is_stdout() {
            report::write_stdout("\n");
            if report.draws_run {
                report::write_stdout("The run is drawn above.\n");
                return Ok(());
            }
        }
        let facts = Facts {
            title: report.title.clone(),
            figures: figures(report, timeline),
            advice: advice(timeline),
        };
        drawing::write(&self.0, timeline, &facts, Look::for_stdout(shared.no_color))
    }
}

fn advice(timeline: &Timeline) -> Vec<String> {
    let advice = timeline.advice(cooks::cores());
    advice.iter().map(ToString::to_string).collect()
}

/// The figures that stand above the drawing: concurrency and parallelism first.
fn figures(report: &Report, timeline: &Timeline) -> Vec<(String, String)> {
    let figures = timeline.figures();
    let mut all = vec![
        ("in flight at most", units::count(figures.in_flight_max)),
        ("at once at most", units::count(figures.at_once_max)),
        ("wall time", units::duration(report.figures.wall)),
        ("critical path", units::duration(figures.critical_path)),
        ("tasks waited", units::percent(figures.waiting_share)),
        (
            "tasks were ready, not running",
            units::percent(figures.queued_share),
        ),
        ("tasks ran", units::percent(figures.running_share)),
        ("wakes", units::count(figures.wakes as usize)),
        (
            "wakes that led nowhere",
            units::count(figures.wakes_nowhere as usize),
        ),
    ];
    if let Some(longest) = &figures.longest_poll {
        all.push(("longest poll", units::duration(longest.took)));
    }
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
