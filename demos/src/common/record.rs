//! Implements `--timeline`: draws the record of a run, with its figures and the advice that follows from
//! them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use brigade::timeline::Timeline;
use brigade_timeline::Form;

use super::{
    options::{BadArguments, Shared},
    paint,
    report::{self, Report},
    units::{self, duration, percent},
};

/// A requested drawing. The file extension determines the format. The path `-` has no format: the drawing
/// goes to the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawing {
    form: Option<Form>,
    to: PathBuf,
}

impl Drawing {
    /// Returns the drawing that `--timeline` asks for, if any. A path with an unknown file extension or in
    /// a folder that does not exist is refused before the run.
    pub(crate) fn asked(shared: &Shared) -> anyhow::Result<Option<Self>> {
        let Some(to) = &shared.timeline else {
            return Ok(None);
        };
        let drawing = Self::new(to)?;
        let both = "--timeline -: the drawing and the JSON object cannot both go to stdout";
        ensure!(
            !(drawing.is_stdout() && shared.json),
            BadArguments::error(both)
        );
        Ok(Some(drawing))
    }

    fn new(to: &Path) -> anyhow::Result<Self> {
        let drawing = Self {
            form: Form::of(to),
            to: to.to_owned(),
        };
        let folder = to.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        // `Path` ignores a final slash, so look for it in the text. Otherwise `run.html/` would fail only
        // at the end of the run.
        let text = to.as_os_str().to_string_lossy();
        let why = if to == Path::new("-") {
            return Ok(drawing);
        } else if to.is_dir() || text.ends_with(std::path::MAIN_SEPARATOR) {
            "that is a folder, not a file".to_owned()
        } else if drawing.form.is_none() {
            "the file extension selects the format: .html, .svg, .mmd or .json (or - for the terminal)"
                .to_owned()
        } else if !folder.is_dir() {
            format!("there is no folder {}", folder.display())
        } else {
            return Ok(drawing);
        };
        bail!(BadArguments(format!("--timeline {text}: {why}")))
    }

    /// Returns the same drawing for one run among several: `run.svg` becomes `run-1cook.svg` or
    /// `run-2cooks.svg`.
    pub(crate) fn of_cooks(&self, cooks: usize) -> Self {
        let mut drawing = self.clone();
        let (stem, ending) = (self.to.file_stem(), self.to.extension());
        if let (false, Some(stem), Some(ending)) = (self.is_stdout(), stem, ending) {
            let plural = if cooks == 1 { "" } else { "s" };
            let mut name = stem.to_owned();
            name.push(format!("-{cooks}cook{plural}."));
            name.push(ending);
            drawing.to.set_file_name(name);
        }
        drawing
    }

    /// Returns whether the drawing is printed to stdout, among the other text.
    pub(crate) fn is_stdout(&self) -> bool {
        self.form.is_none()
    }

    /// Prints the advice that follows from the timeline.
    pub(crate) fn advise(&self, timeline: &Timeline, shared: &Shared) {
        if !shared.json {
            for advice in brigade_timeline::advice(timeline) {
                let sentence = advice.in_words_of("cook");
                let sentence = report::wrapped(&format!("Advice: {sentence}"));
                report::write_stdout(&format!("\n{sentence}\n"));
            }
        }
    }

    /// Draws the run that `report` describes.
    pub(crate) fn draw(&self, report: &Report, timeline: &Timeline) -> anyhow::Result<()> {
        let of = |timeline| {
            let drawing = brigade_timeline::Drawing::new(timeline).workers_are("cook");
            drawing.title(&report.title)
        };
        // Formats other than HTML draw a single run: the run that the report is about.
        let drawing = match (&report.runs[..], self.form) {
            ([(name, first), others @ ..], Some(Form::Html)) => {
                let mut drawing = of(first).named(name);
                for (name, other) in others {
                    drawing = drawing.beside(name, other);
                }
                drawing
            }
            _ => of(timeline).figures(figures(timeline)),
        };
        if !self.is_stdout() {
            let written = drawing.write(&self.to);
            let to = self.to.display();
            return written.with_context(|| format!("the drawing could not be written to {to}"));
        }
        report::write_stdout("\n");
        if report.draws_run {
            report::write_stdout("The run is drawn above.\n");
        } else {
            report::write_stdout(&drawing.terminal(paint::look()));
        }
        Ok(())
    }
}

/// Returns the figures printed above the drawing, with concurrency and parallelism first.
fn figures(timeline: &Timeline) -> Vec<(String, String)> {
    let figures = brigade_timeline::figures(timeline);
    let (duration, count) = (duration, units::count);
    // Take both the wall time and the critical path from the record. The report's wall time may cover only
    // a part of the run, so the critical path could exceed it.
    let (ready, nowhere) = (figures.queued_share, figures.wakes_nowhere);
    let mut all = vec![
        ("in flight at most", count(figures.in_flight_max)),
        ("at once at most", count(figures.at_once_max)),
        ("wall time", duration(figures.span)),
        ("critical path", duration(figures.critical_path)),
        ("tasks waited", percent(figures.waiting_share)),
        ("tasks were ready, not running", percent(ready)),
        ("tasks ran", percent(figures.running_share)),
        ("wakes", count(figures.wakes as usize)),
        ("wakes that led nowhere", count(nowhere as usize)),
    ];
    let longest = figures.longest_poll.iter();
    all.extend(longest.map(|longest| ("longest poll", duration(longest.took))));
    let all = all.into_iter();
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_ending_or_a_missing_folder_is_refused_before_the_run() {
        for to in ["", "run", "run.png", ".svg", "/", "/no/such/folder/run.svg"] {
            let refused = Drawing::new(Path::new(to)).unwrap_err();
            assert!(refused.is::<BadArguments>(), "{to}");
        }
        assert!(Drawing::new(Path::new("-")).unwrap().is_stdout());
    }

    #[test]
    fn drawings_of_several_runs_are_named_after_their_cooks() {
        let named = |to, cooks| {
            let to = Path::new(to);
            let form = Form::of(to);
            let drawing = Drawing {
                form,
                to: to.to_owned(),
            };
            drawing.of_cooks(cooks).to
        };
        assert_eq!(named("a/run.svg", 1), Path::new("a/run-1cook.svg"));
        assert_eq!(named("a.b/run.HTML", 12), Path::new("a.b/run-12cooks.HTML"));
        assert_eq!(named("-", 2), Path::new("-"));
    }
}
