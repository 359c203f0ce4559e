// The view by worker. It has a lane (a row) for each thread, with the tasks that the thread polled and the
// times in which it was parked.

const MARKS = {
  i: ["▲", "I/O ready"],
  f: ["◆", "timers fired"],
  t: ["●", "stole tasks"],
  w: ["▼", "woke"],
  z: ["■", "stranded"],
};

/// Returns the part of a lane in which polls are drawn. Marks are drawn in the strip below it.
function laneBody(row) {
  const top = rowTop(row) + 5;
  return { top, height: rowHeight() - 19 };
}

function paintLanes() {
  const [first, last] = rowsShown();
  for (let row = first; row < last; row++) {
    const lane = run.lanes[row];
    paintLaneName(lane, row);
    clipped(stage, view.gutter, rowTop(row), view.width - view.gutter - MARGIN + 1, rowHeight(), () => {
      paintParks(lane.index, row);
      paintPolls(lane.index, row);
      paintMarks(lane.index, row);
    });
  }
}

/// Returns the label of a thread. If there are several runs, the label includes the name of the thread's run.
function laneLabel({ name, run: home }) {
  return run.runs.length > 1 ? `${visible(run.runs[home].name)} · ${name}` : name;
}

function paintLaneName(lane, row) {
  const top = rowTop(row);
  const { polls, busy } = laneInView(lane.index);
  stage.fillStyle = colours.line;
  stage.fillRect(0, Math.round(top + rowHeight()) - 1, view.width, 1);
  const middle = top + rowHeight() / 2 - 1;
  stage.font = FONT;
  write(stage, shortened(stage, laneLabel(lane), view.gutter - 28), 16, middle - 8, colours.ink);
  // Show the colour of this worker in the view by task.
  stage.fillStyle = lane.kind === "w" ? colourOfLane(row) : colours.line;
  stage.fillRect(0, top + 5, 4, rowHeight() - 19);
  const share = percent(busy / (view.to - view.from));
  const words = polls > 0 ? `busy ${share}, ${counted(polls, "poll")}` : lane.kind === "o" ? "from outside" : "no polls";
  write(stage, words, 16, middle + 8, colours.quiet, { font: SMALL });
}

/// Returns how many polls of a thread are within the window, and how long they took there.
function laneInView(lane) {
  const { start, rows } = run.pollsOfLane;
  const { begin, end } = run.polls;
  let polls = 0;
  let busy = 0;
  for (let i = firstAbove(rows, start[lane], start[lane + 1], end, view.from - 1e-9); i < start[lane + 1]; i++) {
    const poll = rows[i];
    if (begin[poll] > view.to) break;
    polls++;
    busy += Math.min(end[poll], view.to) - Math.max(begin[poll], view.from);
  }
  return { polls, busy };
}

function paintParks(lane, row) {
  const { start, rows } = run.parksOfLane;
  const { top, height } = laneBody(row);
  stage.fillStyle = stage.createPattern(hatch, "repeat");
  const paint = (x, width) => stage.fillRect(x, top, width, height);
  eachColumn(rows, start[lane], start[lane + 1], run.parks.from, run.parks.to,
    (_, left, right) => paint(left, right - left),
    (x, cover) => cover > 0.5 && paint(x, 1));
}

function paintPolls(lane, row) {
  const { start, rows } = run.pollsOfLane;
  const { task, begin, end } = run.polls;
  const { top, height } = laneBody(row);
  stage.font = SMALL;
  stage.textAlign = "left";
  stage.textBaseline = "middle";
  eachColumn(rows, start[lane], start[lane + 1], begin, end,
    (poll, left, right) => {
      const shown = passes(task[poll]);
      stage.globalAlpha = shown ? 1 : 0.15;
      stage.fillStyle = colourOf(task[poll]);
      // Leave a thin gap between consecutive polls, so that they do not look like one.
      const width = right - left > 4 ? right - left - 0.75 : right - left;
      stage.fillRect(left, top, width, height);
      paintOffCore(poll, left, width, top, height);
      if (width > 26 && shown) {
        stage.fillStyle = colours.label;
        stage.fillText(shortened(stage, run.tasks[task[poll]].label, width - 10), Math.max(left, view.gutter) + 5, top + height / 2);
      }
    },
    (x, cover, poll) => {
      // The height of the column is the share of its time that was spent in polls.
      const part = Math.max(3, height * cover);
      stage.globalAlpha = passes(task[poll]) ? 1 : 0.15;
      stage.fillStyle = colourOf(task[poll]);
      stage.fillRect(x, top + height - part, 1, part);
    });
  stage.globalAlpha = 1;
}

