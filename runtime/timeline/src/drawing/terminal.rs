//! Draws a run as a Gantt chart of characters, which fits into a terminal.
//!
//! Each character stands for a piece of time. The piece may be long, and a task may have run for only an
//! instant of it. So a character may also be partly filled: `▌` means that the task ran for half of the
//! piece, and `▏` means that it ran for a small part. Even a very short poll is therefore visible. The rows
//! of the workers and of the tasks in flight show heights, from `▁` to `█`.

use unicode_width::UnicodeWidthStr as _;

use super::{
    axis::Nanos,
    gantt::{End, Gantt, State, TaskRow},
    legend::Used,
    names::{pad, shorten},
    pen::{Ink, Look, Pen, Signs, graded},
};
use crate::units;

/// The minimum width of a drawing, in columns. A narrower drawing would not be readable. A narrower terminal
/// may break the lines of the drawing.
const WIDTH_MIN: usize = 40;
/// The maximum width of a drawing, in columns. In a wider drawing, a reader's eye slips to another line. The
/// value is arbitrary, not measured.
const WIDTH_MAX: usize = 200;
/// The maximum number of rows of tasks, so that the drawing fits on a screen. The value is arbitrary, not
/// measured.
const TASKS_MAX: usize = 24;
/// The maximum number of rows of workers, for machines with more cores than a screen has lines.
const COOKS_MAX: usize = 16;
/// The minimum width, in columns, of a drawing that has figures at the right.
const FIGURES_FROM: usize = 72;
/// The width of a figure, such as `100 % busy` or `2,000 most`, in columns.
const FIGURES_WIDTH: usize = 10;
/// The number of columns for the label of a tick (such as `200 ms`) and some space.
const TICK_WIDTH: usize = 10;

/// Draws the run.
pub(super) fn draw(gantt: &Gantt, title: &str, look: Look) -> String {
    let mut page = Page::new(gantt, look);
    page.picture(title);
    if !gantt.tasks.is_empty() {
        page.gap();
        page.legend();
    }
    page.text
}

/// Draws several runs on one scale. A second is equally wide in all drawings, so a run that took half as long
/// is half as wide. Only the last drawing has a legend, which explains all of them.
pub(super) fn draw_to_scale(runs: &[(Gantt, String)], look: Look) -> Vec<String> {
    let pages = || runs.iter().map(|(gantt, _)| Page::new(gantt, look));
    let longest = runs.iter().map(|(gantt, _)| gantt.window.length()).max();
    let label_width = pages().map(|page| page.label_width).max();
    let mut used = Used::default();
    let mut drawings: Vec<String> = pages()
        .zip(runs)
        .map(|(mut page, (gantt, title))| {
            page.widen_labels(label_width.unwrap_or(0));
            let share = gantt.window.length() as f64 / longest.unwrap_or(1) as f64;
            page.bins = ((page.bins as f64 * share).round() as usize).max(1);
            page.picture(title);
            used.add(&page.used);
            page.text
        })
        .collect();
    if let (Some(last), Some(mut page)) = (drawings.last_mut(), pages().next_back()) {
        page.used = used;
        page.gap();
        page.legend();
        last.push_str(&page.text);
    }
    drawings
}

struct Page<'a> {
    gantt: &'a Gantt,
    colour: bool,
    signs: &'static Signs,
    width: usize,
    label_width: usize,
    /// The width of the bar for the whole run, in characters.
    bins: usize,
    used: Used,
    text: String,
}

type Cell = (char, Ink);

impl<'a> Page<'a> {
    fn new(gantt: &'a Gantt, look: Look) -> Self {
        let width = look.width.clamp(WIDTH_MIN, WIDTH_MAX);
        let tasks = gantt.tasks.iter().map(|row| row.name.width());
        let names = tasks.chain(gantt.cooks.iter().map(|cook| cook.name.width()));
        // If some tasks are not shown, a label such as `1,976 more` must fit.
        let least = if gantt.tasks.len() > TASKS_MAX { 10 } else { 9 };
        let label_width = names.max().unwrap_or(0).clamp(least, width / 4);
        let figures = if width >= FIGURES_FROM {
            2 + FIGURES_WIDTH
        } else {
            0
        };
        Self {
            gantt,
            colour: look.colour,
            signs: Signs::of(look),
            width,
            label_width,
            bins: width - label_width - 2 - figures,
            used: Used::default(),
            text: String::new(),
        }
    }

    fn widen_labels(&mut self, width: usize) {
        self.bins = (self.bins + self.label_width).saturating_sub(width).max(1);
        self.label_width = width;
    }

    /// Draws everything except the legend.
    fn picture(&mut self, title: &str) {
        self.heading(title);
        if self.gantt.tasks.is_empty() {
            self.line(&[("nothing was recorded", Ink::Dim)]);
            return;
        }
        self.axis();
        self.in_flight();
        self.cooks();
        self.gap();
        self.tasks();
    }

