//! A run as an SVG picture, for a README or an issue: light or dark as the reader
//! has it, sharp at every size, without a script and without a font of its own.
//!
//! From top to bottom: what was in flight (concurrency), what each cook did
//! (parallelism), and the tasks, one a row. In a task's row the height says what
//! the colour says: full while it runs, half while it could, a line while it
//! waits. Rows with too many stretches of time to be told apart become heights:
//! the share of each moment that was spent so.

use super::{
    axis::Nanos,
    gantt::{CookRow, Density, End, Gantt, State, TaskRow, Waker, time},
    marks::{Mark, cross},
    names::shorten,
    paper::{Class, Paper, Path},
};
use crate::units;

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 24.0;
/// Where time begins.
const PLOT: f64 = 164.0;
/// Where the figures at the right end.
const FIGURES: f64 = WIDTH - MARGIN;
/// How long the run is, in pixels.
const LENGTH: f64 = FIGURES - 92.0 - PLOT;
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;
const AREA: f64 = 52.0;

/// Rows of tasks, of cooks. Thin air: what can be taken in at a glance.
const TASKS_MAX: usize = 36;
const COOKS_MAX: usize = 16;
/// In a row with more stretches than this no corners are round.
const ROUND_MAX: usize = 40;
/// In a row with more stretches than this they cannot be told apart.
const EXACT_MAX: usize = 250;
/// How many moments a row of heights has: one for each pixel and a half.
const BINS: usize = (LENGTH / 1.5) as usize;
/// A poll is never thinner than this.
const THIN: f64 = 1.2;
/// More arrows and marks than this would hide what they point at.
const MARKS_MAX: usize = 60;
/// Columns of text that a label has room for, and pixels for one column inside
/// a bar.
const LABEL: usize = 20;
const COLUMN: f64 = 6.2;
/// Tasks that the description speaks of.
const DESCRIBED_MAX: usize = 12;

/// Draws the run.
pub(super) fn draw(gantt: &Gantt, title: &str) -> String {
    let choice = gantt.choose(TASKS_MAX);
    let mut sheet = Sheet {
        gantt,
        shown: choice.shown,
        rest: choice.rest,
        front: Paper::default(),
        marks: Vec::new(),
        y: MARGIN,
    };
    let title = if title.is_empty() {
        "A run of brigade"
    } else {
        title
    };
    sheet.heading(title);
    let top = sheet.y;
    if gantt.tasks.is_empty() {
        sheet.y += ROW;
        sheet
            .front
            .text(Class::Quiet, (MARGIN, sheet.y), "Nothing was recorded.");
    } else {
        sheet.y += 28.0;
        sheet.in_flight();
        sheet.cooks();
        sheet.tasks();
        sheet.legend();
    }
    let height = sheet.y + MARGIN;
    let description = sheet.description();
    let mut paper = Paper::default();
    paper.rect(Class::Paper, [0.5, 0.5, WIDTH - 1.0, height - 1.0], 8.0);
    if !gantt.tasks.is_empty() {
        axis(gantt, &mut paper, top, height - MARGIN - 44.0);
    }
    paper.lay(sheet.front);
    paper.finish([WIDTH, height], title, &description)
}

/// Lines through the whole picture, labelled at the top.
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
    /// The rows of tasks to draw, and the others.
    shown: Vec<usize>,
    rest: Vec<usize>,
    front: Paper,
    /// The signs in use, for the legend.
    marks: Vec<Mark>,
    /// How far down it is drawn.
    y: f64,
}

