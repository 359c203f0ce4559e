//! Draws a run from its spans, in five output formats.
//!
//! Read the modules in this order: [`axis`] (time, and ticks at round numbers), [`gantt`] (rows, which
//! [`rows`] makes from spans), [`names`] and [`palette`] (what a name may contain, what a colour means). The
//! output formats follow: [`terminal`] (with its [`pen`] and [`legend`]), [`svg`] (with its [`paper`],
//! [`bars`] and [`marks`]), [`mermaid`], [`chrome`] and [`html`].

mod axis;
mod bars;
mod chrome;
mod gantt;
#[cfg(test)]
mod golden;
mod html;
mod legend;
mod marks;
mod mermaid;
mod names;
mod palette;
mod paper;
mod pen;
mod rows;
#[cfg(test)]
mod samples;
mod svg;
mod terminal;

use std::fs;
use std::io;
use std::path::Path;

use brigade::timeline::Timeline;

use self::gantt::Gantt;
pub use self::pen::Look;
use crate::spans::Spans;

/// The output format of a drawing in a file.
///
/// ```
/// use brigade_timeline::Form;
///
/// assert_eq!(Form::of("run.HTML"), Some(Form::Html));
/// assert_eq!(Form::of("run.png"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A page to explore in a browser: `.html`.
    Html,
    /// A picture: `.svg`.
    Svg,
    /// A Gantt chart for Markdown: `.mmd`.
    Mermaid,
    /// Chrome's trace events, for Perfetto: `.json`.
    Chrome,
}

impl Form {
    /// Returns the output format for the extension of a file name.
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        let ending = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        match &*ending {
            "html" => Some(Form::Html),
            "svg" => Some(Form::Svg),
            "mmd" => Some(Form::Mermaid),
            "json" => Some(Form::Chrome),
            _ => None,
        }
    }
}

/// A drawing with its own title, figures and advice. The HTML page may show further runs beside the first.
///
/// ```
/// use brigade::{Executor, SingleThread};
/// use brigade_timeline::Drawing;
///
/// let run = |yields: u32| {
///     let executor = SingleThread::builder().record_timeline(true).build()?;
///     executor.block_on(async {
///         for _ in 0..yields {
///             brigade::yield_now().await;
///         }
///     });
///     std::io::Result::Ok(executor.timeline().unwrap())
/// };
/// let (few, many) = (run(3)?, run(300)?);
/// let page = Drawing::new(&few).title("few and many yields").named("few").beside("many", &many).html();
/// assert!(page.contains("few and many yields"));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Drawing<'a> {
    title: String,
    worker: String,
    runs: Vec<(String, &'a Timeline)>,
    figures: Vec<(String, String)>,
    advice: Option<Vec<String>>,
}

impl<'a> Drawing<'a> {
    /// Makes a drawing of this run.
    pub fn new(timeline: &'a Timeline) -> Self {
        Drawing {
            title: String::new(),
            worker: "worker".to_owned(),
            runs: vec![(String::new(), timeline)],
            figures: Vec::new(),
            advice: None,
        }
    }

    /// Sets the title, which appears above the drawing and describes the run.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the program's word for a worker, as a singular noun.
    #[must_use]
    pub fn workers_are(mut self, worker: impl Into<String>) -> Self {
        self.worker = worker.into();
        self
    }

    /// Replaces the figures of the first run on the page. Each is a name and a value.
    #[must_use]
    pub fn figures(mut self, figures: Vec<(String, String)>) -> Self {
        self.figures = figures;
        self
    }

    /// Replaces the advice on the page.
    #[must_use]
    pub fn advice(mut self, advice: Vec<String>) -> Self {
        self.advice = Some(advice);
        self
    }