    fn heading(&mut self, title: &str) {
        let gantt = self.gantt;
        if !title.is_empty() {
            let title = shorten(title, self.width, self.signs.ellipsis);
            self.line(&[(&title, Ink::Bold)]);
        }
        // Put as many figures as possible on one line.
        let mut line = String::new();
        for figure in gantt.figures() {
            let figure = figure.replace('µ', self.signs.micro);
            if line.is_empty() {
                line = figure;
            } else if line.width() + 2 + figure.width() <= self.width {
                line = format!("{line}, {figure}");
            } else {
                self.line(&[(&line, Ink::Plain)]);
                line = figure;
            }
        }
        self.line(&[(&line, Ink::Plain)]);
        if let Some(warning) = gantt.warning() {
            self.line(&[(&warning, Ink::Queued)]);
        }
        self.gap();
    }

    /// Draws the labels of the axis and, below the labels, a line of ticks.
    fn axis(&mut self) {
        let mut labels = vec![(' ', Ink::Dim); self.bins];
        let mut line = vec![(self.signs.axis, Ink::Dim); self.bins];
        let mut free = 0;
        for tick in self.gantt.window.ticks(self.bins / TICK_WIDTH) {
            let at = ((tick.place * self.bins as f64) as usize).min(self.bins - 1);
            line[at].0 = self.signs.tick;
            let label = tick.label.replace('µ', self.signs.micro);
            // If a label at the end of the line does not fit, move it to the left if there is space.
            let at = at.min(self.bins.saturating_sub(label.chars().count()));
            if at >= free {
                for (cell, c) in labels[at..].iter_mut().zip(label.chars()) {
                    cell.0 = c;
                }
                free = at + label.chars().count() + 1;
            }
        }
        self.row("", Ink::Plain, &labels, "");
        self.row("", Ink::Plain, &line, "");
    }

    fn in_flight(&mut self) {
        let most = self.gantt.in_flight_max;
        let all = self.gantt.in_flight(self.bins).all();
        let cells = self.heights(&all, most as f64, Ink::Plain);
        self.row(
            "in flight",
            Ink::Plain,
            &cells,
            &format!("{} most", units::count(most)),
        );
    }

    fn cooks(&mut self) {
        let gantt = self.gantt;
        let (shown, more) = gantt.cooks.split_at(gantt.cooks.len().min(COOKS_MAX));
        for (row, cook) in shown.iter().enumerate() {
            let busy = cook.busy(gantt.window, self.bins);
            let cells = self.heights(&busy, 1.0, Ink::Cook(row));
            let verdict = cook.verdict(gantt.window);
            self.row(&cook.name, Ink::Cook(row), &cells, &verdict);
        }
        if !more.is_empty() {
            let polls = more.iter().flat_map(|cook| &cook.polls);
            let busy = gantt
                .window
                .fill(self.bins, polls.map(|poll| (poll.from, poll.to)));
            let cells = self.heights(&busy, more.len() as f64, Ink::Plain);
            let label = format!("{} more", units::count(more.len()));
            self.row(&label, Ink::Dim, &cells, "");
        }
    }

    fn tasks(&mut self) {
        let gantt = self.gantt;
        let choice = gantt.choose(TASKS_MAX);
        for row in choice.shown {
            let row = &gantt.tasks[row];
            let cells = self.bar(row);
            self.row(&row.name, Ink::Plain, &cells, &row.verdict());
        }
        if !choice.rest.is_empty() {
            let label = format!("{} more", units::count(choice.rest.len()));
            let all = gantt.density(choice.rest.into_iter(), self.bins).all();
            let most = all.iter().copied().fold(1.0, f64::max);
            let cells = self.heights(&all, most, Ink::Dim);
            self.row(&label, Ink::Dim, &cells, "not shown");
        }
    }

    /// Draws a task's life, character by character.
    fn bar(&mut self, row: &TaskRow) -> Vec<Cell> {
        let share = |wanted: fn(State) -> bool| {
            let spans = row.spans.iter().filter(|span| wanted(span.state));
            let spans = spans.map(|span| (span.from, span.to));
            self.gantt.window.fill(self.bins, spans)
        };
        let running = share(|state| matches!(state, State::Running(_)));
        let queued = share(|state| state == State::Queued);
        let waiting = share(|state| state == State::Waiting);
        let still = queued.iter().zip(&waiting);
        let mut cells: Vec<Cell> = still
            .map(|(&queued, &waiting)| {
                if queued.max(waiting) < NOTHING {
                    (' ', Ink::Plain)
                } else if queued >= waiting {
                    (self.signs.queued, Ink::Queued)
                } else {
                    (self.signs.waiting, Ink::Dim)
                }
            })
            .collect();
        for span in &row.spans {
            let State::Running(lane) = span.state else {
                continue;
            };
            let ink = Ink::Cook(self.gantt.cook_row(lane));
            let (first, last) = (self.bin(span.from), self.bin(span.to));
            for at in first..=last {
                // Skip the last piece if the span ends exactly where that piece begins. Mark the first piece
                // even if the poll was too short for the clock.
                if at == first || running[at] > NOTHING {
                    cells[at] = (graded(self.signs.parts, running[at]), ink);
                }
            }
        }
        let sign = match row.end {
            End::Panicked => Some(self.signs.panicked),
            End::Dropped => Some(self.signs.dropped),
            End::Stranded => Some(self.signs.stranded),
            End::Done | End::Open => None,
        };
        if let (Some(sign), Some(last)) = (sign, row.spans.last()) {
            cells[self.bin(last.to)] = (sign, Ink::Failed);
        }
        self.used.bars.extend(cells.iter().map(|cell| cell.0));
        cells
    }

