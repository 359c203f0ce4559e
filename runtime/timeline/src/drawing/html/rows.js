// Paints the rows, and finds the thing under the mouse in them.

const SIGN = ["▲", "◆", "●", "▼", "■"];
const MARK = ["I/O ready", "timers fired", "stole tasks", "woke", "stranded"];
const [STOLE, WOKE, STRANDED] = [2, 3, 4];

function paintRows() {
  const first = Math.floor(view.scroll / rowHeight());
  const last = Math.min(view.rows.length, Math.ceil((view.scroll + space()) / rowHeight()));
  const shown = view.rows.slice(first, last);
  if (byWorker()) shown.forEach(paintLaneName);
  else paintTaskNames(first, last);
  clip(view.gutter, view.top, plotWidth() + 1, space(), () => {
    shown.forEach((of, i) => (byWorker() ? paintLane(of) : paintTask(of, first + i)));
  });
}

/// Calls `paint(row, left, width, cover)` for the intervals of a group. Each interval of at least 1.5 pixels
/// gets its own call. Thinner intervals that follow one another in one column of pixels share a call: `cover`
/// is the part of the column that they fill, and `row` is the longest of them. So the number of pixels limits
/// the number of calls.
function eachBar(index, group, table, paint) {
  const { from, to } = table;
  const scale = 1 / nanosPerPixel();
  const origin = view.gutter - view.from * scale;
  let [column, cover, longest, width] = [-1, 0, -1, 0];
  const flush = () => {
    if (longest >= 0) paint(longest, column, 1, Math.min(1, cover));
    [cover, longest, width] = [0, -1, 0];
  };
  for (const row of within(index, group, table, view)) {
    const left = Math.max(view.gutter, origin + from[row] * scale);
    const wide = origin + to[row] * scale - left;
    if (wide >= 1.5) {
      flush();
      paint(row, left, Math.min(wide, view.width - left), 1);
      continue;
    }
    if (Math.floor(left) !== column) flush();
    column = Math.floor(left);
    cover += wide;
    if (longest < 0 || wide > width) [longest, width] = [row, wide];
  }
  flush();
}

// The view by worker has a row for each thread, with the polls and the parks of that thread.

function laneName(lane) {
  const { name, run: home } = run.lanes[lane];
  return run.runs.length > 1 ? `${name} · ${run.runs[home].name}` : name;
}

const lengthOfRun = (lane) => run.runs[run.lanes[lane].run].length;

function paintLaneName(lane) {
  const polls = within(run.pollsOfLane, lane, run.polls, view);
  const off = within(run.offOfLane, lane, run.off, view);
  const taken = sum(off, (row) => run.off.taken[row] * overlap(run.off, row, view));
  // A run may end before the window does.
  const length = Math.max(1, Math.min(view.to, lengthOfRun(lane)) - view.from);
  const share = percent(sum(polls, (poll) => overlap(run.polls, poll, view)) / length);
  const busy = polls.length > 0 ? `busy ${share}, ${counted(polls.length, "poll")}` : "no polls";
  const { top, height } = rowBody(lane);
  const third = taken > 0 && height >= 35;
  const middle = rowTop(lane) + rowHeight() / 2 - (third ? 9 : 1);
  box(0, Math.round(rowTop(lane + 1)) - 1, view.width, 1, colours.line);
  paintNames(laneName(lane), busy, middle);
  if (third) write(`without a core ${duration(taken)}`, 16, middle + 24, colours.taken, SMALL);
  // Show the colour that this worker has in the view by task.
  box(0, top, 4, height, run.lanes[lane].kind === "worker" ? colourOfLane(lane) : colours.line);
}

function paintLane(lane) {
  const { top, height } = rowBody(lane);
  eachBar(run.parksOfLane, lane, run.parks, (_, x, width, cover) => {
    if (cover > 0.5) box(x, top, width, height, HATCH);
  });
  eachBar(run.pollsOfLane, lane, run.polls, (poll, x, width, cover) => {
    const task = run.polls.task[poll];
    const shown = view.rowOfTask[task] >= 0;
    // Several thin polls are drawn as one bar, whose height shows the share of time that they took. Between
    // wide polls, leave a thin gap, so that they do not look like one poll.
    const part = Math.max(3, height * cover);
    box(x, top + height - part, width > 4 ? width - 0.75 : width, part, colourOfTask(task), shown ? 1 : 0.15);
    const name = width > 26 && shown ? shortened(run.names[task], width - 10, SMALL) : "";
    write(name, x + 5, top + height / 2, colours.label, SMALL);
  });
  // A line at the bottom of the polls shows when the thread was blocked or had no core.
  const foot = Math.min(6, Math.round(height / 4));
  eachBar(run.offOfLane, lane, run.off, (row, x, width, cover) => {
    const colour = run.off.taken[row] ? colours.taken : colours.bad;
    box(x, top + height - foot, width, foot, colour, Math.max(0.4, cover));
  });
  const last = [];
  for (const mark of within(run.marksOfLane, lane, run.marks, view)) {
    const kind = run.marks.kind[mark];
    const x = xOf(run.marks.from[mark]);
    // If signs of one kind would cover one another, draw only the first of them.
    if (x - last[kind] < 9) continue;
    last[kind] = x;
    const colour = kind === STRANDED ? colours.bad : colours.quiet;
    write(SIGN[kind], x, rowTop(lane + 1) - 8, colour, SIGNS, "center");
  }
}

