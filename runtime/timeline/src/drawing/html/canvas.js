// There are two canvases, one above the other. The lower one, the stage, is painted when the view changes.
// The upper one follows the mouse, so that pointing costs almost nothing. Both are painted at most once per
// frame.

const scene = byId("scene");
const stage = byId("stage").getContext("2d", { alpha: false });
const above = byId("above").getContext("2d");
const FONT = '12px system-ui, "Segoe UI", "Liberation Sans", sans-serif';
const SMALL = '11px system-ui, "Segoe UI", "Liberation Sans", sans-serif';

const NARROW = 700; // in pixels; a narrower screen is treated as that of a telephone

const cost = { last: 0, worst: 0, frames: 0 };
let stageDue = false;
let aboveDue = false;

/// Schedules painting both canvases, because the view has changed.
function redraw() {
  stageDue = true;
  point();
}

/// Schedules painting the upper canvas only.
function point() {
  if (!aboveDue) requestAnimationFrame(frame);
  aboveDue = true;
}

function frame(now) {
  const begun = performance.now();
  const more = glideOn(now);
  if (more) stageDue = true;
  const whole = stageDue;
  aboveDue = stageDue = false;
  if (whole) {
    paintStage();
    paintOverview();
    showWindow();
  }
  paintAbove();
  if (whole) {
    cost.last = performance.now() - begun;
    cost.worst = Math.max(cost.worst, cost.last);
    cost.frames++;
    byId("cost").textContent = `drawn in ${cost.last.toFixed(1)} ms`;
  }
  if (more) redraw();
}

function paintStage() {
  layOut();
  stage.fillStyle = colours.paper;
  stage.fillRect(0, 0, view.width, view.height);
  stage.fillStyle = colours.panel;
  stage.fillRect(0, view.top, view.width, Math.min(view.height - view.top, contentHeight()));
  clipped(stage, 0, view.top, view.width, view.height - view.top, () => {
    paintGrid();
    if (view.by === "worker") paintLanes();
    else paintRows();
  });
  paintCurves();
}

/// Gives the curves the height that they need, and gives the rows the remaining height.
function layOut() {
  view.top = curvesHeight();
  view.scroll = fitScroll(view.scroll);
  const bar = byId("scroller");
  bar.style.top = `${view.top}px`;
  // Browsers do not lay out boxes taller than about ten million pixels.
  const tall = Math.min(contentHeight(), 8e6);
  bar.firstElementChild.style.height = `${tall}px`;
  const wanted = Math.round(view.scroll * scrollScale());
  if (Math.abs(bar.scrollTop - wanted) > 1) bar.scrollTop = wanted;
}

/// Returns how many pixels of the scroll bar's box correspond to one pixel of rows.
function scrollScale() {
  return Math.min(1, 8e6 / Math.max(1, contentHeight()));
}

/// Gives the canvases the resolution of the screen. Resizing clears them, so this also paints them
/// immediately.
function resize() {
  const dots = window.devicePixelRatio || 1;
  view.width = scene.clientWidth;
  view.height = scene.clientHeight;
  view.gutter = view.width < NARROW ? 112 : 176;
  for (const brush of [stage, above]) {
    brush.canvas.width = Math.round(view.width * dots);
    brush.canvas.height = Math.round(view.height * dots);
    brush.setTransform(dots, 0, 0, dots, 0, 0);
  }
  resizeOverview(dots);
  stageDue = true;
  frame(performance.now());
}

function clipped(brush, x, y, width, height, paint) {
  brush.save();
  brush.beginPath();
  brush.rect(x, y, width, height);
  brush.clip();
  paint();
  brush.restore();
}

const widths = new Map();

function textWidth(brush, text) {
  const key = brush.font + text;
  if (!widths.has(key)) {
    if (widths.size > 20000) widths.clear();
    widths.set(key, brush.measureText(text).width);
  }
  return widths.get(key);
}

/// Returns `text`, shortened to fit into `space` pixels. If the text ends in a number, the number is kept.
function shortened(brush, text, space) {
  const width = textWidth(brush, text);
  if (width <= space) return text;
  const letters = Math.floor((text.length * (space - 10)) / width);
  const [end] = text.match(/\d{0,6}$/);
  if (letters < Math.max(4, end.length)) return "";
  return `${text.slice(0, letters - end.length)}…${end}`;
}

function write(brush, text, x, y, colour, { font = FONT, align = "left" } = {}) {
  brush.font = font;
  brush.textAlign = align;
  brush.textBaseline = "middle";
  brush.fillStyle = colour;
  brush.fillText(text, x, y);
}

/// Reduces the level of detail of consecutive intervals. Calls `wide(row, left, right)` for each interval
/// that is at least 1.5 pixels wide. Calls `thin(x, cover, row, count)` once for all thinner intervals in a
/// column of pixels: `cover` is the share of the column that they fill, and `row` is the longest of them. So
/// at most two things are painted per pixel, however many intervals there are.
function eachColumn(rows, low, high, begins, ends, wide, thin) {
  let column = -1e9;
  let cover = 0;
  let longest = -1;
  let count = 0;
  let width = 0;
  const scale = plotWidth() / (view.to - view.from);
  const origin = view.gutter - view.from * scale;
  const flush = () => {
    if (count > 0) thin(column, Math.min(1, cover), longest, count);
    count = cover = width = 0;
  };
  for (let i = firstAbove(rows, low, high, ends, view.from - 1e-9); i < high; i++) {
    const row = rows[i];
    const left = origin + begins[row] * scale;
    if (left > view.width) break;
    const right = origin + ends[row] * scale;
    if (right - left >= 1.5) {
      flush();
      column = -1e9;
      wide(row, Math.max(left, view.gutter - 2), Math.min(right, view.width + 2));
      continue;
    }
    const pixel = Math.floor(left);
    if (pixel !== column) {
      flush();
      column = pixel;
    }
    cover += right - left;
    if (count++ === 0 || right - left > width) {
      longest = row;
      width = right - left;
    }
  }
  flush();
}