    fn bin(&self, at: Nanos) -> usize {
        ((self.gantt.window.place(at) * self.bins as f64) as usize).min(self.bins - 1)
    }

    fn heights(&mut self, values: &[f64], most: f64, ink: Ink) -> Vec<Cell> {
        let cell = |value: &f64| match value / most.max(1.0) {
            share if share > NOTHING => (graded(self.signs.heights, share), ink),
            _ => (' ', Ink::Plain),
        };
        let cells: Vec<Cell> = values.iter().map(cell).collect();
        self.used.heights.extend(cells.iter().map(|cell| cell.0));
        cells
    }

    fn legend(&mut self) {
        self.used.explain(self.signs, self.width, |parts| {
            let mut pen = Pen::new(&mut self.text, self.colour);
            for (part, ink) in parts {
                pen.write(part, *ink);
            }
            pen.end_line();
        });
    }

    /// Draws one row: its name, its bar, and a figure if the drawing has a column of figures.
    fn row(&mut self, label: &str, ink: Ink, cells: &[Cell], figure: &str) {
        let label = shorten(label, self.label_width, self.signs.ellipsis);
        let mut pen = Pen::new(&mut self.text, self.colour);
        pen.write(&pad(&label, self.label_width + 2), ink);
        for &(sign, ink) in cells {
            pen.sign(sign, ink);
        }
        if self.width >= FIGURES_FROM {
            let figure = figure.replace('µ', self.signs.micro);
            pen.write(&format!("  {figure:>FIGURES_WIDTH$}"), Ink::Dim);
        }
        pen.end_line();
    }

    fn line(&mut self, parts: &[(&str, Ink)]) {
        let mut pen = Pen::new(&mut self.text, self.colour);
        for (part, ink) in parts {
            pen.write(part, *ink);
        }
        pen.end_line();
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }
}

/// A bound on the rounding errors of the shares. Smaller shares count as zero.
const NOTHING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    fn look(width: usize) -> Look {
        Look {
            width,
            colour: false,
            unicode: true,
        }
    }

    fn drawn(timeline: &brigade::timeline::Timeline, look: Look) -> String {
        draw(&Gantt::new(timeline), "kitchen", look)
    }

    #[test]
    fn kitchen() {
        insta::assert_snapshot!(drawn(&samples::kitchen(), look(100)));
    }

    #[test]
    fn kitchen_of_two_narrow() {
        insta::assert_snapshot!(drawn(&samples::kitchen_of_two(), look(60)));
    }

    #[test]
    fn kitchen_in_ascii() {
        let plain = Look {
            width: 80,
            colour: false,
            unicode: false,
        };
        let text = drawn(&samples::kitchen(), plain);
        assert!(text.is_ascii());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn kitchen_in_colour() {
        let colour = Look {
            colour: true,
            ..look(60)
        };
        let text = drawn(&samples::kitchen_of_two(), colour);
        insta::assert_snapshot!(text.replace('\x1b', "ESC"));
    }

    #[test]
    fn fetch_of_2000() {
        insta::assert_snapshot!(drawn(&samples::fetch(2000), look(100)));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_none_ends_in_spaces() {
        let runs = [samples::kitchen(), samples::hostile(), samples::fetch(100)];
        for timeline in runs.into_iter().chain(samples::empty()) {
            for (width, unicode) in (WIDTH_MIN..260)
                .step_by(9)
                .flat_map(|width| [(width, true), (width, false)])
            {
                let look = Look {
                    width,
                    colour: false,
                    unicode,
                };
                for line in drawn(&timeline, look).lines() {
                    assert!(line.width() <= width, "{width}: {line}");
                    assert!(!line.ends_with(' '), "{width}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn a_name_cannot_write_to_the_terminal() {
        let text = drawn(&samples::hostile(), look(120));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200f}']));
    }

    #[test]
    fn an_empty_run_says_so() {
        assert!(drawn(&samples::empty()[0], look(80)).contains("nothing was recorded"));
    }
}
