//! Drawings of a run, in five forms from one record.
//!
//! The runtime records what happened and never draws; here its [`Timeline`] becomes
//! a picture. In reading order:
//!
//! 1. [`axis`]: time, and ticks at round numbers
//! 2. [`gantt`]: who did what from when to when; [`reading`] works it out
//! 3. [`names`], [`palette`]: what a name may contain, what a colour means
//! 4. [`mod@terminal`] (with its [`pen`] and [`legend`]), [`svg`] (on its [`paper`], with its [`bars`]
//!    and [`marks`]), [`mermaid`],
//!    [`chrome`], [`html`]: the forms
//!
//! All are functions from a timeline to text. Only [`write()`] touches the world.

mod axis;
mod gantt;
mod reading;
mod names;
mod palette;
mod pen;
mod legend;
mod terminal;
mod paper;
mod marks;
mod bars;
mod svg;
mod mermaid;
mod chrome;
mod html;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod golden;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use brigade::timeline::Timeline;

use self::gantt::Gantt;
pub(crate) use self::{
    html::Facts,
    pen::{Look, width},
};
use crate::cli::BadArguments;

/// A drawing that was asked for: where it goes and, by that, its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    form: Form,
    to: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Terminal,
    Html,
    Svg,
    Mermaid,
    Chrome,
}

impl Order {
    /// What `--timeline` asks for. To be called before the run: nobody wants to
    /// learn after it that the ending was wrong.
    pub(crate) fn new(to: &Path) -> anyhow::Result<Self> {
        let ending = to.extension().map(|ending| ending.to_ascii_lowercase());
        let form = match ending.as_ref().and_then(|ending| ending.to_str()) {
            _ if to == Path::new("-") => Form::Terminal,
            Some("html") => Form::Html,
            Some("svg") => Form::Svg,
            Some("mmd") => Form::Mermaid,
            Some("json") => Form::Chrome,
            _ => {
                return Err(BadArguments::error(format!(
                    "--timeline {}: the ending chooses the drawing and must be \
                     .html, .svg, .mmd or .json (or - for the terminal)",
                    to.display()
                )));
            }
        };
        Ok(Self {
            form,
            to: to.to_owned(),
        })
    }

    /// Refuses a file for which there is no place. To be called before the run, too.
    pub(crate) fn check_folder(&self) -> anyhow::Result<()> {
        let folder = match self.to.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let why = if self.is_stdout() {
            return Ok(());
        } else if !folder.is_dir() {
            format!("there is no folder {}", folder.display())
        } else if self.to.is_dir() {
            "that is a folder, not a file".to_owned()
        } else {
            return Ok(());
        };
        let to = self.to.display();
        Err(BadArguments::error(format!("--timeline {to}: {why}")))
    }

    /// Whether the drawing goes to stdout.
    pub(crate) fn is_stdout(&self) -> bool {
        self.form == Form::Terminal
    }

    /// The same drawing of one run among several: `run.svg` becomes `run-1cook.svg`
    /// or `run-2cooks.svg`.
    pub(crate) fn named_after(&self, cooks: usize) -> Self {
        let mut order = self.clone();
        if let (false, Some(stem), Some(ending)) =
            (self.is_stdout(), self.to.file_stem(), self.to.extension())
        {
            let plural = if cooks == 1 { "" } else { "s" };
            let mut name = stem.to_owned();
            name.push(format!("-{cooks}cook{plural}."));
            name.push(ending);
            order.to.set_file_name(name);
        }
        order
    }
}

/// Draws the run and writes the drawing where it belongs.
pub(crate) fn write(
    order: &Order,
    timeline: &Timeline,
    facts: &Facts,
    look: Look,
) -> anyhow::Result<()> {
    if order.is_stdout() {
        // Whoever closed the other end (`| head`) wanted no more.
        crate::report::write_stdout(&terminal(timeline, &facts.title, look));
        return Ok(());
    }
    write_file(order, timeline, facts)
        .with_context(|| format!("the drawing could not be written to {}", order.to.display()))
}

fn write_file(order: &Order, timeline: &Timeline, facts: &Facts) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(&order.to)?);
    let title = &names::visible(&facts.title);
    let gantt = || Gantt::new(timeline);
    match order.form {
        Form::Terminal => {}
        Form::Html => out.write_all(html::page(timeline, facts).as_bytes())?,
        Form::Svg => out.write_all(svg::draw(&gantt(), title).as_bytes())?,
        Form::Mermaid => out.write_all(mermaid::draw(&gantt(), title).as_bytes())?,
        Form::Chrome => chrome::write(timeline, &gantt(), title, &mut out)?,
    }
    out.flush()
}

/// The run as a Gantt chart for the terminal, to be printed among other text.
pub(crate) fn terminal(timeline: &Timeline, title: &str, look: Look) -> String {
    terminal::draw(&Gantt::new(timeline), &names::visible(title), look)
}

