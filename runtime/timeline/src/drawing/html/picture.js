// The picture: the strip with the whole run, the curves, the axis, the rows, and the overlay. It is painted
// at most once per frame.

// Each run has two curves. With more than three runs there are no curves, because the rows need the space.
const CURVES = run.runs.slice(0, run.runs.length > 3 ? 0 : 3).flatMap(({ name, flight, once }) => {
  const of = run.runs.length > 1 ? ` · ${name}` : "";
  return [
    { ...flight, term: "in flight", name: `in flight${of}`, remark: "concurrency", colour: "flight" },
    { ...once, term: "at once", name: `at once${of}`, remark: "parallelism", colour: "once" },
  ];
});

let due = false;
let strip = {}; // the outline in the strip, and the width that it was computed for

function redraw() {
  if (!due) requestAnimationFrame(frame);
  due = true;
}

function frame() {
  due = false;
  layOut();
  lookAt(view.pointer);
  paintPicture();
  describeWindow();
}

/// Sets the resolution of the canvas. This clears the canvas, so the function also paints it immediately.
function resize() {
  const dots = window.devicePixelRatio || 1;
  [view.width, view.height] = [scene.clientWidth, scene.clientHeight];
  view.gutter = view.width < NARROW ? 112 : run.runs.length > 1 ? 240 : 176;
  [scene.width, scene.height] = [Math.round(view.width * dots), Math.round(view.height * dots)];
  pen.scale(dots, dots);
  frame();
}

function layOut() {
  view.top = STRIP + CURVES.length * curveHeight() + AXIS;
  view.scroll = fitScroll(view.scroll);
  const bar = byId("scroller");
  bar.style.top = `${view.top}px`;
  bar.firstElementChild.style.height = `${contentHeight()}px`;
  if (Math.abs(bar.scrollTop - view.scroll) > 1) bar.scrollTop = view.scroll;
}

function paintPicture() {
  const step = roundStep(nanosPerPixel() * 96);
  const ticks = [];
  for (let tick = Math.ceil(view.from / step); tick * step <= view.to; tick++) ticks.push(tick * step);
  const rows = Math.min(space(), contentHeight());
  box(0, 0, view.width, view.height, colours.paper);
  box(0, STRIP, view.width, view.top - STRIP + rows, colours.panel);
  paintStrip();
  CURVES.forEach(paintCurve);
  for (const time of ticks) {
    const x = Math.round(xOf(time));
    box(x, view.top - 6, 1, 6, colours.line);
    box(x, view.top, 1, rows, colours.lane);
    const words = instant(time, step);
    if (x + 4 + widthOf(words, SMALL) < view.width) write(words, x + 4, view.top - 13, colours.quiet, SMALL);
  }
  box(0, view.top - 1, view.width, 1, colours.line);
  clip(0, view.top, view.width, space(), paintRows);
  paintOverlay();
}

/// Calls `paint(x, high, mean)` for each column of pixels, with the curve's highest and mean value there.
function eachPixel({ at, value }, timeOf, paint) {
  let step = stepAt(at, timeOf(view.gutter));
  for (let x = view.gutter; x < plotEnd(); x++) {
    const [from, to] = [timeOf(x), timeOf(x + 1)];
    let [high, area, since] = [value[step], 0, from];
    for (; at[step + 1] < to; step++) {
      area += value[step] * (Math.max(from, at[step + 1]) - since);
      since = Math.max(from, at[step + 1]);
      high = Math.max(high, value[step + 1]);
    }
    paint(x, high, (area + value[step] * (to - since)) / (to - from));
  }
}

function stepAt(at, time) {
  return Math.max(0, firstAbove(0, at.length, (step) => at[step], time) - 1);
}

