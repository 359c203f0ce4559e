//! `--timeline`: turns the record of a run into a drawing, with its figures and the advice that follows
//! from them.

use std::path::{Path, PathBuf};

use brigade::timeline::Timeline;
use brigade_timeline::Form;

use crate::prelude::*;

/// A requested drawing. The file name determines the output format. Without a format, the drawing goes to
/// the terminal.
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
        if drawing.is_stdout() && shared.json {
            return Err(BadArguments::error(
                "--timeline -: the drawing and the JSON object cannot both go to stdout",
            ));
        }
        Ok(Some(drawing))
    }

    fn new(to: &Path) -> anyhow::Result<Self> {
        let form = Form::of(to);
        let folder = match to.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // `Path` drops the final slash, so the missing folder would be noticed only at the end of the
        // run.
        let text = to.as_os_str().to_string_lossy();
        let why = if to == Path::new("-") {
            None
        } else if to.is_dir() || text.ends_with(std::path::MAIN_SEPARATOR) {
            Some("that is a folder, not a file".to_owned())
        } else if form.is_none() {
            let ending = "the ending chooses the drawing and must be .html, .svg, .mmd or .json (or - \
                          for the terminal)";
            Some(ending.to_owned())
        } else if !folder.is_dir() {
            Some(format!("there is no folder {}", folder.display()))
        } else {
            None
        };
        match why {
            Some(why) => Err(BadArguments::error(format!("--timeline {text}: {why}"))),
            None => Ok(Self {
                form,
                to: to.to_owned(),
            }),
        }
    }

    /// Returns the same drawing for one run among several: `run.svg` becomes `run-1cook.svg` or
    /// `run-2cooks.svg`.
    pub(crate) fn of_cooks(&self, cooks: usize) -> Self {
        let mut drawing = self.clone();
        if let (false, Some(stem), Some(ending)) =
            (self.is_stdout(), self.to.file_stem(), self.to.extension())
        {
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
        let drawing = brigade_timeline::Drawing::new(timeline).workers_are("cook");
        let mut drawing = drawing.title(&report.title);
        // The other formats draw a single run, namely the run that the report is about.
        match (&report.runs[..], self.form) {
            ([(name, first), others @ ..], Some(Form::Html)) => {
                drawing = brigade_timeline::Drawing::new(first)
                    .workers_are("cook")
                    .named(name);
                drawing = drawing.title(&report.title);
                for (name, other) in others {
                    drawing = drawing.beside(name, other);
                }
            }
            _ => drawing = drawing.figures(figures(timeline)),
        }
        if !self.is_stdout() {
            let written = drawing.write(&self.to);
            return written.with_context(|| {
                format!("the drawing could not be written to {}", self.to.display())
            });
        }
        report::write_stdout("\n");
        if report.draws_run {
            report::write_stdout("The run is drawn above.\n");
        } else {
            // A closed pipe (`| head`) is not an error.
            report::write_stdout(&drawing.terminal(paint::look()));
        }
        Ok(())
    }
}

/// Returns the figures printed above the drawing, with concurrency and parallelism first.
fn figures(timeline: &Timeline) -> Vec<(String, String)> {
    let figures = brigade_timeline::figures(timeline);
    let mut all = vec![
        ("in flight at most", units::count(figures.in_flight_max)),
        ("at once at most", units::count(figures.at_once_max)),
        // Take both times from the record. The report's time may cover only a part of the run, or several
        // runs, and a critical path must not exceed the time above it.
        ("wall time", units::duration(figures.span)),
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
