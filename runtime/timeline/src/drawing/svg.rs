//! Draws a run as an SVG picture, for a README or an issue. The picture follows the reader's choice of light
//! or dark, is sharp at every size, and needs no script and no special font.
//!
//! From top to bottom, the picture shows the number of tasks in flight (concurrency), the work of each worker
//! (parallelism), and the tasks, one per row. In a task's row, height and colour both show the state: full
//! height is running, half height is ready, and a line is waiting. ([`bars`](super::bars) draws the rows.)

use super::{
    bars::{
        BINS, COLUMN, EXACT_MAX, FIGURES, LENGTH, MARGIN, PLOT, QUEUED, ROW, RUNNING, Row, WAITING,
        WIDTH,
    },
    gantt::{Choice, Density, End, Gantt, State, TaskRow, Wake, Waker, time},
    marks::Mark,
    names::shorten,
    paper::{Class, Paper, Path},
};
use crate::units;

/// The height of the area that shows many tasks together, in pixels.
const AREA: f64 = 52.0;
/// The maximum number of rows of tasks. The value is arbitrary: about as many rows as a reader can compare.
const TASKS_MAX: usize = 36;
/// The maximum number of rows of workers. The value is arbitrary.
const COOKS_MAX: usize = 16;
/// The gap between two rows if other rows between them are left out, in pixels.
const JUMP: f64 = 5.0;
/// The maximum number of arrows and marks. If a run has more, none are drawn, because they would hide rows.
const MARKS_MAX: usize = 60;
/// If a waiting task's line is at least this long, in pixels, it has space for a mark.
const MARK: f64 = 11.0;
/// The maximum number of tasks that the description lists.
const DESCRIBED_MAX: usize = 12;

/// Draws the run.
pub(super) fn draw(gantt: &Gantt, title: &str) -> String {
    let title = match title {
        "" => "A run of brigade",
        title => title,
    };
    let mut sheet = Sheet {
        gantt,
        choice: gantt.choose(TASKS_MAX),
        places: Vec::new(),
        marks: Vec::new(),
        front: Paper::default(),
        y: MARGIN,
    };
    sheet.heading(title);
    let mut back = Paper::default();
    if gantt.tasks.is_empty() {
        sheet.y += ROW;
        let place = (MARGIN, sheet.y);
        sheet
            .front
            .text(Class::Quiet, place, "Nothing was recorded.");
    } else {
        let top = sheet.y;
        sheet.y += 28.0;
        sheet.in_flight();
        sheet.cooks();
        sheet.tasks();
        axis(gantt, &mut back, top, sheet.y - 4.0);
        sheet.legend();
    }
    let height = sheet.y + MARGIN;
    let description = sheet.description();
    let mut paper = Paper::default();
    paper.rect(Class::Paper, [0.5, 0.5, WIDTH - 1.0, height - 1.0], 8.0);
    paper.lay(back);
    paper.lay(sheet.front);
    paper.finish([WIDTH, height], title, &description)
}

/// Draws vertical lines through the whole picture, labelled at the top.
fn axis(gantt: &Gantt, paper: &mut Paper, top: f64, bottom: f64) {
    let mut lines = Path::default();
    for tick in gantt.window.ticks(9) {
        let x = (PLOT + tick.place * LENGTH).round() + 0.5;
        lines.start(x, top + 18.0);
        lines.vertical(bottom);
        paper.text(Class::Tick, (x, top + 11.0), &tick.label);
    }
    paper.path(Class::Grid, &lines);
}

struct Sheet<'a> {
    gantt: &'a Gantt,
    choice: Choice,
    /// The y coordinate of the middle of each chosen task's row.
    places: Vec<f64>,
    /// The symbols that occur, for the legend.
    marks: Vec<Mark>,
    front: Paper,
    /// The y coordinate down to which the picture has been drawn.
    y: f64,
}

impl<'a> Sheet<'a> {
    fn heading(&mut self, title: &str) {
        self.y += 16.0;
        let title = shorten(title, 96, "…");
        self.front.text(Class::Title, (MARGIN, self.y), &title);
        self.y += 22.0;
        let figures = self.gantt.figures().join("  ·  ");
        self.front.text(Class::Quiet, (MARGIN, self.y), &figures);
        if let Some(warning) = self.gantt.warning() {
            self.y += 18.0;
            self.front.text(Class::Quiet, (MARGIN, self.y), &warning);
        }
        self.y += 16.0;
    }

