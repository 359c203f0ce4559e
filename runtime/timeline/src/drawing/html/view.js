// The part of the run that is shown: a window in time, and the rows that fit on the screen.

const LENGTH = Math.max(run.length, 1000); // a run in which nothing happened still has an axis
const SHORTEST = Math.min(200, LENGTH); // the shortest window, in nanoseconds
const MARGIN = 14; // the space for the scroll bar at the right edge, in pixels
const MOST_LANE = 140; // the maximum height of a thread's row, in pixels
const ROW_HEIGHTS = [1, 2, 3, 4, 6, 8, 11, 14, 18, 22, 28, 36];

const view = {
  by: "worker", // or "task"
  from: 0,
  to: LENGTH,
  scroll: 0, // the height of the rows above the screen, in pixels
  rowHeight: 0, // the height of a task's row, in pixels; 0 means that as many rows as possible fit
  filter: "",
  order: "spawned",
  rows: [], // the tasks that pass the filter, in the chosen order
  found: null, // the set of tasks that pass the filter, or null if there is no filter
  hover: null,
  pin: null,
  pointer: null, // the position of the mouse on the scene
  box: null, // the part that the user is selecting to zoom in
  // These are sizes in pixels, which are set when the screen is measured.
  gutter: 176, // the width of the names at the left edge
  width: 1000,
  height: 500,
  top: 0, // the y coordinate of the first row, below the curves and the axis
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

/// Returns the window that is nearest to `from..to`, lies within the run and is not too small.
function fitWindow(from, to) {
  const span = Math.min(LENGTH, Math.max(SHORTEST, to - from));
  const middle = (from + to) / 2;
  const start = Math.min(LENGTH - span, Math.max(0, middle - span / 2));
  return { from: start, to: start + span };
}

/// Shows `from..to` without an animation, for movements that follow the user's hand.
function show(from, to) {
  glide = null;
  Object.assign(view, fitWindow(from, to));
  redraw();
}

// Animate a jump, because the eye could not follow it.
const GLIDE_MS = 180;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
let glide = null;

/// Shows `from..to`, and the rows from `scroll` on, with an animation unless the user prefers no motion.
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

/// Continues the animation. Returns `true` if it is not finished.
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

/// Zooms in by `factor` (or out, if it is below 1), so that the instant at `x` stays at the same position.
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

// Rows: the threads, or the tasks that pass the filter.

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

/// Returns the row at `y`, or -1.
function rowAt(y) {
  const row = Math.floor((y - view.top + view.scroll) / rowHeight());
  return y >= view.top && row >= 0 && row < rowCount() ? row : -1;
}

/// Returns the first row on the screen, and the row after the last one.
function rowsShown() {
  const first = Math.floor(view.scroll / rowHeight());
  return [first, Math.min(rowCount(), Math.ceil((view.scroll + view.height - view.top) / rowHeight()))];
}

let rowOfTask = new Int32Array(0);
let rowOfLane = new Int32Array(0);

/// Returns the row that shows a poll, or -1 if the filter hides its task.
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

/// Computes the rows again after the filter or the order has changed.
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

/// Returns whether a task passes the filter.
function passes(task) {
  return view.found === null || view.found.has(task);
}
