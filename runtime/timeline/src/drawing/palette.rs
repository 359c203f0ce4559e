//! The colours, which have the same meaning in every drawing.
//!
//! Each worker has a colour, and a running task has the colour of the worker that runs it. Amber marks
//! ready tasks that do not run, grey marks waiting tasks, and red marks failed tasks. No worker is amber,
//! grey or red.

/// The colours of the workers. Neighbouring colours also differ in lightness, for people who cannot
/// distinguish all colours. White text is readable on all of them.
const COOKS: [&str; 8] = [
    "#2f6fde", "#0f8a6c", "#8250df", "#c2388a", "#13809c", "#5d7d1a", "#4b52c7", "#9a5fc0",
];

/// The colours of the workers in a terminal, from those that every terminal theme defines: cyan, green,
/// magenta, blue, and their bright variants.
const ANSI: [u8; 8] = [36, 32, 35, 34, 96, 92, 95, 94];

/// The number of different colours for workers, after which they repeat.
pub(super) const COOKS_APART: usize = COOKS.len();

/// Returns the colour of the worker in this row.
pub(super) fn cook(row: usize) -> &'static str {
    COOKS[row % COOKS.len()]
}

/// Returns the colour of the worker in this row, as an ANSI code.
pub(super) fn ansi(row: usize) -> u8 {
    ANSI[row % ANSI.len()]
}

/// The other colours of a drawing, for a light or a dark page.
pub(super) struct Scheme {
    pub(super) paper: &'static str,
    pub(super) frame: &'static str,
    pub(super) text: &'static str,
    pub(super) quiet: &'static str,
    pub(super) grid: &'static str,
    pub(super) band: &'static str,
    pub(super) queued: &'static str,
    pub(super) waiting: &'static str,
    pub(super) arrow: &'static str,
    pub(super) failed: &'static str,
}

pub(super) const LIGHT: Scheme = Scheme {
    paper: "#ffffff",
    frame: "#d1d9e0",
    text: "#1f2328",
    quiet: "#59636e",
    grid: "#e6eaef",
    band: "#f6f8fa",
    queued: "#f0a020",
    waiting: "#b6c0cb",
    arrow: "#57606a",
    failed: "#cf222e",
};

pub(super) const DARK: Scheme = Scheme {
    paper: "#0d1117",
    frame: "#30363d",
    text: "#e6edf3",
    quiet: "#9198a1",
    grid: "#21262d",
    band: "#141a22",
    queued: "#d9941f",
    waiting: "#4a5462",
    arrow: "#b1bac4",
    failed: "#ff7b72",
};
