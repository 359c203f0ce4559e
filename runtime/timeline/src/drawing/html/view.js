// What part of the run is shown: a window in time, and rows of which some fit the screen.

const LENGTH = Math.max(run.length, 1000); // a run in which nothing happened still has an axis
const SHORTEST = Math.min(200, LENGTH); // nanoseconds across the screen, zoomed in as far as it goes
const MARGIN = 14; // for the scroll bar, right of everything
const MOST_LANE = 140; // pixels for a thread, if there is room
const ROW_HEIGHTS = [1, 2, 3, 4, 6, 8, 11, 14, 18, 22, 28, 36];

const view = {
  by: "worker", // or "task"
  from: 0,
  to: LENGTH,
  scroll: 0, // pixels of rows above the screen
  rowHeight: 0, // of tasks, 0: as many as fit
  filter: "",
  order: "spawned",
  rows: [], // the tasks that the filter lets through, in their order
  found: null, // a set of them, or null for all
  hover: null,
  pin: null,
  pointer: null, // where the mouse is, on the scene
  box: null, // the part that is being marked for zooming in
  // Pixels, set by whoever knows the size of the screen.
  gutter: 176, // for names, left of everything
  width: 1000,
  height: 500,
  top: 0, // where rows begin, below curves and axis
};

const labels = run.tasks.map((task) => task.label.toLowerCase());

function xOf(time) {
  return view.gutter + ((time - view.from) / (view.to - view.from)) * plotWidth();
}

function timeAt(x) {
  return view.from + ((x - view.gutter) / plotWidth()) * (view.to - view.from);
}

function plotWidth() {
  return Math.max(50, view.width - view.gutter - MARGIN);
}

function nanosPerPixel() {
  return (view.to - view.from) / plotWidth();
}

/// The window nearest to `from..to` that is neither outside of the run nor too small.
function fitWindow(from, to) {
  const span = Math.min(LENGTH, Math.max(SHORTEST, to - from));
  const middle = (from + to) / 2;
  const start = Math.min(LENGTH - span, Math.max(0, middle - span / 2));
  return { from: start, to: start + span };
}

/// Shows `from..to` at once: for what follows the hand.
function show(from, to) {
  glide = null;
  Object.assign(view, fitWindow(from, to));
  redraw();
}

// A jump further than the eye can follow is made in a few steps.
const GLIDE_MS = 180;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
let glide = null;

/// Shows `from..to` (and rows from `scroll` on), gliding there unless the reader likes no motion.
function glideTo(from, to, scroll = view.scroll) {
  const goal = { ...fitWindow(from, to), scroll: fitScroll(scroll) };
  if (still.matches) {
    glide = null;
    Object.assign(view, goal);
  } else {
    glide = { begun: null, from: { from: view.from, to: view.to, scroll: view.scroll }, goal };
  }
  redraw();
}

/// Moves on with a glide; `true` while there is more to come.
function glideOn(now) {
  if (!glide) return false;
  glide.begun ??= now;
  const part = Math.min(1, (now - glide.begun) / GLIDE_MS);
  const eased = 1 - (1 - part) ** 3;
  for (const key of ["from", "to", "scroll"]) {
    view[key] = glide.from[key] + (glide.goal[key] - glide.from[key]) * eased;
  }
  if (part === 1) glide = null;
  return glide !== null;
}

/// Zooms by `factor` (above 1: in) so that the instant at `x` stays where it is.
function zoom(factor, x = view.gutter + plotWidth() / 2, gliding = false) {
  const goal = gliding && glide ? glide.goal : view;
  const span = Math.min(LENGTH, Math.max(SHORTEST, (goal.to - goal.from) / factor));
  const share = Math.min(1, Math.max(0, (x - view.gutter) / plotWidth()));
  const fixed = goal.from + share * (goal.to - goal.from);
  (gliding ? glideTo : show)(fixed - share * span, fixed + (1 - share) * span);
}

function pan(pixels, gliding = false) {
  const goal = gliding && glide ? glide.goal : view;
  const by = pixels * nanosPerPixel();
  const start = Math.min(LENGTH - (goal.to - goal.from), Math.max(0, goal.from + by));
  (gliding ? glideTo : show)(start, start + goal.to - goal.from);
}

// Rows: the threads, or those tasks that the filter lets through.

function rowCount() {
  return view.by === "worker" ? run.lanes.length : view.rows.length;
}

function rowHeight() {
  const space = view.height - view.top;
  if (view.by === "worker") return Math.min(MOST_LANE, Math.max(34, Math.floor(space / rowCount())));
  if (view.rowHeight > 0) return view.rowHeight;
  const fits = space / Math.max(1, view.rows.length);
  return ROW_HEIGHTS.findLast((height) => height <= fits) ?? ROW_HEIGHTS[0];
}

function contentHeight() {
  return rowCount() * rowHeight();
}

function fitScroll(scroll) {
  return Math.max(0, Math.min(scroll, contentHeight() - (view.height - view.top)));
}

function scrollTo(scroll) {
  glide = null;
  view.scroll = fitScroll(scroll);
  redraw();
}

function rowTop(row) {
  return view.top + row * rowHeight() - view.scroll;
}

/// The row at `y`, or -1.
function rowAt(y) {
  const row = Math.floor((y - view.top + view.scroll) / rowHeight());
  return y >= view.top && row >= 0 && row < rowCount() ? row : -1;
}

/// The first row on the screen and the one after the last.
function rowsShown() {
  const first = Math.floor(view.scroll / rowHeight());
  return [first, Math.min(rowCount(), Math.ceil((view.scroll + view.height - view.top) / rowHeight()))];
}

let rowOfTask = new Int32Array(0);
let rowOfLane = new Int32Array(0);

/// The row in which a poll stands, -1 if its task is filtered away.
function rowOf(task, lane) {
  return view.by === "worker" ? rowOfLane[lane] : rowOfTask[task];
}

const ORDERS = {
  spawned: () => 0,
  ended: (task) => (task.over < 0 ? Infinity : task.over),
  life: (task) => -lifeTime(task),
  running: (task) => -task.time[RUNNING],
  ready: (task) => -task.time[READY],
};

function lifeTime(task) {
  return task.born < 0 ? 0 : (task.over < 0 ? run.runs[task.run].length : task.over) - task.born;
}

/// Works out the rows anew, after a change of filter or order.
function arrangeRows() {
  const wanted = view.filter.trim().toLowerCase();
  const rows = [];
  labels.forEach((label, task) => {
    if (label.includes(wanted)) rows.push(task);
  });
  const key = run.tasks.map(ORDERS[view.order]);
  rows.sort((a, b) => (key[a] === key[b] ? a - b : key[a] - key[b]));
  view.rows = rows;
  view.found = wanted === "" ? null : new Set(rows);
  rowOfTask = new Int32Array(run.tasks.length).fill(-1);
  rows.forEach((task, row) => (rowOfTask[task] = row));
  rowOfLane = new Int32Array(run.lanes.length);
  run.lanes.forEach((lane, row) => (rowOfLane[lane.index] = row));
  view.scroll = fitScroll(view.scroll);
  redraw();
}

/// Whether a task passes the filter.
function passes(task) {
  return view.found === null || view.found.has(task);
}
