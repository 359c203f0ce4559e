// Paints the upper canvas: the vertical line under the mouse, the outlines of the pointed and the pinned
// thing, and the arrows of the wakes that led to a poll or were made in it.

const MOST_ARROWS = 60; // the maximum number of arrows for one poll; more would be an unreadable patch
const FROM_NOBODY = { [BY_IO]: "I/O", [BY_TIMER]: "timer", [BY_THREAD]: "outside", [BY_SPAWN]: "spawned" };

function paintAbove() {
  above.clearRect(0, 0, view.width, view.height);
  if (view.pointer && view.pointer.x >= view.gutter) paintCrosshair(view.pointer.x);
  if (view.box) paintBox();
  const things = [view.hover, view.pin].filter((thing) => thing !== null);
  clipped(above, view.gutter - 5, view.top, view.width - view.gutter - MARGIN + 5, view.height - view.top, () => {
    for (const thing of things) paintOutline(thing, thing === view.pin);
    const poll = (view.pin ?? view.hover)?.poll;
    if (poll !== undefined) paintArrows(poll);
    else if (view.pin === null && view.hover?.kind === "span") paintArrowOut(view.hover.span);
  });
}

function paintCrosshair(x) {
  above.fillStyle = colours.quiet;
  above.globalAlpha = 0.5;
  above.fillRect(Math.round(x), 0, 1, view.height);
  above.globalAlpha = 1;
  const time = timeAt(x);
  CURVES.forEach((curve, i) => {
    const text = number(valueAt(curve.of, time));
    tag(text, x, i * curveHeight() + 16, colours[curve.colour]);
  });
  tag(instant(time, roundStep(nanosPerPixel())), x, view.top - 12, colours.ink);
}

/// Draws a label beside the vertical line under the mouse, on the side that has enough space.
function tag(text, x, y, colour) {
  above.font = SMALL;
  const width = above.measureText(text).width + 10;
  const left = x + width + 8 > view.width - MARGIN ? x - width - 4 : x + 5;
  above.fillStyle = colours.panel;
  above.globalAlpha = 0.9;
  above.fillRect(left, y - 9, width, 18);
  above.globalAlpha = 1;
  write(above, text, left + 5, y, colour, { font: SMALL });
}

function paintBox() {
  const left = Math.max(view.gutter, Math.min(view.box.from, view.box.to));
  const right = Math.min(view.width - MARGIN, Math.max(view.box.from, view.box.to));
  above.fillStyle = colours.accent;
  above.globalAlpha = 0.18;
  above.fillRect(left, 0, right - left, view.height);
  above.globalAlpha = 1;
  above.fillRect(left, 0, 1, view.height);
  above.fillRect(right, 0, 1, view.height);
  tag(duration((right - left) * nanosPerPixel()), right, view.top - 12, colours.accent);
}

/// Returns the rectangle that a thing occupies on the screen, or `null` if its row is not visible.
function placeOf(thing) {
  const at = (row, from, to, body) => {
    if (row < 0) return null;
    const left = Math.max(view.gutter - 4, xOf(from));
    const right = Math.min(view.width, Math.max(xOf(to), xOf(from) + 2));
    return { left, width: right - left, ...body(row) };
  };
  const whole = (row) => ({ top: rowTop(row), height: Math.max(3, rowHeight()) });
  const body = view.by === "worker" ? laneBody : whole;
  const { polls, parks, spans, marks } = run;
  switch (thing.kind) {
    case "poll":
      return at(rowOf(polls.task[thing.poll], polls.lane[thing.poll]), polls.begin[thing.poll], polls.end[thing.poll], body);
    case "span":
      return view.by === "worker" ? null : at(rowOfTask[spans.task[thing.span]], spans.from[thing.span], spans.to[thing.span], whole);
    case "park":
      return view.by === "task" ? null : at(rowOfLane[parks.lane[thing.park]], parks.from[thing.park], parks.to[thing.park], laneBody);
    case "mark":
      return view.by === "task" ? null : at(rowOfLane[marks.lane[thing.mark]], marks.at[thing.mark], marks.at[thing.mark], whole);
    case "task": {
      const { born, over, run: home } = run.tasks[thing.task];
      if (view.by === "worker" || born < 0) return null;
      return at(rowOfTask[thing.task], born, over < 0 ? run.runs[home].length : over, whole);
    }
    default:
      return null;
  }
}