    fn in_flight(&mut self) {
        let most = self.gantt.in_flight_max;
        // If there are few spans, the curve has few edges, so they can be drawn more precisely.
        let spans: usize = self.gantt.tasks.iter().map(|row| row.spans.len()).sum();
        let bins = if spans <= EXACT_MAX { 4 * BINS } else { BINS };
        let figure = format!("{} at most", units::count(most));
        let density = self.gantt.in_flight(bins);
        self.area("in flight", &figure, &density, most as f64);
        self.y += 10.0;
    }

    /// Draws how many tasks were in each state, as areas that are stacked on one another.
    fn area(&mut self, label: &str, figure: &str, density: &Density, most: f64) {
        let (base, scale) = (self.y + AREA, AREA / most.max(1.0));
        let able = density.running.iter().zip(&density.queued);
        let able: Vec<f64> = able.map(|(running, queued)| running + queued).collect();
        for (class, values) in [
            (Class::Crowd, &density.all()),
            (Class::Queued, &able),
            (Class::Cook(0), &density.running),
        ] {
            let mut path = Path::default();
            let heights = values.iter().map(|value| value * scale);
            path.steps(PLOT, base, LENGTH / values.len() as f64, heights);
            self.front.path(class, &path);
        }
        self.row((AREA - ROW) / 2.0)
            .label(&mut self.front, label, figure);
        self.y = base;
    }

    fn cooks(&mut self) {
        let gantt = self.gantt;
        let (shown, more) = gantt.cooks.split_at(gantt.cooks.len().min(COOKS_MAX));
        for (number, cook) in shown.iter().enumerate() {
            let verdict = cook.verdict(gantt.window);
            let polls = units::counted(cook.polls.len(), "poll");
            let row = self.row(0.0);
            let words = format!("{}: {verdict}, {polls}", cook.name);
            self.front.group(&words, |paper| {
                row.label(paper, &cook.name, &verdict);
                row.cook(paper, number, cook);
            });
            self.y += ROW;
        }
        if !more.is_empty() {
            let words = format!("and {}", units::counted(more.len(), "more thread"));
            let row = self.row(0.0);
            row.label(&mut self.front, &words, "not shown");
            self.y += ROW;
        }
        self.y += 10.0;
    }

    fn tasks(&mut self) {
        let gantt = self.gantt;
        let mut last = None;
        for &index in &self.choice.shown {
            if last.is_some_and(|last| last + 1 != index) {
                self.y += JUMP;
            }
            last = Some(index);
            let task = &gantt.tasks[index];
            let row = Row { gantt, y: self.y };
            self.front.group(&sentence(task), |paper| {
                row.label(paper, &task.name, &task.verdict());
                row.task(paper, task);
            });
            self.places.push(self.y + ROW / 2.0);
            self.y += ROW;
        }
        self.wakes();
        if !self.choice.rest.is_empty() {
            self.y += 8.0;
            let density = gantt.density(self.choice.rest.iter().copied(), BINS);
            let most = density.all().into_iter().fold(1.0, f64::max);
            let name = format!("{} more", units::count(self.choice.rest.len()));
            self.area(&name, "not shown", &density, most);
        }
        self.y += 8.0;
    }

    /// Draws arrows from waking tasks to woken tasks, and marks for other wakes.
    fn wakes(&mut self) {
        let wakes = self.gantt.wakes.iter().filter_map(|wake| self.wake(wake));
        let wakes: Vec<_> = wakes.take(MARKS_MAX + 1).collect();
        if wakes.len() > MARKS_MAX {
            return;
        }
        for (mark, x, from, to) in wakes {
            mark.draw(&mut self.front, x, from, to);
            self.marks.push(mark);
        }
    }

    /// Returns the symbol for a wake, its x coordinate, and the y coordinates of the rows that it connects.
    fn wake(&self, wake: &Wake) -> Option<(Mark, f64, f64, f64)> {
        let place = |task: usize| {
            let shown = &self.choice.shown;
            let row = shown
                .iter()
                .position(|&row| self.gantt.tasks[row].task == task);
            row.map(|row| self.places[row])
        };
        let mark = Mark::of(wake.waker);
        let (x, to) = (self.row(0.0).x(wake.at), place(wake.task)?);
        match wake.waker {
            // If a task wakes itself to yield, draw no arrow.
            Waker::Task(by) if by == wake.task => None,
            Waker::Task(by) => Some((mark, x, place(by)?, to)),
            // Draw the mark at the end of the waiting task's line, if the line is long enough.
            _ => {
                let spans = &self.gantt.task(wake.task)?.spans;
                let waited = spans.iter().find(|span| span.to == wake.at)?;
                let long = x - self.row(0.0).x(waited.from) >= MARK;
                (waited.state == State::Waiting && long).then_some((mark, x - MARK / 2.0, to, to))
            }
        }
    }

