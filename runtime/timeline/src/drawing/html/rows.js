// The view by task. It has a row for each task, with its states from its spawn to its end. The states differ
// in height as well as in colour. A running task fills the row, in its worker's colour. A ready task is
// lower. A waiting task is a line, which is broken if nothing holds the waker.

function paintRows() {
  const [first, last] = rowsShown();
  const height = rowHeight();
  const gap = height >= 8 ? 2 : height >= 4 ? 1 : 0;
  clipped(stage, view.gutter, view.top, view.width - view.gutter - MARGIN, view.height, () => {
    for (let row = first; row < last; row++) paintRow(view.rows[row], rowTop(row), height, gap);
  });
  paintRowNames(first, last, height);
}

function paintRow(task, top, height, gap) {
  const life = run.tasks[task];
  if (life.born < 0) return;
  const left = Math.max(view.gutter, xOf(life.born));
  const right = Math.min(view.width - MARGIN, xOf(life.over < 0 ? run.runs[life.run].length : life.over));
  if (right < view.gutter || left > view.width) return;
  // Draw the waiting line over the whole life, because the other two states are drawn over it.
  const line = height >= 8 ? 2 : 1;
  stage.fillStyle = colours.waiting;
  // If rows are too low to have space between them, adjacent lines would look like one area, so draw them
  // paler.
  stage.globalAlpha = height >= 6 ? 1 : height >= 3 ? 0.7 : 0.4;
  stage.fillRect(left, Math.round(top + (height - line) / 2), Math.max(1, right - left), line);
  stage.globalAlpha = 1;
  if (life.strandedAt >= 0) paintStranded(Math.max(left, xOf(life.strandedAt)), right, top + height / 2, height);

  const { start, rows } = run.spansOfTask;
  const { from, to, state, poll } = run.spans;
  const full = height - gap;
  const low = height >= 4 ? Math.max(2, Math.round(full * 0.45)) : full;
  const lowTop = top + (height - low) / 2;
  const clip = (x) => Math.max(view.gutter, x);
  let lastRun = -1;
  const paint = (span, x, width) => {
    if (state[span] === RUNNING) {
      lastRun = Math.floor(x);
      stage.fillStyle = colourOfLane(rowOfLane[run.polls.lane[poll[span]]]);
      stage.fillRect(x, top + gap / 2, width, full);
      if (width > 48 && height >= 14) writeLane(poll[span], x, width, top + height / 2);
    } else if (state[span] === READY && Math.floor(x) !== lastRun) {
      stage.fillStyle = colours.ready;
      stage.fillRect(x, lowTop, width, low);
    }
  };
  eachColumn(rows, start[task], start[task + 1], from, to,
    (span, x, end) => state[span] !== WAITING && end > view.gutter && paint(span, clip(x), end - clip(x)),
    // If a column of pixels contains several states, show running, because it matters most.
    (x, _, span, count) => {
      if (x < view.gutter) return;
      const important = count > 1 ? runningNear(rows, span, task, x) : span;
      paint(important, x, 1);
    });
  if (height >= 8) paintEnding(life, right, top + height / 2);
}

/// Paints a stranded task as a broken line in the colour of failures.
function paintStranded(left, right, y, height) {
  const line = height >= 8 ? 4 : Math.max(1, height / 2);
  stage.fillStyle = colours.panel;
  stage.fillRect(left, y - line / 2, right - left, line);
  stage.strokeStyle = colours.bad;
  stage.lineWidth = line;
  stage.setLineDash([9, 6]);
  stage.beginPath();
  stage.moveTo(left, y);
  stage.lineTo(right, y);
  stage.stroke();
  stage.setLineDash([]);
}

/// Returns a span in which the task was running within the column of pixels at `x`. If there is none, returns
/// `span`.
function runningNear(rows, span, task, x) {
  const low = timeAt(x);
  const high = timeAt(x + 1);
  const { start } = run.spansOfTask;
  const { from, state, to } = run.spans;
  for (let i = firstAbove(rows, start[task], start[task + 1], to, low); i < start[task + 1]; i++) {
    if (from[rows[i]] > high) break;
    if (state[rows[i]] === RUNNING) return rows[i];
  }
  return span;
}

function writeLane(poll, x, width, y) {
  const lane = run.lanes[rowOfLane[run.polls.lane[poll]]];
  stage.font = SMALL;
  const text = shortened(stage, lane.name, width - 8);
  write(stage, text, x + 5, y, colours.panel, { font: SMALL });
}

/// Paints how a task ended: a dot if it is done, a cross if it panicked, or a ring if it was cancelled.
function paintEnding(life, x, y) {
  if (life.over < 0 || x < view.gutter || xOf(life.over) > view.width - MARGIN + 1) return;
  stage.lineWidth = 1.5;
  stage.beginPath();
  if (life.ending === PANICKED) {
    stage.strokeStyle = colours.bad;
    stage.lineWidth = 2;
    stage.moveTo(x - 4, y - 4);
    stage.lineTo(x + 4, y + 4);
    stage.moveTo(x + 4, y - 4);
    stage.lineTo(x - 4, y + 4);
    stage.stroke();
    return;
  }
  stage.arc(x, y, 3, 0, 2 * Math.PI);
  stage.fillStyle = life.ending === DONE ? colours.ink : colours.panel;
  stage.fill();
  stage.strokeStyle = colours.ink;
  stage.stroke();
}

function paintRowNames(first, last, height) {
  stage.fillStyle = colours.panel;
  stage.fillRect(0, view.top, view.gutter, Math.min(view.height - view.top, contentHeight()));
  // If rows are lower than a line of text, several rows share one name.
  const every = height >= 11 ? 1 : roundStep(16 / height);
  for (let row = Math.ceil(first / every) * every; row < last; row += every) {
    // Keep the first name below the axis, which would hide half of it.
    const y = every === 1 ? rowTop(row) + height / 2 : Math.max(view.top + 8, rowTop(row) + height / 2);
    const { label } = run.tasks[view.rows[row]];
    stage.font = height >= 14 ? FONT : SMALL;
    write(stage, shortened(stage, label, view.gutter - 28), 16, y, every === 1 ? colours.ink : colours.quiet, { font: stage.font });
    if (every > 1) {
      stage.fillStyle = colours.line;
      stage.fillRect(view.gutter - 6, Math.round(y), 5, 1);
    }
  }
}

function hitTask(x, y) {
  const row = rowAt(y);
  if (row < 0) return null;
  const task = view.rows[row];
  if (x < view.gutter) return { kind: "task", task };
  const poll = nearest(run.pollsOfTask, task, run.polls.begin, run.polls.end, x, 2);
  if (poll) return { kind: "poll", poll: poll.row, beside: poll.count - 1 };
  const span = nearest(run.spansOfTask, task, run.spans.from, run.spans.to, x, 0);
  if (span) return { kind: "span", span: span.row };
  return { kind: "task", task };
}

function hit(x, y) {
  return view.by === "worker" ? hitLane(x, y) : hitTask(x, y);
}
