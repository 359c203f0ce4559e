// Paints what is the same for all rows: the strip with the whole run, the two curves, and the axis.

const AXIS_HEIGHT = 24;
// Each run has two curves. With several runs the curves are lower. With more than three runs there are no
// curves, because the rows need the space.
const CURVES = run.runs.slice(0, run.runs.length > 3 ? 0 : 3).flatMap(({ name, flight, once, most }) => [
  { name: run.runs.length > 1 ? `in flight · ${visible(name)}` : "in flight", remark: "concurrency", colour: "flight", of: flight, most: most[0] },
  { name: run.runs.length > 1 ? `at once · ${visible(name)}` : "at once", remark: "parallelism", colour: "once", of: once, most: most[1] },
]);

/// Returns the height of a curve. If there are few threads, the curves get the space that the threads leave
/// on the screen.
function curveHeight() {
  const spare = view.by === "worker" ? view.height - AXIS_HEIGHT - rowCount() * MOST_LANE : 0;
  return Math.round(Math.min(110, Math.max(run.runs.length > 1 ? 30 : 54, spare / Math.max(1, CURVES.length))));
}

function curvesHeight() {
  return CURVES.length * curveHeight() + AXIS_HEIGHT;
}

/// Returns the index of the last step at or before `time`.
function stepAt(curve, time) {
  let low = 0;
  let high = curve.at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve.at[middle] > time) high = middle;
    else low = middle + 1;
  }
  return Math.max(0, low - 1);
}

function valueAt(curve, time) {
  return curve.value[stepAt(curve, time)];
}

function paintCurves() {
  stage.fillStyle = colours.panel;
  stage.fillRect(0, 0, view.width, view.top);
  const height = curveHeight();
  CURVES.forEach((curve, i) => paintCurve(curve, i * height, height));
  paintAxis(CURVES.length * height);
}

/// Draws a curve pixel by pixel: a line at the highest value within each pixel, a light band down to the
/// lowest value, and an area up to the mean.
function paintCurve(curve, top, height) {
  const { of, most, colour } = curve;
  const base = top + height - 3;
  const scale = (height - 14) / Math.max(1, most);
  let i = stepAt(of, view.from);
  let before = of.value[i];
  stage.fillStyle = colours[colour];
  for (let x = view.gutter; x < view.width - MARGIN; x++) {
    const from = timeAt(x);
    const until = timeAt(x + 1);
    let [low, high, sum, since] = [of.value[i], of.value[i], 0, from];
    while (i + 1 < of.at.length && of.at[i + 1] < until) {
      const at = Math.max(from, of.at[i + 1]);
      sum += of.value[i] * (at - since);
      since = at;
      i++;
      low = Math.min(low, of.value[i]);
      high = Math.max(high, of.value[i]);
    }
    const mean = (sum + of.value[i] * (until - since)) / (until - from);
    stage.globalAlpha = 0.3;
    stage.fillRect(x, base - mean * scale, 1, mean * scale);
    stage.globalAlpha = 0.18;
    stage.fillRect(x, base - high * scale, 1, (high - low) * scale);
    stage.globalAlpha = 1;
    stage.fillRect(x, base - high * scale - 0.75, 1, 1.5);
    // The vertical steps are paler than the line. Otherwise a curve that often rises and falls would become
    // one dark patch.
    stage.globalAlpha = 0.45;
    stage.fillRect(x, base - Math.max(high, before) * scale, 1, Math.abs(high - before) * scale);
    stage.globalAlpha = 1;
    before = high;
  }
  stage.fillStyle = colours.line;
  stage.fillRect(0, base, view.width, 1);
  stage.font = FONT;
  write(stage, shortened(stage, curve.name, view.gutter - 60), 16, top + 18, colours.ink);
  if (height >= 54) write(stage, curve.remark, 16, top + 35, colours.quiet, { font: SMALL });
  const numberFont = FONT.replace("12px", "600 13px");
  write(stage, number(most), view.gutter - 10, top + 18, colours[colour], { font: numberFont, align: "right" });
  if (height >= 54 && view.width >= NARROW) write(stage, "at most", view.gutter - 10, top + 35, colours.quiet, { font: SMALL, align: "right" });
}

