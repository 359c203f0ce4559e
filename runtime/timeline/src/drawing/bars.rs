//! One row of the SVG drawing, for a worker or a task.
//!
//! If a row has few spans, they are drawn one by one. A row with many spans is drawn as a chart instead,
//! which is divided into columns. Each column stands for a piece of the time, and its height shows the share
//! of this piece that was spent in a state. So the size of the drawing does not grow with the number of
//! spans.

use super::{
    axis::Nanos,
    gantt::{CookRow, End, Gantt, State, TaskRow},
    marks::{cross, loose_end},
    names::shorten,
    paper::{Class, Paper, Path},
};

pub(super) const WIDTH: f64 = 1000.0;
pub(super) const MARGIN: f64 = 24.0;
/// The x coordinate of the beginning of the run, in pixels.
pub(super) const PLOT: f64 = 172.0;
/// The x coordinate of the right edge of the figures, in pixels.
pub(super) const FIGURES: f64 = WIDTH - MARGIN;
/// The width of the whole run, in pixels.
pub(super) const LENGTH: f64 = FIGURES - 92.0 - PLOT;
/// The distance from one row to the next, in pixels.
pub(super) const ROW: f64 = 22.0;
/// The approximate width of a column of text, in pixels. It depends on the font.
pub(super) const COLUMN: f64 = 6.2;
/// The height of a running task, in pixels.
pub(super) const RUNNING: f64 = 14.0;
/// The height of a ready task, in pixels.
pub(super) const QUEUED: f64 = 7.0;
/// The height of a waiting task, in pixels.
pub(super) const WAITING: f64 = 3.0;
/// The maximum number of spans that are drawn one by one.
pub(super) const EXACT_MAX: usize = 250;
/// The number of columns in a row that is drawn as a chart: one for every 1.5 pixels.
pub(super) const BINS: usize = (LENGTH / 1.5) as usize;

/// The number of columns in a task's row that is drawn as a chart. The number is smaller than for a worker's
/// row, because a run has more tasks than workers.
const TASK_BINS: usize = (LENGTH / 4.0) as usize;
/// A row with more spans than this gets bars with square corners.
const ROUND_MAX: usize = 40;
/// The minimum width of a poll, in pixels.
const THIN: f64 = 1.2;
/// The maximum width of a label, in columns of text.
const LABEL: usize = 20;
/// In a task's chart, the maximum number of workers that have their own colours.
const LAYERS_MAX: usize = 4;

/// The row that is being drawn: the run that it belongs to, and its vertical position.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) gantt: &'a Gantt,
    pub(super) y: f64,
}

