//! Small symbols of the SVG drawing, for the source of a wake, and for a task that panicked, was dropped or
//! is stranded.

use super::{
    gantt::Waker,
    paper::{Class, Paper, Path},
};

/// The symbol for the source of a wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Arrow,
    Timer,
    Io,
    Outside,
}

impl Mark {
    pub(super) const ALL: [Self; 4] = [Self::Arrow, Self::Timer, Self::Io, Self::Outside];

    pub(super) fn of(waker: Waker) -> Self {
        match waker {
            Waker::Task(_) => Self::Arrow,
            Waker::Timer => Self::Timer,
            Waker::Io => Self::Io,
            Waker::Outside => Self::Outside,
        }
    }

    /// Returns the name of the symbol in the legend.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Arrow => "wakes",
            Self::Timer => "woken by a timer",
            Self::Io => "woken by I/O",
            Self::Outside => "woken from outside",
        }
    }

    /// Draws the symbol on the row whose y coordinate is `to`. An arrow begins on the row whose y coordinate
    /// is `from`.
    pub(super) fn draw(self, paper: &mut Paper, x: f64, from: f64, to: f64) {
        match self {
            Self::Arrow => arrow(paper, x, from, to),
            Self::Timer => clock(paper, x, to),
            Self::Io => diamond(paper, x, to),
            Self::Outside => paper.rect(Class::Mark, [x - 3.5, to - 3.5, 7.0, 7.0], 1.0),
        }
    }
}

fn arrow(paper: &mut Paper, x: f64, from: f64, to: f64) {
    let back = if to > from { -4.5 } else { 4.5 };
    let mut shaft = Path::default();
    shaft.start(x, from);
    shaft.vertical(to);
    let mut head = Path::default();
    head.start(x - 3.5, to + back);
    head.line(x, to);
    head.line(x + 3.5, to + back);
    paper.path(Class::Halo, &shaft);
    paper.path(Class::Arrow, &shaft);
    paper.path(Class::Arrow, &head);
    paper.circle(Class::Mark, (x, from), 2.0);
}

fn clock(paper: &mut Paper, x: f64, y: f64) {
    paper.circle(Class::Mark, (x, y), 4.5);
    let mut hands = Path::default();
    hands.start(x, y - 2.6);
    hands.vertical(y);
    hands.horizontal(x + 1.9);
    paper.path(Class::Arrow, &hands);
}

fn diamond(paper: &mut Paper, x: f64, y: f64) {
    let mut path = Path::default();
    path.start(x, y - 4.5);
    path.line(x + 4.5, y);
    path.line(x, y + 4.5);
    path.line(x - 4.5, y);
    path.close();
    paper.path(Class::Mark, &path);
}

/// Draws the symbol for a stranded task, whose line is cut off.
pub(super) fn loose_end(paper: &mut Paper, x: f64, y: f64) {
    let mut path = Path::default();
    for x in [x - 2.0, x + 2.0] {
        path.start(x, y - 5.0);
        path.vertical(y + 5.0);
    }
    paper.path(Class::Failed, &path);
}

/// Draws the symbol for a task that panicked or was dropped.
pub(super) fn cross(paper: &mut Paper, x: f64, y: f64) {
    let mut path = Path::default();
    path.start(x - 4.0, y - 4.0);
    path.line(x + 4.0, y + 4.0);
    path.start(x - 4.0, y + 4.0);
    path.line(x + 4.0, y - 4.0);
    paper.path(Class::Failed, &path);
}
