// Mouse, pen and touch: pointing, pinning, dragging, selecting a period, pinching, and the wheel.

const CLICK = 4; // how many pixels the pointer may move during a click
const READABLE = 14; // the minimum height of a row with a readable name, in pixels
const fingers = new Map();
let grip = null; // the state of the drag in progress

function placeIn(box, event) {
  const { left, top } = box.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

function hover(place) {
  view.pointer = place;
  view.hover = place && place.y >= view.top && !view.box ? hit(place.x, place.y) : null;
  scene.style.cursor = grip?.moved ? "grabbing" : view.hover && view.hover.kind !== "lane" ? "pointer" : "crosshair";
  showTip();
  point();
}

// Ignore events that began on the card or on the scroll bar.
function onScene(event) {
  return event.target === scene || event.target === above.canvas || event.target === stage.canvas;
}

scene.addEventListener("pointerdown", (event) => {
  if (!onScene(event) || (event.pointerType === "mouse" && event.button !== 0)) return;
  const place = placeIn(scene, event);
  fingers.set(event.pointerId, place);
  try {
    scene.setPointerCapture(event.pointerId);
  } catch {
    // The browser throws if the finger has already been lifted.
  }
  const marking = event.shiftKey || place.y < view.top;
  grip = { at: place, from: view.from, to: view.to, scroll: view.scroll, marking: marking && place.x >= view.gutter, moved: false };
});

scene.addEventListener("pointermove", (event) => {
  const place = placeIn(scene, event);
  if (!fingers.has(event.pointerId)) {
    hover(onScene(event) ? place : null);
    return;
  }
  const before = new Map(fingers);
  fingers.set(event.pointerId, place);
  if (fingers.size === 2) {
    pinch([...before.values()], [...fingers.values()]);
    return;
  }
  const [dx, dy] = [place.x - grip.at.x, place.y - grip.at.y];
  if (Math.hypot(dx, dy) > CLICK) grip.moved = true;
  if (!grip.moved) return;
  if (grip.marking) {
    view.box = { from: grip.at.x, to: place.x };
  } else {
    const by = (-dx / plotWidth()) * (grip.to - grip.from);
    const start = Math.min(LENGTH - (grip.to - grip.from), Math.max(0, grip.from + by));
    show(start, start + grip.to - grip.from);
    scrollTo(grip.scroll - dy);
  }
  hover(place);
});

function letGo(event) {
  if (!fingers.delete(event.pointerId) || grip === null) return;
  const { moved } = grip;
  if (fingers.size > 0) {
    // If one of two fingers is lifted, the other one neither drags nor clicks.
    grip = { at: [...fingers.values()][0], from: view.from, to: view.to, scroll: view.scroll, marking: false, moved: true };
    return;
  }
  grip = null;
  const { box } = view;
  view.box = null;
  const place = placeIn(scene, event);
  if (event.type === "pointercancel") return hover(null);
  if (box && Math.abs(box.to - box.from) > CLICK) {
    glideTo(timeAt(Math.min(box.from, box.to)), timeAt(Math.max(box.from, box.to)));
  } else if (!moved) {
    const thing = place.y >= view.top ? hit(place.x, place.y) : null;
    pin(thing?.kind === "lane" ? null : thing);
  }
  hover(event.pointerType === "mouse" ? place : null);
}
scene.addEventListener("pointerup", letGo);
scene.addEventListener("pointercancel", letGo);
scene.addEventListener("pointerleave", () => fingers.size === 0 && hover(null));

scene.addEventListener("dblclick", (event) => {
  if (!onScene(event)) return;
  if (view.pin && placeOf(view.pin)) zoomToPin();
  else zoom(4, placeIn(scene, event).x, true);
});

/// Zooms with two fingers, so that the same instants stay under the fingers.
function pinch([a, b], [c, d]) {
  const apart = (p, q) => Math.max(12, Math.abs(p.x - q.x));
  const factor = apart(c, d) / apart(a, b);
  zoom(factor, (c.x + d.x) / 2);
  pan((a.x + b.x - c.x - d.x) / 2);
  scrollTo(view.scroll + (a.y + b.y - c.y - d.y) / 2);
  if (grip) grip.moved = true;
}

scene.addEventListener("wheel", (event) => {
  if (!onScene(event) && event.target !== byId("scroller")) return;
  event.preventDefault();
  // The wheel may count in lines or pages. Convert them to pixels.
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? view.height : 1;
  const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
  const place = placeIn(scene, event);
  if (event.target === byId("scroller") || place.x < view.gutter || event.shiftKey) scrollTo(view.scroll + (dy || dx));
  else if (Math.abs(dx) > Math.abs(dy)) pan(dx);
  // If two fingers pinch a touch pad, the browser reports a wheel event with Control held, in small steps.
  else zoom(Math.exp(-dy * (event.ctrlKey ? 0.01 : 0.0018)), place.x);
  hover(event.target === byId("scroller") ? null : place);
}, { passive: false });

byId("scroller").addEventListener("scroll", () => {
  const at = byId("scroller").scrollTop / scrollScale();
  // If the change is less than about a pixel of the scroll bar, this script itself made it.
  if (Math.abs(at - view.scroll) > 1.5 / scrollScale()) scrollTo(at);
});

// In the strip, the user can drag the window or one of its edges, or draw a new window.

const strip = byId("overview");
let held = null;

function stripTime(event) {
  const share = (placeIn(strip, event).x - view.gutter) / plotWidth();
  return Math.min(1, Math.max(0, share)) * LENGTH;
}

/// Returns which part of the window in the strip is at `x`.
function stripPart(x) {
  const [left, right] = [overviewX(view.from), overviewX(view.to)];
  // If the window is small, most of its width must remain for moving it.
  const inside = Math.min(6, (right - left) / 4);
  if (x > left - 6 && x < left + inside) return "from";
  if (x > right - inside && x < right + 6) return "to";
  const whole = view.to - view.from > LENGTH * 0.999;
  return x > left && x < right && !whole ? "middle" : "new";
}

strip.addEventListener("pointerdown", (event) => {
  const time = stripTime(event);
  const part = stripPart(placeIn(strip, event).x);
  held = { part, time, from: view.from, to: view.to };
  strip.setPointerCapture(event.pointerId);
});

strip.addEventListener("pointermove", (event) => {
  if (!held) {
    const part = stripPart(placeIn(strip, event).x);
    strip.style.cursor = { from: "ew-resize", to: "ew-resize", middle: "grab", new: "crosshair" }[part];
    return;
  }
  const time = stripTime(event);
  const by = time - held.time;
  if (held.part === "from") show(Math.min(time, held.to - SHORTEST), held.to);
  else if (held.part === "to") show(held.from, Math.max(time, held.from + SHORTEST));
  else if (held.part === "middle") show(held.from + by, held.to + by);
  else if (Math.abs(by) > LENGTH / 1000) show(Math.min(time, held.time), Math.max(time, held.time));
});

for (const type of ["pointerup", "pointercancel"]) strip.addEventListener(type, () => (held = null));

// Following goes from poll to poll of a task, and along the wakes from task to task.

function taskOf(thing) {
  if (thing?.kind === "poll") return run.polls.task[thing.poll];
  if (thing?.kind === "span") return run.spans.task[thing.span];
  return thing?.kind === "task" ? thing.task : -1;
}

/// Pins the poll of the same task that comes `by` polls later. If nothing is pinned, pins the first poll on
/// the screen.
function stepPoll(by) {
  const task = taskOf(view.pin);
  if (task < 0) return pinPoll(firstPollShown());
  const { start, rows } = run.pollsOfTask;
  const [low, high] = [start[task], start[task + 1]];
  const { kind, poll, span } = view.pin;
  let place = kind === "poll" ? rows.indexOf(poll, low) + by : by > 0 ? low : high - 1;
  if (kind === "span") {
    const after = firstAbove(rows, low, high, run.polls.begin, run.spans.to[span] - 0.5);
    place = by > 0 ? after : after - 1;
  }
  if (place >= low && place < high) pinPoll(rows[place]);
  else byId("spoken").textContent = by > 0 ? "That was its last poll." : "That was its first poll.";
}

function firstPollShown() {
  const { begin, task } = run.polls;
  const { length } = begin;
  for (let poll = 0; poll < length; poll++) if (begin[poll] >= view.from && passes(task[poll])) return poll;
  return -1;
}

/// Returns the poll that woke (or spawned) the task before this poll, or -1.
function wakerOf(poll) {
  const stir = run.polls.stir[poll];
  return stir < 0 ? -1 : run.stirs.from[stir];
}

/// Returns the first of the polls that this poll's wakes led to, or -1.
function wokenOf(poll) {
  const { start, rows } = run.stirsOfPoll;
  for (let i = start[poll]; i < start[poll + 1]; i++) if (run.stirs.to[rows[i]] >= 0) return run.stirs.to[rows[i]];
  return -1;
}

function followBack() {
  if (view.pin?.kind === "poll") pinPoll(wakerOf(view.pin.poll));
}

function followOn() {
  if (view.pin?.kind === "poll") pinPoll(wokenOf(view.pin.poll));
}

/// Pins a poll, and brings it and the wake that led to it onto the screen.
function pinPoll(poll) {
  if (poll < 0) return;
  const { begin, end, stir, task, lane } = run.polls;
  pin({ kind: "poll", poll });
  const cause = stir[poll] < 0 ? begin[poll] : run.stirs.at[stir[poll]];
  const span = view.to - view.from;
  const out = cause < view.from || end[poll] > view.to;
  // Move at most by the width of the screen, because the wake may lie far in the past.
  const first = Math.max(cause, begin[poll] - span * 0.6);
  const middle = (first + Math.min(end[poll], begin[poll] + span * 0.3)) / 2;
  const row = rowOf(task[poll], lane[poll]);
  const top = row * rowHeight();
  const space = view.height - view.top;
  const hidden = row >= 0 && (top < view.scroll || top + rowHeight() > view.scroll + space);
  const scroll = hidden ? top - space / 2 : view.scroll;
  if (out || hidden) glideTo(out ? middle - span / 2 : view.from, out ? middle + span / 2 : view.to, scroll);
}

/// Zooms so that the pinned thing and the wake that led to it fill a third of the screen.
function zoomToPin() {
  const { pin: thing } = view;
  if (!thing) return;
  const { polls, spans, parks, tasks, stirs, marks } = run;
  const ranges = {
    poll: (p) => [polls.stir[p] < 0 ? polls.begin[p] : Math.max(stirs.at[polls.stir[p]], polls.begin[p] - 20 * (polls.end[p] - polls.begin[p])), polls.end[p]],
    span: (s) => [spans.from[s], spans.to[s]],
    park: (p) => [parks.from[p], parks.to[p]],
    task: (t) => [Math.max(0, tasks[t].born), tasks[t].over < 0 ? run.runs[tasks[t].run].length : tasks[t].over],
    mark: (m) => [marks.at[m] - 1e4, marks.at[m] + 1e4],
  };
  const [from, to] = ranges[thing.kind](thing[thing.kind]);
  let { scroll } = view;
  if (view.by === "task" && taskOf(thing) >= 0 && rowHeight() < READABLE) {
    view.rowHeight = READABLE;
    scroll = rowOfTask[taskOf(thing)] * READABLE - (view.height - view.top) / 2;
  }
  glideTo(from - (to - from), to + (to - from), scroll);
}