impl Sheet<'_> {
    fn heading(&mut self, title: &str) {
        self.y += 16.0;
        self.front
            .text(Class::Title, (MARGIN, self.y), &shorten(title, 96, "…"));
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
        // Where there are few edges they can be sharp.
        let spans: usize = self.gantt.tasks.iter().map(|row| row.spans.len()).sum();
        let bins = if spans <= EXACT_MAX { 4 * BINS } else { BINS };
        let density = self.gantt.in_flight(bins);
        self.area(
            "in flight",
            &format!("{} at most", units::count(most)),
            &density,
            most as f64,
        );
        self.y += 10.0;
    }

    /// How many tasks were in which state, one upon the other.
    fn area(&mut self, label: &str, figure: &str, density: &Density, most: f64) {
        let base = self.y + AREA;
        let scale = AREA / most.max(1.0);
        let mut layer = |class, values: &[f64]| {
            let mut path = Path::default();
            let heights = values.iter().map(|value| value * scale);
            path.steps(PLOT, base, LENGTH / BINS as f64, heights);
            self.front.path(class, &path);
        };
        layer(Class::Waiting, &density.all());
        let able = density.running.iter().zip(&density.queued);
        let able: Vec<f64> = able.map(|(running, queued)| running + queued).collect();
        layer(Class::Queued, &able);
        layer(Class::Cook(0), &density.running);
        let middle = self.y + AREA / 2.0 + 4.0;
        self.front
            .text(Class::Text, (MARGIN, middle), &shorten(label, LABEL, "…"));
        self.front.text(Class::Figure, (FIGURES, middle), figure);
        self.y = base;
    }

    fn cooks(&mut self) {
        let gantt = self.gantt;
        let (shown, more) = gantt.cooks.split_at(gantt.cooks.len().min(COOKS_MAX));
        for (row, cook) in shown.iter().enumerate() {
            let share = units::percent(cook.busy_share(gantt.window));
            let polls = units::counted(cook.polls.len(), "poll");
            let y = self.y;
            let mut front = std::mem::take(&mut self.front);
            front.group(&format!("{}: {polls}, {share} busy", cook.name), |paper| {
                label(paper, y, &cook.name, &format!("{share} busy"));
                self.cook(paper, row, cook);
            });
            self.front = front;
            self.y += ROW;
        }
        if !more.is_empty() {
            let text = format!("and {}", units::counted(more.len(), "more thread"));
            self.front
                .text(Class::Quiet, (MARGIN, self.y + 15.0), &text);
            self.y += ROW;
        }
        self.y += 10.0;
    }

    fn cook(&self, paper: &mut Paper, row: usize, cook: &CookRow) {
        let (top, class) = (self.y + (ROW - BAR) / 2.0, Class::Cook(row));
        paper.rect(Class::Band, [PLOT, top, LENGTH, BAR], 2.0);
        if cook.asleep.len() <= EXACT_MAX {
            let mut sleep = Path::default();
            for &(from, to) in &cook.asleep {
                sleep.bar(self.bar(from, to, 3.0, 0.0));
            }
            paper.path(Class::Waiting, &sleep);
        }
        if cook.polls.len() > EXACT_MAX {
            let mut heights = Path::default();
            let busy = cook.busy(self.gantt.window, BINS);
            heights.steps(
                PLOT,
                top + BAR,
                LENGTH / BINS as f64,
                busy.iter().map(share_of_bar),
            );
            paper.path(class, &heights);
            return;
        }
        let mut bars = Path::default();
        for poll in &cook.polls {
            let bar = self.bar(poll.from, poll.to, BAR, THIN);
            if cook.polls.len() > ROUND_MAX {
                bars.bar(bar);
                continue;
            }
            paper.rect(class, bar, 2.0);
            let columns = ((bar[2] - 8.0) / COLUMN) as usize;
            if columns >= 4
                && let Some(task) = self.gantt.task(poll.task)
            {
                let name = shorten(&task.name, columns, "…");
                paper.text(Class::Inside, (bar[0] + 5.0, top + 10.6), &name);
            }
        }
        paper.path(class, &bars);
    }

    fn tasks(&mut self) {
        let gantt = self.gantt;
        let top = self.y;
        for &row in &self.shown.clone() {
            let row = &gantt.tasks[row];
            let y = self.y;
            let mut front = std::mem::take(&mut self.front);
            front.group(&sentence(row), |paper| {
                label(paper, y, &row.name, &row.verdict());
                self.task(paper, row);
            });
            self.front = front;
            self.y += ROW;
        }
        self.wakes(top);
        if !self.rest.is_empty() {
            self.y += 8.0;
            let density = gantt.density(self.rest.iter().copied(), BINS);
            let most = density.all().into_iter().fold(1.0, f64::max);
            let name = format!("{} more", units::count(self.rest.len()));
            self.area(&name, "not shown", &density, most);
        }
        self.y += 8.0;
    }

    fn task(&self, paper: &mut Paper, row: &TaskRow) {
        if row.spans.len() > EXACT_MAX {
            self.task_as_heights(paper, row);
        } else {
            let (mut queued, mut waiting) = (Path::default(), Path::default());
            for span in &row.spans {
                match span.state {
                    State::Queued => queued.bar(self.bar(span.from, span.to, 7.0, 0.0)),
                    State::Waiting => waiting.bar(self.bar(span.from, span.to, 3.0, 0.0)),
                    State::Running(_) => {}
                }
            }
            paper.path(Class::Waiting, &waiting);
            paper.path(Class::Queued, &queued);
            let round = if row.spans.len() > ROUND_MAX {
                0.0
            } else {
                2.0
            };
            for span in &row.spans {
                if let State::Running(lane) = span.state {
                    let class = Class::Cook(self.gantt.cook_row(lane));
                    paper.rect(class, self.bar(span.from, span.to, BAR, THIN), round);
                }
            }
        }
        if let (End::Panicked | End::Dropped, Some(last)) = (row.end, row.spans.last()) {
            cross(paper, self.x(last.to), self.y + ROW / 2.0);
        }
    }

    /// For a task that ran and stopped too often: the shares of each moment, one
    /// upon the other.
    fn task_as_heights(&self, paper: &mut Paper, row: &TaskRow) {
        let share = |wanted: &dyn Fn(State) -> bool| {
            let spans = row.spans.iter().filter(|span| wanted(span.state));
            self.gantt
                .window
                .fill(BINS, spans.map(|span| (span.from, span.to)))
        };
        let base = self.y + (ROW + BAR) / 2.0;
        let mut below = vec![0.0; BINS];
        let mut layers = Vec::new();
        let mut layer = |class, values: Vec<f64>| {
            for (below, value) in below.iter_mut().zip(values) {
                *below += value;
            }
            let mut path = Path::default();
            path.steps(
                PLOT,
                base,
                LENGTH / BINS as f64,
                below.iter().map(share_of_bar),
            );
            layers.push((class, path));
        };
        for (place, cook) in self.gantt.cooks.iter().enumerate() {
            let ran = share(&|state| state == State::Running(cook.lane));
            if ran.iter().any(|&share| share > 0.0) {
                layer(Class::Cook(place), ran);
            }
        }
        layer(Class::Queued, share(&|state| state == State::Queued));
        // The first lies on top: it is the lowest.
        for (class, path) in layers.into_iter().rev() {
            paper.path(class, &path);
        }
    }

    /// Arrows from waker to woken, and marks for wakes that came from no task.
    fn wakes(&mut self, top: f64) {
        let gantt = self.gantt;
        let place = |task: usize| {
            let row = self
                .shown
                .iter()
                .position(|&row| gantt.tasks[row].task == task)?;
            Some(top + row as f64 * ROW + ROW / 2.0)
        };
        let wakes = gantt.wakes.iter().filter_map(|wake| {
            let to = place(wake.task)?;
            let from = match wake.waker {
                // A task that yields.
                Waker::Task(by) if by == wake.task => return None,
                Waker::Task(by) => place(by)?,
                _ => to,
            };
            Some((Mark::of(wake.waker), self.x(wake.at), from, to))
        });
        let wakes: Vec<_> = wakes.take(MARKS_MAX + 1).collect();
        if wakes.len() <= MARKS_MAX {
            for &(mark, x, from, to) in &wakes {
                mark.draw(&mut self.front, x, from, to);
            }
            self.marks = wakes.into_iter().map(|(mark, ..)| mark).collect();
        }
    }

    fn legend(&mut self) {
        let mut line = Path::default();
        line.start(MARGIN, self.y + 0.5);
        line.horizontal(FIGURES);
        self.front.path(Class::Grid, &line);
        self.y += 22.0;
        let (y, mut x) = (self.y, MARGIN);
        let paper = &mut self.front;
        let mut name = |paper: &mut Paper, name: &str| {
            paper.text(Class::Quiet, (x + 30.0, y + 4.0), name);
            x += 30.0 + name.len() as f64 * COLUMN + 20.0;
            x
        };
        let cooks = self.gantt.cooks.len().clamp(1, 4);
        let width = 22.0 / cooks as f64;
        for cook in 0..cooks {
            let left = MARGIN + width * cook as f64;
            paper.rect(Class::Cook(cook), [left, y - BAR / 2.0, width, BAR], 2.0);
        }
        let at = name(paper, "running");
        paper.rect(Class::Queued, [at, y - 3.5, 22.0, 7.0], 0.0);
        let at = name(paper, "ready, not running");
        paper.rect(Class::Waiting, [at, y - 1.5, 22.0, 3.0], 0.0);
        let mut at = name(paper, "waiting");
        for mark in Mark::ALL
            .into_iter()
            .filter(|mark| self.marks.contains(mark))
        {
            mark.draw(
                paper,
                at + 11.0,
                y - 8.0,
                y + 8.0 * f64::from(mark == Mark::Arrow),
            );
            at = name(paper, mark.name());
        }
    }

    fn description(&self) -> String {
        let mut text = format!("A Gantt chart of {}.", self.gantt.figures().join(", "));
        for &row in self.shown.iter().take(DESCRIBED_MAX) {
            text.push(' ');
            text.push_str(&sentence(&self.gantt.tasks[row]));
            text.push('.');
        }
        text
    }

    fn x(&self, at: Nanos) -> f64 {
        PLOT + self.gantt.window.place(at) * LENGTH
    }

    /// A bar in the middle of the row that is being drawn.
    fn bar(&self, from: Nanos, to: Nanos, height: f64, thinnest: f64) -> [f64; 4] {
        let (x, end) = (self.x(from), self.x(to));
        [
            x,
            self.y + (ROW - height) / 2.0,
            (end - x).max(thinnest),
            height,
        ]
    }
}

/// The texts at both ends of a row.
fn label(paper: &mut Paper, y: f64, name: &str, figure: &str) {
    let line = y + ROW / 2.0 + 4.0;
    paper.text(Class::Text, (MARGIN, line), &shorten(name, LABEL, "…"));
    paper.text(Class::Figure, (FIGURES, line), figure);
}

/// A share of a moment as a height; what happened at all is seen.
fn share_of_bar(share: &f64) -> f64 {
    if *share < 1e-9 {
        0.0
    } else {
        (share * BAR).clamp(1.0, BAR)
    }
}

/// A task's row in words.
fn sentence(row: &TaskRow) -> String {
    let end = match row.end {
        End::Done => "done",
        End::Open => "unfinished",
        End::Panicked => "panicked",
        End::Dropped => "dropped",
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
