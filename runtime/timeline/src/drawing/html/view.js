// The visible part of the run: a window in time, and the rows that fit on the screen.

const LENGTH = Math.max(run.length, 1000); // so that a run without events has an axis too
const WHOLE = { from: 0, to: LENGTH };
const SHORTEST = Math.min(200, LENGTH); // the shortest window, in nanoseconds
const STRIP = 42; // the height of the strip with the whole run, in pixels
const AXIS = 24; // the height of the axis
const MARGIN = 14; // the space for the scroll bar at the right edge
const NARROW = 700; // a narrower screen is treated as a telephone's
const LANE_HEIGHTS = [34, 140]; // the minimum and the maximum height of a thread's row
const ROW_HEIGHTS = [1, 2, 3, 4, 6, 8, 11, 14, 18, 22, 28, 36]; // the possible heights of a task's row
const READABLE = 14; // the minimum height of a row with a readable name

const view = {
  ...WHOLE,
  by: "worker", // or "task"
  filter: "",
  order: "spawned",
  theme: "",
  scroll: 0, // the height of the rows above the screen
  rowHeight: 0, // the height of a task's row; 0 means that as many rows as possible fit
  rows: [], // the threads, or the tasks that pass the filter, in the chosen order
  rowOfTask: [], // the row of each task, or -1 if the filter hides it
  hover: null, // the thing under the mouse
  pin: null, // the thing whose facts stay visible
  pointer: null, // the position of the mouse
  gutter: 176, // the width of the names at the left edge
  width: 1000,
  height: 500,
  top: 0, // the y coordinate of the first row, below the curves and the axis
};

const byWorker = () => view.by === "worker";
const plotWidth = () => Math.max(50, view.width - view.gutter - MARGIN);
const plotEnd = () => view.gutter + plotWidth();
const nanosPerPixel = () => (view.to - view.from) / plotWidth();
const xOf = (time) => view.gutter + (time - view.from) / nanosPerPixel();
const timeAt = (x) => view.from + (x - view.gutter) * nanosPerPixel();
const stripX = (time) => view.gutter + (time / LENGTH) * plotWidth();
const stripTime = (x) => (clamp(x - view.gutter, 0, plotWidth()) / plotWidth()) * LENGTH;

/// Shows the time `from..to`, extended to at least `SHORTEST`, and the rows below the first `scroll` pixels.
function show(from, to, scroll = view.scroll) {
  const span = clamp(to - from, SHORTEST, LENGTH);
  view.from = clamp((from + to - span) / 2, 0, LENGTH - span);
  view.to = view.from + span;
  view.scroll = fitScroll(scroll);
  redraw();
}

/// Zooms in by `factor`, or out if `factor` is below 1. The instant at `x` stays at its position.
function zoom(factor, x = view.gutter + plotWidth() / 2) {
  const span = view.to - view.from;
  const by = clamp(factor, span / LENGTH, span / SHORTEST);
  const fixed = timeAt(clamp(x, view.gutter, plotEnd()));
  show(fixed - (fixed - view.from) / by, fixed + (view.to - fixed) / by);
}

const pan = (nanos) => show(view.from + nanos, view.to + nanos);

const contentHeight = () => view.rows.length * rowHeight();
const space = () => view.height - view.top;
const fitScroll = (scroll) => Math.max(0, Math.min(scroll, contentHeight() - space()));
const rowTop = (row) => view.top + row * rowHeight() - view.scroll;
const scrollTo = (scroll) => show(view.from, view.to, scroll);

function rowHeight() {
  const fits = space() / Math.max(1, view.rows.length);
  if (byWorker()) return clamp(Math.floor(fits), ...LANE_HEIGHTS);
  return view.rowHeight || (ROW_HEIGHTS.findLast((height) => height <= fits) ?? ROW_HEIGHTS[0]);
}

function rowAt(y) {
  const row = Math.floor((y - view.top + view.scroll) / rowHeight());
  return y >= view.top && row < view.rows.length ? row : -1;
}

const rowOf = (task, lane) => (byWorker() ? lane : (view.rowOfTask[task] ?? -1));

/// Returns the part of a row in which polls are drawn. Below this part, a thread's row has space for the
/// signs of single events, such as a steal or a fired timer.
function rowBody(row) {
  const height = rowHeight();
  if (byWorker()) return { top: rowTop(row) + 5, height: height - 19 };
  const gap = height >= 8 ? 2 : height >= 4 ? 1 : 0;
  return { top: rowTop(row) + gap / 2, height: height - gap };
}

function scrollFor(row) {
  const hidden = rowTop(row) < view.top || rowTop(row + 1) > view.height;
  return row >= 0 && hidden ? row * rowHeight() - space() / 2 : view.scroll;
}

function changeRowHeight(way) {
  const now = rowHeight();
  const place = ROW_HEIGHTS.findIndex((height) => height >= now);
  if (!byWorker()) view.rowHeight = ROW_HEIGHTS[clamp(place + way, 0, ROW_HEIGHTS.length - 1)];
  // Keep the middle row in the middle of the screen.
  scrollTo(((view.scroll + space() / 2) / now) * rowHeight() - space() / 2);
}

const ORDERS = {
  spawned: () => 0,
  ended: (task) => (run.tasks.ending[task] === OPEN ? Infinity : run.tasks.to[task]),
  life: (task) => run.tasks.from[task] - run.tasks.to[task],
  running: (task) => -run.tasks.time[RUNNING][task],
  ready: (task) => -run.tasks.time[READY][task],
};

function arrangeRows() {
  const wanted = view.filter.trim().toLowerCase();
  const tasks = [...run.names.keys()].filter((task) => run.names[task].toLowerCase().includes(wanted));
  const key = run.names.map((_, task) => ORDERS[view.order](task));
  tasks.sort((a, b) => (key[a] === key[b] ? a - b : key[a] - key[b]));
  view.rowOfTask = new Int32Array(run.names.length).fill(-1);
  tasks.forEach((task, row) => (view.rowOfTask[task] = row));
  view.rows = byWorker() ? [...run.lanes.keys()] : tasks;
  byId("count").textContent = wanted ? `${number(tasks.length)} of ${counted(run.names.length, "task")}` : "";
  const nothing = run.runs.every(({ events }) => events === 0);
  byId("empty").textContent = nothing ? "Nothing was recorded in this run." : "No task has such a name.";
  byId("empty").hidden = !nothing && view.rows.length > 0;
  scrollTo(view.scroll);
}
