// Paints over the rows: the vertical line under the mouse, the marked area, the outlines of the thing under
// the mouse and of the pinned thing, and arrows for the wakes that led to a poll or were made in it.

const MOST_ARROWS = 60; // the maximum number of arrows for one poll; more would be unreadable

function paintOverlay() {
  if (view.pin?.kind === "area") paintArea(view.pin);
  clip(view.gutter - 5, view.top, plotWidth() + 5, space(), () => {
    for (const thing of [view.hover, view.pin]) {
      const { left, top, width, height } = (thing && placeOf(thing)) ?? {};
      const pinned = thing === view.pin;
      const look = { stroke: pinned ? colours.accent : colours.ink, width: pinned ? 2.5 : 1.5 };
      if (width) outline(left - 1, top - 1, width + 2, height + 2, look);
    }
    paintArrows(view.pin ?? view.hover);
  });
  if (view.pointer?.x >= view.gutter && view.pointer.y >= STRIP) paintCrosshair(view.pointer.x);
}

function paintCrosshair(x) {
  const time = timeAt(x);
  box(Math.round(x), STRIP, 1, view.height, colours.quiet, 0.5);
  CURVES.forEach(({ at, value, colour }, i) => {
    tag(number(value[stepAt(at, time)]), x, STRIP + i * curveHeight() + 16, colours[colour]);
  });
  tag(instant(time, roundStep(nanosPerPixel())), x, view.top - 12, colours.ink);
}

function tag(text, x, y, colour) {
  const width = widthOf(text, SMALL) + 10;
  const left = x + width + 8 > plotEnd() ? x - width - 4 : x + 5;
  box(left, y - 9, width, 18, colours.panel, 0.9);
  write(text, left + 5, y, colour, SMALL);
}

function paintArea({ from, to, of }) {
  const rows = of.map((owner) => rowOf(owner, owner)).filter((row) => row >= 0);
  const whole = of.length === view.rows.length;
  const [left, right] = [from, to].map((time) => clamp(xOf(time), view.gutter, plotEnd()));
  const top = whole ? STRIP : rowTop(Math.min(...rows));
  const bottom = whole ? view.height : rowTop(Math.max(...rows) + 1);
  clip(0, whole ? STRIP : view.top, view.width, view.height, () => {
    box(left, top, right - left, bottom - top, colours.accent, 0.14);
    path(`M${left} ${top}V${bottom}M${right} ${top}V${bottom}`, { stroke: colours.accent });
  });
  tag(duration(to - from), right, view.top - 12, colours.accent);
}

/// Paints the wakes made in a poll and the wake that led to it. For a ready task, paints the wake that made
/// it ready.
function paintArrows(thing) {
  if (thing?.kind === "poll") {
    for (const stir of groupOf(run.stirsOfPoll, thing.row).slice(0, MOST_ARROWS)) paintArrow(stir, 0.55);
    paintArrow(run.polls.stir[thing.row], 1);
  } else if (thing?.kind === "span" && run.spans.state[thing.row] === READY) {
    const [task, end] = [run.spans.task[thing.row], run.spans.to[thing.row]];
    const [poll] = within(run.pollsOfTask, task, run.polls, { from: end + 1e-6, to: end });
    paintArrow(run.polls.stir[poll], 1);
  }
}

function paintArrow(stir, alpha) {
  const { stirs, polls, names } = run;
  const poll = stirs.to[stir] ?? -1;
  const target = poll < 0 ? -1 : rowOf(polls.task[poll], polls.lane[poll]);
  if (target < 0) return;
  const source = rowOf(stirs.by[stir], stirs.lane[stir]);
  const middle = (row) => rowBody(row).top + rowBody(row).height / 2;
  const [x, y] = [xOf(stirs.at[stir]), middle(source < 0 ? target : source)];
  const [toX, toY] = [xOf(polls.from[poll]), middle(target)];
  // If there is enough space, the ends of the arrow are horizontal. An arrow within one row bends down.
  const level = Math.abs(toY - y) < 2;
  const reach = clamp((toX - x) / 2, 0, 120);
  const bow = level ? Math.min(24, reach) : 0;
  const look = { stroke: colours.accent, width: 1.75, alpha };
  path(`M${x} ${y}C${x + reach} ${y + bow} ${toX - reach} ${toY + bow} ${toX} ${toY}`, look);
  path(`M${x - 3.5} ${y}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0`, { fill: colours.accent, alpha });
  if (reach >= 6 || !level) {
    const angle = reach < 6 ? Math.atan2(toY - y, toX - x) : Math.atan2(-bow, reach);
    const corner = (turn) => `${toX - 10 * Math.cos(angle + turn)} ${toY - 10 * Math.sin(angle + turn)}`;
    path(`M${toX} ${toY}L${corner(0.46)}L${corner(-0.46)}z`, { fill: colours.accent, alpha });
  }
  if (alpha < 1) return;
  const words = names[stirs.by[stir]] ?? ORIGINS[stirs.origin[stir]];
  const width = widthOf(words, SMALL) + 8;
  // If the wake is to the left of the screen, its label is at the left edge.
  const left = x < view.gutter + 90 ? Math.max(x, view.gutter - 2) + 8 : x - 8 - width;
  box(left, y - 17, width, 16, colours.panel, 0.92);
  write(words, left + 4, y - 9, colours.accent, SMALL);
}