// The view by task has a row for each task, from its spawn to its end. The states differ in height and
// colour. A running task fills the row, in its worker's colour. A ready task fills less of the row. A waiting
// task is a line, which is broken if nothing holds the waker.

function paintTask(task, row) {
  const { from, to, stranded, ending } = run.tasks;
  const left = Math.max(view.gutter, xOf(from[task]));
  const right = Math.min(plotEnd(), xOf(to[task]));
  if (from[task] < 0 || right < view.gutter || left > view.width) return;
  const { top, height } = rowBody(row);
  const middle = top + height / 2;
  // Draw the waiting line over the whole life of the task. The other two states are drawn over it later. Draw
  // the line paler if there is no space between rows, because adjacent lines would look like one area.
  const line = height >= 6 ? 2 : 1;
  const alpha = height >= 5 ? 1 : height >= 3 ? 0.7 : 0.4;
  box(left, Math.round(middle - line / 2), Math.max(1, right - left), line, colours.waiting, alpha);
  if (stranded[task] >= 0) {
    const [begin, width] = [Math.max(left, xOf(stranded[task])), height >= 6 ? 4 : Math.max(1, height / 2)];
    box(begin, middle - width / 2, right - begin, width, colours.panel);
    path(`M${begin} ${middle}H${right}`, { stroke: colours.bad, width, dash: [9, 6] });
  }
  const low = height >= 3 ? Math.max(2, Math.round(height * 0.45)) : height;
  eachBar(run.readyOfTask, task, run.spans, (_, x, width, cover) => {
    if (cover > 0.3) box(x, middle - low / 2, width, low, colours.ready);
  });
  eachBar(run.pollsOfTask, task, run.polls, (poll, x, width) => {
    const lane = run.polls.lane[poll];
    box(x, top, width, height, colourOfLane(lane));
    const name = width > 48 && height >= 12 ? shortened(run.lanes[lane].name, width - 8, SMALL) : "";
    write(name, x + 5, middle, colours.panel, SMALL);
  });
  // The end: a dot for done, a cross for panicked, a ring for cancelled.
  if (height < 6 || ending[task] === OPEN || xOf(to[task]) > plotEnd() + 1) return;
  const [x, y] = [Math.min(right, plotEnd() - 3), middle];
  const fill = ending[task] === DONE ? colours.ink : colours.panel;
  if (ending[task] === PANICKED) path(`M${x - 4} ${y - 4}l8 8m0-8l-8 8`, { stroke: colours.bad, width: 2 });
  else path(`M${x - 3} ${y}a3 3 0 1 0 6 0a3 3 0 1 0-6 0`, { fill, stroke: colours.ink, width: 1.5 });
}

function paintTaskNames(first, last) {
  const height = rowHeight();
  // If rows are lower than a line of text, several rows share one name.
  const every = height >= 11 ? 1 : roundStep(16 / height);
  const font = height >= READABLE ? FONT : SMALL;
  for (let row = Math.ceil(first / every) * every; row < last; row += every) {
    // Keep the first name below the axis. Otherwise the axis would hide half of the name.
    const y = Math.max(rowTop(row) + height / 2, every === 1 ? -Infinity : view.top + 8);
    const name = shortened(run.names[view.rows[row]], view.gutter - 28, font);
    write(name, 16, y, every === 1 ? colours.ink : colours.quiet, font);
    if (every > 1) box(view.gutter - 6, Math.round(y), 5, 1, colours.line);
  }
}

function hit(x, y) {
  const named = x < view.gutter;
  const curve = Math.floor((y - STRIP) / curveHeight());
  if (named && curve >= 0 && curve < CURVES.length) return { kind: "curve", row: curve };
  const row = rowAt(y);
  if (row < 0) return null;
  const of = view.rows[row];
  if (named) return { kind: byWorker() ? "lane" : "task", row: of };
  const layers = byWorker()
    ? [["poll", run.pollsOfLane, 3], ["park", run.parksOfLane, 0]]
    : [["poll", run.pollsOfTask, 2], ["span", run.spansOfTask, 0]];
  if (byWorker() && y > rowTop(row + 1) - 13) layers.unshift(["mark", run.marksOfLane, 6]);
  for (const [kind, index, reach] of layers) {
    const found = nearest(index, of, TABLES[kind], x, reach);
    if (found) return { kind, ...found };
  }
  return null;
}

/// Returns the interval of a group that is nearest to `x` and at most `reach` pixels away. If several
/// intervals are equally near, returns the longest. Also returns how many intervals are at most a pixel away.
function nearest(index, group, table, x, reach) {
  const [time, pixel] = [timeAt(x), nanosPerPixel()];
  const away = (row) => Math.round(Math.max(0, table.from[row] - time, time - table.to[row]) / pixel);
  const length = (row) => table.to[row] - table.from[row];
  const found = [...within(index, group, table, { from: time - reach * pixel, to: time + reach * pixel })];
  found.sort((a, b) => away(a) - away(b) || length(b) - length(a));
  return found.length > 0 && { row: found[0], count: found.filter((row) => away(row) <= 1).length };
}