    fn legend(&mut self) {
        let mut line = Path::default();
        line.start(MARGIN, self.y + 0.5);
        line.horizontal(FIGURES);
        self.front.path(Class::Grid, &line);
        self.y += 22.0;
        let (y, mut x) = (self.y, MARGIN);
        let mut key = |paper: &mut Paper, name: &str, draw: &dyn Fn(&mut Paper, f64)| {
            draw(paper, x);
            paper.text(Class::Quiet, (x + 30.0, y + 4.0), name);
            x += 30.0 + name.len() as f64 * COLUMN + 20.0;
        };
        let bar = |height: f64, x, width| [x, y - height / 2.0, width, height];
        let cooks = self.gantt.cooks.len().clamp(1, 4);
        let paper = &mut self.front;
        key(paper, "running", &|paper, x| {
            let width = 22.0 / cooks as f64;
            for cook in 0..cooks {
                let left = x + width * cook as f64;
                paper.rect(Class::Cook(cook), bar(RUNNING, left, width), 2.0);
            }
        });
        for (name, class, height) in [
            ("ready, not running", Class::Queued, QUEUED),
            ("waiting", Class::Waiting, WAITING),
        ] {
            key(paper, name, &|paper, x| {
                paper.rect(class, bar(height, x, 22.0), 0.0)
            });
        }
        let used = |mark: &Mark| self.marks.contains(mark);
        for mark in Mark::ALL.into_iter().filter(used) {
            key(paper, mark.name(), &|paper, x| match mark {
                Mark::Arrow => mark.draw(paper, x + 11.0, y - 8.0, y + 8.0),
                _ => mark.draw(paper, x + 11.0, y, y),
            });
        }
    }

    /// Describes the picture for people who cannot see it.
    fn description(&self) -> String {
        let mut text = format!("A Gantt chart of {}.", self.gantt.figures().join(", "));
        for &row in self.choice.shown.iter().take(DESCRIBED_MAX) {
            text.push(' ');
            text.push_str(&sentence(&self.gantt.tasks[row]));
            text.push('.');
        }
        text
    }

    /// Returns a row that is `below` pixels below the current position.
    fn row(&self, below: f64) -> Row<'a> {
        Row {
            gantt: self.gantt,
            y: self.y + below,
        }
    }
}

/// Describes a task's row in words.
fn sentence(row: &TaskRow) -> String {
    let end = match row.end {
        End::Done => "done",
        End::Open => "unfinished",
        End::Panicked => "panicked",
        End::Dropped => "dropped",
        End::Stranded => "stranded: its waker is gone",
    };
    format!(
        "{}: {end} after {}; ran {} in {}, was ready but not running {}, waited {}",
        row.name,
        time(row.lived()),
        time(row.running),
        units::counted(row.polls, "poll"),
        time(row.queued),
        time(row.waiting),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    fn drawn(timeline: &brigade::timeline::Timeline) -> String {
        draw(&Gantt::new(timeline), "kitchen")
    }

    #[test]
    fn kitchen() {
        insta::assert_snapshot!(drawn(&samples::kitchen()));
    }

    #[test]
    fn any_run_is_well_formed_and_small() {
        let runs = [
            samples::kitchen_of_two(),
            samples::hostile(),
            samples::fetch(2000),
            samples::busy(100_000),
        ];
        for timeline in runs.iter().chain(&samples::empty()) {
            let text = drawn(timeline);
            assert!(text.len() < 500_000, "{}", text.len());
            roxmltree::Document::parse(&text).unwrap();
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }

    #[test]
    fn names_arrive_as_text_and_not_as_markup() {
        let text = drawn(&samples::hostile());
        let picture = roxmltree::Document::parse(&text).unwrap();
        let known = [
            "svg", "title", "desc", "style", "rect", "path", "circle", "text", "g",
        ];
        let mut texts = Vec::new();
        for node in picture.descendants().filter(|node| node.is_element()) {
            assert!(known.contains(&node.tag_name().name()), "{node:?}");
            texts.extend(node.text());
        }
        assert!(texts.contains(&"<script>alert(1)</s…"), "{texts:?}");
    }

    #[test]
    fn it_can_be_heard() {
        let text = drawn(&samples::kitchen());
        let picture = roxmltree::Document::parse(&text).unwrap();
        let root = picture.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        for id in root.attribute("aria-labelledby").unwrap().split(' ') {
            let named = picture
                .descendants()
                .find(|node| node.attribute("id") == Some(id));
            assert!(named.is_some_and(|node| node.text().is_some()), "{id}");
        }
        assert!(
            text.contains("chop: done after 9.1 ms; ran 8.0 ms in 4 polls"),
            "{text}"
        );
    }
}