function paintMarks(lane, row) {
  const { start, rows } = run.marksOfLane;
  const { at, letter } = run.marks;
  const y = rowTop(row) + rowHeight() - 8;
  const before = {};
  stage.font = '8px "Liberation Sans", "Segoe UI Symbol", "DejaVu Sans", sans-serif';
  stage.textAlign = "center";
  stage.textBaseline = "middle";
  for (let i = firstAbove(rows, start[lane], start[lane + 1], at, view.from); i < start[lane + 1]; i++) {
    const x = xOf(at[rows[i]]);
    if (x > view.width) break;
    const kind = String.fromCharCode(letter[rows[i]]);
    if (x - (before[kind] ?? -1e9) < 9) continue;
    before[kind] = x;
    stage.fillStyle = kind === "z" ? colours.bad : colours.quiet;
    stage.fillText(MARKS[kind][0], x, y);
  }
}

/// At the bottom of a poll, paints how long its thread had no core: first the blocked time, then the time in
/// which other threads had the core. The record shows only these lengths, not when they were within the poll.
function paintOffCore(poll, left, width, top, height) {
  const { blocked, taken, took } = run.polls;
  if (blocked[poll] + taken[poll] === 0 || took[poll] === 0) return;
  let x = left + width;
  for (const [time, colour] of [[taken[poll], colours.taken], [blocked[poll], colours.bad]]) {
    const part = (time / took[poll]) * width;
    x -= part;
    stage.fillStyle = colour;
    stage.fillRect(x, top + height - 6, part, 6);
  }
}

/// Returns what is under the mouse: `{ kind: "poll" | "park" | "mark" | "lane", … }`.
function hitLane(x, y) {
  const row = rowAt(y);
  if (row < 0) return null;
  const lane = run.lanes[row].index;
  if (x < view.gutter) return { kind: "lane", lane };
  if (y > rowTop(row) + rowHeight() - 13) {
    const mark = nearest(run.marksOfLane, lane, run.marks.at, run.marks.at, x, 6);
    if (mark) return { kind: "mark", mark: mark.row };
  }
  const poll = nearest(run.pollsOfLane, lane, run.polls.begin, run.polls.end, x, 3);
  if (poll) return { kind: "poll", poll: poll.row, beside: poll.count - 1 };
  const park = nearest(run.parksOfLane, lane, run.parks.from, run.parks.to, x, 0);
  if (park) return { kind: "park", park: park.row };
  return { kind: "lane", lane };
}

/// Returns the interval of `owner` that is nearest to `x` and at most `reach` pixels away. If several are
/// equally near, returns the longest. Also returns how many intervals are at most a pixel away.
function nearest({ start, rows }, owner, begins, ends, x, reach) {
  const time = timeAt(x);
  const slack = nanosPerPixel();
  const most = start[owner + 1];
  let found = null;
  let count = 0;
  for (let i = firstAbove(rows, start[owner], most, ends, time - slack * reach - 1e-9); i < most; i++) {
    const row = rows[i];
    if (begins[row] > time + slack * reach) break;
    const away = Math.max(begins[row] - time, time - ends[row], 0) / slack;
    if (away <= 1) count++;
    // Prefer an interval that is nearer by half a pixel or more. If two are equally near, prefer the longer
    // one.
    const better = found === null || away < found.away - 0.5 || (away <= found.away + 0.5 && ends[row] - begins[row] > found.length);
    if (better) found = { row, away, length: ends[row] - begins[row] };
  }
  return found && { row: found.row, count: Math.max(1, count) };
}