function paintOutline(thing, pinned) {
  const place = placeOf(thing);
  if (place === null) return;
  above.strokeStyle = pinned ? colours.accent : colours.ink;
  above.lineWidth = pinned ? 2.5 : 1.5;
  above.strokeRect(place.left - 1, place.top - 1, place.width + 2, place.height + 2);
}

function paintArrows(poll) {
  const { polls, stirs, stirsOfPoll } = run;
  const cause = polls.stir[poll];
  const first = stirsOfPoll.start[poll];
  const last = Math.min(stirsOfPoll.start[poll + 1], first + MOST_ARROWS);
  for (let i = first; i < last; i++) {
    const row = stirsOfPoll.rows[i];
    if (stirs.to[row] >= 0) paintArrow(row, 0.55);
  }
  if (cause >= 0) paintArrow(cause, 1);
}

/// If the task is ready in this span, draws the wake that made it ready.
function paintArrowOut(span) {
  if (run.spans.state[span] !== READY) return;
  const poll = pollAfter(run.spans.task[span], run.spans.from[span] - 1);
  if (poll >= 0 && run.polls.stir[poll] >= 0) paintArrow(run.polls.stir[poll], 1);
}

/// Returns the first poll of a task that begins after `time`, or -1.
function pollAfter(task, time) {
  const { start, rows } = run.pollsOfTask;
  const place = firstAbove(rows, start[task], start[task + 1], run.polls.begin, time);
  return place < start[task + 1] ? rows[place] : -1;
}

function middleOf(row) {
  if (view.by === "worker") {
    const { top, height } = laneBody(row);
    return top + height / 2;
  }
  return rowTop(row) + rowHeight() / 2;
}

/// Draws an arrow from a wake to the poll that followed it.
function paintArrow(stir, strength) {
  const { stirs, polls, lanes } = run;
  const poll = stirs.to[stir];
  if (poll < 0) return;
  const target = rowOf(polls.task[poll], polls.lane[poll]);
  if (target < 0) return;
  const known = stirs.by[stir] >= 0;
  let source = view.by === "worker" ? rowOfLane[stirs.lane[stir]] : known ? rowOfTask[stirs.by[stir]] : target;
  if (source < 0) source = target;
  const from = { x: xOf(stirs.at[stir]), y: middleOf(source) };
  const to = { x: xOf(polls.begin[poll]), y: middleOf(target) };
  const colour = colours.accent;
  above.globalAlpha = strength;
  above.strokeStyle = colour;
  above.fillStyle = colour;
  above.lineWidth = 1.75;
  drawCurve(from, to);
  above.beginPath();
  above.arc(from.x, from.y, 3.5, 0, 2 * Math.PI);
  above.fill();
  if (strength === 1) {
    const words = known ? run.tasks[stirs.by[stir]].label : (FROM_NOBODY[stirs.origin[stir]] ?? lanes[source].name);
    const side = from.x < view.gutter + 90 ? "left" : "right";
    above.font = SMALL;
    const width = above.measureText(words).width + 8;
    // If the wake is to the left of the screen, put its label at the left edge.
    const left = Math.max(view.gutter + 6, side === "right" ? from.x - 8 - width : from.x + 8);
    above.globalAlpha = 0.92;
    above.fillStyle = colours.panel;
    above.fillRect(left, from.y - 17, width, 16);
    above.globalAlpha = 1;
    write(above, words, left + 4, from.y - 9, colour, { font: SMALL });
  }
  above.globalAlpha = 1;
}

/// Draws a curve whose ends are horizontal if there is enough space. Within a row, the curve bends down.
function drawCurve(from, to) {
  const level = Math.abs(to.y - from.y) < 2;
  const reach = Math.max(0, Math.min(120, (to.x - from.x) / 2));
  const bow = level ? Math.min(24, reach) : 0;
  const bend = { x: to.x - reach, y: to.y + bow };
  above.beginPath();
  above.moveTo(from.x, from.y);
  above.bezierCurveTo(from.x + reach, from.y + bow, bend.x, bend.y, to.x, to.y);
  above.stroke();
  if (level && reach < 6) return; // not enough space for an arrowhead
  const tail = reach < 6 ? from : bend;
  above.save();
  above.translate(to.x, to.y);
  above.rotate(Math.atan2(to.y - tail.y, to.x - tail.x));
  above.beginPath();
  above.moveTo(1, 0);
  above.lineTo(-9, -4.5);
  above.lineTo(-9, 4.5);
  above.fill();
  above.restore();
}