    /// Sets the name of the run, which distinguishes it from the runs beside it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.runs[0].0 = name.into();
        self
    }

    /// Adds another run. The page shows all runs side by side on one scale. The other output formats draw
    /// only the first run.
    #[must_use]
    pub fn beside(mut self, name: impl Into<String>, timeline: &'a Timeline) -> Self {
        self.runs.push((name.into(), timeline));
        self
    }

    /// Draws a page.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// Draws a picture in SVG.
    pub fn svg(&self) -> String {
        svg::draw(&self.gantt(), &self.visible_title())
    }

    /// Draws a Gantt chart in Mermaid.
    pub fn mermaid(&self) -> String {
        mermaid::draw(&self.gantt(), &self.visible_title())
    }

    /// Writes Chrome's trace events.
    pub fn chrome(&self) -> String {
        let timeline = self.runs[0].1;
        let spans = crate::spans(timeline);
        let gantt = rows::rows(timeline, &spans, &self.worker);
        let mut out = Vec::new();
        chrome::write(timeline, &spans, &gantt, &self.visible_title(), &mut out)
            .expect("a Vec takes everything");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    /// Draws the run for a terminal.
    pub fn terminal(&self, look: Look) -> String {
        terminal::draw(&self.gantt(), &self.visible_title(), look)
    }

    /// Draws the run in this output format.
    pub fn draw(&self, form: Form) -> String {
        match form {
            Form::Html => self.html(),
            Form::Svg => self.svg(),
            Form::Mermaid => self.mermaid(),
            Form::Chrome => self.chrome(),
        }
    }

    /// Draws the run into a file, in the output format for the extension of the file's name.
    ///
    /// # Errors
    /// Returns an error of kind `InvalidInput` if the extension is unknown, and any error of the file
    /// system.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let form = Form::of(path).ok_or_else(|| {
            let message = format!(
                "{}: the file name must end in .html, .svg, .mmd or .json, which selects the format",
                path.display()
            );
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        fs::write(path, self.draw(form))
    }

    fn gantt(&self) -> Gantt {
        let timeline = self.runs[0].1;
        rows::rows(timeline, &crate::spans(timeline), &self.worker)
    }

    /// Returns the title without control characters, or an empty text if there is no title.
    fn visible_title(&self) -> String {
        match &*self.title {
            "" => String::new(),
            title => names::visible(title),
        }
    }
}

/// Draws several runs for the terminal on one scale, each with its title. The main futures are left out,
/// because they only spawn and await the tasks.
///
/// ```
/// use brigade::{Executor, SingleThread};
/// use brigade_timeline::{Look, to_scale};
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async { brigade::spawn(brigade::yield_now()).await.unwrap() });
/// let run = executor.timeline().unwrap();
/// let look = Look { width: 80, colour: false, unicode: true };
/// let drawn = to_scale(&[(&run, "one".into()), (&run, "the same".into())], "worker", look);
/// assert_eq!(drawn.len(), 2);
/// # std::io::Result::Ok(())
/// ```
pub fn to_scale(runs: &[(&Timeline, String)], worker: &str, look: Look) -> Vec<String> {
    let runs: Vec<_> = runs
        .iter()
        .map(|(timeline, title)| {
            let spans: Spans = crate::spans(timeline);
            let gantt = rows::rows(timeline, &spans, worker).without_main();
            (gantt, names::visible(title))
        })
        .collect();
    terminal::draw_to_scale(&runs, look)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
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
            ("run.html", Form::Html),
            ("a.b/RUN.SVG", Form::Svg),
            ("run.mmd", Form::Mermaid),
            ("./-.json", Form::Chrome),
        ] {
            assert_eq!(Form::of(Path::new(to)), Some(form), "{to}");
        }
        for to in ["", "run", "run.png", "svg", ".svg", "run.svg.gz"] {
            assert_eq!(Form::of(Path::new(to)), None, "{to}");
        }
    }

    #[test]
    fn a_file_is_written_in_each_form_and_says_which_run_it_shows() {
        let room = tempfile::tempdir().unwrap();
        let run = samples::kitchen();
        let drawing = Drawing::new(&run).title("a \x1b run");
        for (name, begin) in [
            ("run.html", "<!"),
            ("run.svg", "<svg"),
            ("run.mmd", "---"),
            ("run.json", "{"),
        ] {
            let path = room.path().join(name);
            drawing.write(&path).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.starts_with(begin), "{name}");
            assert!(!text.contains('\x1b'), "{name}");
            assert!(
                text.contains("␛ run") || text.contains("\\u001b run"),
                "{name}"
            );
        }
        assert!(drawing.write(room.path().join("no/run.svg")).is_err());
        let wrong = drawing.write(room.path().join("run.png")).unwrap_err();
        assert_eq!(wrong.kind(), io::ErrorKind::InvalidInput);
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
        let drawings = super::to_scale(
            &[(&long, String::new()), (&short, String::new())],
            "worker",
            LOOK,
        );
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
        assert!(super::to_scale(&[], "worker", LOOK).is_empty());
    }

    /// Checks that the time to draw a run does not grow with the square of the number of events. The bound is
    /// about thirty times the time measured in a build without optimisation.
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
        let spans = crate::spans(&timeline);
        chrome::write(&timeline, &spans, &gantt, "", &mut io::sink()).unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            begun.elapsed()
        );
        assert!(sizes.iter().all(|&size| size < 500_000), "{sizes:?}");
    }
}