function paintStrip() {
  const [left, right] = [stripX(view.from), stripX(view.to)];
  if (strip.width !== plotWidth()) strip = { width: plotWidth(), outline: outlineOfRuns() };
  paintNames("whole run", "at once", STRIP / 2);
  box(view.gutter, 0, plotWidth(), STRIP, colours.lane);
  path(strip.outline, { fill: colours.once });
  box(view.gutter, 0, left - view.gutter, STRIP, colours.paper, 0.65);
  box(right, 0, plotEnd() - right, STRIP, colours.paper, 0.65);
  const look = { stroke: colours.accent, width: 1.5 };
  outline(left + 0.75, 0.75, Math.max(3, right - left - 1.5), STRIP - 1.5, look);
}

/// Returns an outline. Its height at each pixel shows how many tasks of all runs ran at once, on average.
function outlineOfRuns() {
  const means = new Float64Array(Math.ceil(plotWidth()));
  const add = (x, high, mean) => (means[x - view.gutter] += mean);
  for (const { once } of run.runs) eachPixel(once, stripTime, add);
  const scale = (STRIP - 6) / Math.max(1, ...means);
  const top = (mean) => STRIP - (mean > 0 ? Math.max(1, Math.round(mean * scale)) : 0);
  return `M${view.gutter} ${STRIP}${Array.from(means, (mean) => `V${top(mean)}h1`).join("")}V${STRIP}`;
}

function outline(x, y, width, height, look) {
  path(`M${x} ${y}h${width}v${height}h${-width}z`, look);
}

function paintNames(name, remark, y) {
  write(shortened(name, view.gutter - 28), 16, y - 8, colours.ink);
  write(shortened(remark, view.gutter - 28, SMALL), 16, y + 8, colours.quiet, SMALL);
}

/// Returns the height of a curve. If there are few threads, the curves share the unused space.
function curveHeight() {
  const spare = byWorker() ? view.height - STRIP - AXIS - view.rows.length * LANE_HEIGHTS[1] : 0;
  return Math.round(clamp(spare / Math.max(1, CURVES.length), run.runs.length > 1 ? 30 : 54, 110));
}

/// Paints a curve: a line at the highest value in each pixel, an area up to the mean, and a light band
/// between the two.
function paintCurve(curve, i) {
  const height = curveHeight();
  const top = STRIP + i * height;
  const base = top + height - 3;
  const colour = colours[curve.colour];
  const scale = (height - 14) / Math.max(1, curve.most);
  let before = base;
  eachPixel(curve, timeAt, (x, high, mean) => {
    const y = base - high * scale;
    box(x, base - mean * scale, 1, mean * scale, colour, 0.3);
    if ((high - mean) * scale > 0.5) box(x, y, 1, (high - mean) * scale, colour, 0.18);
    box(x, y - 0.75, 1, 1.5, colour);
    // Make the vertical steps paler. Otherwise a curve with many steps would become a dark patch.
    if (y !== before) box(x, Math.min(y, before), 1, Math.abs(y - before), colour, 0.45);
    before = y;
  });
  box(0, base, view.width, 1, colours.line);
  write(shortened(curve.name, view.gutter - 60), 16, top + 18, colours.ink);
  write(number(curve.most), view.gutter - 10, top + 18, colour, FONT.replace("12px", "600 13px"), "end");
  if (height < 54 || view.width < NARROW) return;
  write(curve.remark, 16, top + 35, colours.quiet, SMALL);
  write("at most", view.gutter - 10, top + 35, colours.quiet, SMALL, "end");
}

/// Saves the visible picture as an SVG file, below a heading that names the run.
function saveSvg() {
  const picture = (sheet = byId("sheet").content.firstElementChild.cloneNode(true));
  const title = byId("title").textContent;
  const head = 32;
  sheet.setAttribute("viewBox", `0 ${-head} ${view.width} ${view.height + head}`);
  sheet.querySelector("path").setAttribute("stroke", colours.asleep);
  box(0, -head, view.width, head, colours.paper);
  write(`${title}: ${byId("span").textContent}`, 16, -head / 2, colours.ink);
  paintPicture();
  sheet = null;
  const file = new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" });
  const link = element("a", "", { download: `${title}.svg`, href: URL.createObjectURL(file) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