impl Row<'_> {
    /// Draws the name at the left end of the row and the figure at the right end.
    pub(super) fn label(self, paper: &mut Paper, name: &str, figure: &str) {
        let line = self.y + ROW / 2.0 + 4.0;
        paper.text(Class::Text, (MARGIN, line), &shorten(name, LABEL, "…"));
        paper.text(Class::Figure, (FIGURES, line), figure);
    }

    /// Draws what a worker did. `number` is the index of the worker's row, which determines the colour.
    pub(super) fn cook(self, paper: &mut Paper, number: usize, cook: &CookRow) {
        let (top, class) = (self.y + (ROW - RUNNING) / 2.0, Class::Cook(number));
        paper.rect(Class::Band, [PLOT, top, LENGTH, RUNNING], 2.0);
        if cook.asleep.len() <= EXACT_MAX {
            let mut asleep = Path::default();
            for &(from, to) in &cook.asleep {
                asleep.bar(self.bar(from, to, WAITING));
            }
            paper.path(Class::Waiting, &asleep);
        }
        let mut polls = Path::default();
        if cook.polls.len() > EXACT_MAX {
            let busy = cook.busy(self.gantt.window, BINS);
            let heights = busy.into_iter().map(height_of);
            polls.steps(PLOT, top + RUNNING, LENGTH / BINS as f64, heights);
        } else {
            for poll in &cook.polls {
                let bar = thick(self.bar(poll.from, poll.to, RUNNING));
                if cook.polls.len() > ROUND_MAX {
                    polls.bar(bar);
                } else {
                    paper.rect(class, bar, 2.0);
                    self.inside(paper, bar, poll.task);
                }
            }
        }
        paper.path(class, &polls);
    }

    /// Writes the task's name into a bar, shortened to fit.
    fn inside(self, paper: &mut Paper, [x, y, width, _]: [f64; 4], task: usize) {
        let columns = ((width - 8.0) / COLUMN) as usize;
        if columns >= 4
            && let Some(task) = self.gantt.task(task)
        {
            let name = shorten(&task.name, columns, "…");
            paper.text(Class::Inside, (x + 5.0, y + 10.6), &name);
        }
    }

    /// Draws a task's life.
    pub(super) fn task(self, paper: &mut Paper, row: &TaskRow) {
        if row.spans.len() > EXACT_MAX {
            self.task_as_heights(paper, row);
        } else {
            self.task_as_bars(paper, row);
        }
        let Some(last) = row.spans.last() else {
            return;
        };
        let (x, y) = (self.x(last.to), self.y + ROW / 2.0);
        match row.end {
            End::Done | End::Open => {}
            End::Panicked | End::Dropped => cross(paper, x, y),
            End::Stranded => loose_end(paper, x, y),
        }
    }

    fn task_as_bars(self, paper: &mut Paper, row: &TaskRow) {
        let (mut queued, mut waiting) = (Path::default(), Path::default());
        for span in &row.spans {
            match span.state {
                State::Queued => queued.bar(self.bar(span.from, span.to, QUEUED)),
                State::Waiting => waiting.bar(self.bar(span.from, span.to, WAITING)),
                State::Running(_) => {}
            }
        }
        paper.path(Class::Waiting, &waiting);
        paper.path(Class::Queued, &queued);
        let round = row.spans.len() <= ROUND_MAX;
        // Draw consecutive polls by the same worker as one path.
        let (mut path, mut of) = (Path::default(), 0);
        for span in &row.spans {
            let State::Running(lane) = span.state else {
                continue;
            };
            let cook = self.gantt.cook_row(lane);
            let bar = thick(self.bar(span.from, span.to, RUNNING));
            if round {
                paper.rect(Class::Cook(cook), bar, 2.0);
                continue;
            }
            if cook != of {
                paper.path(Class::Cook(of), &std::mem::take(&mut path));
                of = cook;
            }
            path.bar(bar);
        }
        paper.path(Class::Cook(of), &path);
    }

    /// Draws the task as a chart: for each column, the shares of its time in which the task ran and was
    /// ready, stacked on one another.
    fn task_as_heights(self, paper: &mut Paper, row: &TaskRow) {
        let share = |wanted: &dyn Fn(State) -> bool| {
            let spans = row.spans.iter().filter(|span| wanted(span.state));
            let spans = spans.map(|span| (span.from, span.to));
            self.gantt.window.fill(TASK_BINS, spans)
        };
        let ran_by = |lane| {
            row.spans
                .iter()
                .any(|span| span.state == State::Running(lane))
        };
        let cooks = self.gantt.cooks.iter().enumerate();
        let cooks: Vec<_> = cooks.filter(|(_, cook)| ran_by(cook.lane)).collect();
        let mut shares = Vec::new();
        if cooks.len() <= LAYERS_MAX {
            for (number, cook) in cooks {
                let ran = share(&|state| state == State::Running(cook.lane));
                shares.push((Class::Cook(number), ran));
            }
        } else {
            let ran = share(&|state| matches!(state, State::Running(_)));
            shares.push((Class::Cook(0), ran));
        }
        shares.push((Class::Queued, share(&|state| state == State::Queued)));
        let base = self.y + (ROW + RUNNING) / 2.0;
        let mut below = vec![0.0; TASK_BINS];
        let mut layers = Vec::new();
        for (class, share) in shares {
            for (below, share) in below.iter_mut().zip(share) {
                *below += share;
            }
            let mut path = Path::default();
            let heights = below.iter().copied().map(height_of);
            path.steps(PLOT, base, LENGTH / TASK_BINS as f64, heights);
            layers.push((class, path));
        }
        // Draw the lowest layer last, because each higher layer also covers the area of the lower layers.
        for (class, path) in layers.iter().rev() {
            paper.path(*class, path);
        }
    }

    pub(super) fn x(self, at: Nanos) -> f64 {
        PLOT + self.gantt.window.place(at) * LENGTH
    }

    /// Returns a bar that is vertically centred in the row.
    fn bar(self, from: Nanos, to: Nanos, height: f64) -> [f64; 4] {
        let (x, end) = (self.x(from), self.x(to));
        [x, self.y + (ROW - height) / 2.0, end - x, height]
    }
}

fn thick([x, y, width, height]: [f64; 4]) -> [f64; 4] {
    [x, y, width.max(THIN), height]
}

/// Returns the height of a column for this share of its time. Any share above zero gets a visible height.
fn height_of(share: f64) -> f64 {
    if share < 1e-9 {
        0.0
    } else {
        (share * RUNNING).clamp(1.0, RUNNING)
    }
}