/// Several runs for the terminal, one drawing each, all to one scale. The main
/// futures, which begin the tasks and await them, are left out.
pub(crate) fn terminal_to_scale(runs: &[(&Timeline, String)], look: Look) -> Vec<String> {
    let runs: Vec<_> = runs
        .iter()
        .map(|(timeline, title)| (Gantt::new(timeline).without_main(), names::visible(title)))
        .collect();
    terminal::draw_to_scale(&runs, look)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const LOOK: Look = Look {
        width: 100,
        colour: false,
        unicode: true,
    };

    #[test]
    fn the_ending_chooses_the_form() {
        for (to, form) in [
            ("-", Form::Terminal),
            ("run.html", Form::Html),
            ("a.b/RUN.SVG", Form::Svg),
            ("run.mmd", Form::Mermaid),
            ("./-.json", Form::Chrome),
        ] {
            assert_eq!(Order::new(Path::new(to)).unwrap().form, form, "{to}");
        }
        for to in [
            "",
            "run",
            "run.png",
            "svg",
            ".svg",
            "run.svg/",
            "run.svg.gz",
        ] {
            let result = Order::new(Path::new(to));
            // A trailing slash is no part of a path's last name.
            if to != "run.svg/" {
                assert!(result.unwrap_err().is::<BadArguments>(), "{to}");
            }
        }
    }

    #[test]
    fn drawings_of_several_runs_are_named_after_their_cooks() {
        let named = |to, cooks| Order::new(Path::new(to)).unwrap().named_after(cooks).to;
        assert_eq!(named("a/run.svg", 1), Path::new("a/run-1cook.svg"));
        assert_eq!(named("a.b/run.HTML", 12), Path::new("a.b/run-12cooks.HTML"));
        assert_eq!(named("-", 2), Path::new("-"));
    }

    #[test]
    fn a_file_is_written_in_each_form_and_failure_names_it() {
        let room = tempfile::tempdir().unwrap();
        let facts = Facts {
            title: "a \x1b run".to_owned(),
            ..Facts::default()
        };
        for (name, begin) in [
            ("run.html", "<!"),
            ("run.svg", "<svg"),
            ("run.mmd", "---"),
            ("run.json", "{"),
        ] {
            let order = Order::new(&room.path().join(name)).unwrap();
            write(&order, &samples::kitchen(), &facts, LOOK).unwrap();
            let text = std::fs::read_to_string(&order.to).unwrap();
            assert!(text.starts_with(begin), "{name}");
            assert!(!text.contains('\x1b'), "{name}");
        }
        let order = Order::new(&room.path().join("run.svg")).unwrap();
        order.check_folder().unwrap();
        let order = Order::new(&room.path().join("no/run.svg")).unwrap();
        assert!(order.check_folder().unwrap_err().is::<BadArguments>());
        let error = write(&order, &samples::kitchen(), &facts, LOOK).unwrap_err();
        assert!(format!("{error:#}").contains("run.svg: "), "{error:#}");
    }

    #[test]
    fn to_scale_half_the_time_is_half_as_wide_and_the_last_has_the_legend() {
        let run = |length| {
            let mut script = samples::Script::new(1);
            script.task("main").task("dish");
            script.poll(0, 0, 1, length, brigade::timeline::Outcome::Ready);
            script.done(length)
        };
        let (long, short) = (run(4000), run(2000));
        let drawings = terminal_to_scale(&[(&long, String::new()), (&short, String::new())], LOOK);
        let bar = |drawing: &str| {
            let row = drawing.lines().find(|line| line.starts_with("dish "));
            row.unwrap().matches('█').count()
        };
        let [long, short] = [&drawings[0], &drawings[1]];
        assert_eq!(drawings.len(), 2);
        assert!(
            bar(long) > 70 && (2 * bar(short)).abs_diff(bar(long)) <= 2,
            "{long}{short}"
        );
        assert!(!long.contains("running") && short.contains("running"));
        assert!(!long.contains("main"));
        assert!(terminal_to_scale(&[], LOOK).is_empty());
    }

    /// A guard against time that grows with the square of the events: the bound is
    /// some thirty times what it takes, without optimisation.
    #[test]
    fn a_hundred_thousand_events_are_drawn_in_no_time() {
        let timeline = samples::busy(100_000);
        assert!(timeline.events.len() >= 99_000);
        let begun = Instant::now();
        let gantt = Gantt::new(&timeline);
        let sizes = [
            terminal::draw(&gantt, "", LOOK).len(),
            svg::draw(&gantt, "").len(),
            mermaid::draw(&gantt, "").len(),
        ];
        chrome::write(&timeline, &gantt, "", &mut io::sink()).unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            begun.elapsed()
        );
        assert!(sizes.iter().all(|&size| size < 500_000), "{sizes:?}");
    }
}