function ticks() {
  const step = roundStep(nanosPerPixel() * 96);
  const found = [];
  for (let i = Math.ceil(view.from / step); i * step <= view.to; i++) found.push(i * step);
  return { step, found };
}

function paintGrid() {
  stage.fillStyle = colours.lane;
  const height = Math.min(view.height - view.top, contentHeight());
  for (const time of ticks().found) stage.fillRect(Math.round(xOf(time)), view.top, 1, height);
}

function paintAxis(top) {
  const { step, found } = ticks();
  stage.fillStyle = colours.line;
  stage.fillRect(0, top + AXIS_HEIGHT - 1, view.width, 1);
  for (const time of found) {
    const x = Math.round(xOf(time));
    stage.fillStyle = colours.line;
    stage.fillRect(x, top + AXIS_HEIGHT - 6, 1, 6);
    const text = instant(time, step);
    stage.font = SMALL;
    if (x + 4 + textWidth(stage, text) < view.width) write(stage, text, x + 4, top + 11, colours.quiet, { font: SMALL });
  }
}

// The strip is painted once for each size and theme. After that, only the frame around the window moves over
// it.

const overview = byId("overview").getContext("2d");
let film = null;

function resizeOverview(dots) {
  const { canvas } = overview;
  canvas.width = Math.round(canvas.clientWidth * dots);
  canvas.height = Math.round(canvas.clientHeight * dots);
  overview.setTransform(dots, 0, 0, dots, 0, 0);
  film = null;
}

function overviewX(time) {
  return view.gutter + (time / LENGTH) * plotWidth();
}

function paintOverview() {
  const { canvas } = overview;
  const height = canvas.clientHeight;
  const key = `${canvas.width} ${themeShown()}`;
  if (film?.key !== key) film = { key, picture: paintFilm(canvas, height) };
  overview.clearRect(0, 0, canvas.clientWidth, height);
  overview.drawImage(film.picture, 0, 0, canvas.clientWidth, height);
  const left = overviewX(view.from);
  const right = overviewX(view.to);
  overview.fillStyle = colours.paper;
  overview.globalAlpha = 0.65;
  overview.fillRect(view.gutter, 0, left - view.gutter, height);
  overview.fillRect(right, 0, view.gutter + plotWidth() - right, height);
  overview.globalAlpha = 1;
  overview.strokeStyle = colours.accent;
  overview.lineWidth = 1.5;
  overview.strokeRect(left + 0.75, 0.75, Math.max(3, right - left - 1.5), height - 1.5);
}

/// Paints the number of busy workers over the whole run, as an area.
function paintFilm(canvas, height) {
  const picture = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const brush = picture.getContext("2d");
  const dots = canvas.width / Math.max(1, canvas.clientWidth);
  brush.scale(dots, dots);
  const columns = new Float64Array(Math.ceil(plotWidth()) + 1);
  const scale = plotWidth() / LENGTH;
  run.polls.begin.forEach((begin, poll) => {
    if (run.lanes[rowOfLane[run.polls.lane[poll]]].kind !== "w") return;
    const end = run.polls.end[poll] * scale;
    for (let x = begin * scale; x < end; x = Math.floor(x) + 1) {
      columns[Math.floor(x)] += Math.min(end, Math.floor(x) + 1) - x;
    }
  });
  write(brush, "whole run", 16, height / 2 - 8, colours.ink);
  write(brush, `${given.worker}s busy`, 16, height / 2 + 8, colours.quiet, { font: SMALL });
  brush.fillStyle = colours.lane;
  brush.fillRect(view.gutter, 0, plotWidth(), height);
  brush.fillStyle = colours.once;
  columns.forEach((busy, x) => {
    const part = Math.min(1, busy / Math.max(1, run.workers)) * (height - 6);
    if (part > 0) brush.fillRect(view.gutter + x, height - Math.max(1, part), 1, Math.max(1, part));
  });
  return picture;
}
