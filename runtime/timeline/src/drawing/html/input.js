// Mouse, pen, touch and keyboard.

const CLICK = 4; // the maximum number of pixels that the pointer may move during a click
let grip = null; // the drag in progress

function placeIn({ clientX, clientY }) {
  const { left, top } = scene.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

function hover(place) {
  view.pointer = place;
  redraw();
}

/// Returns what a drag from this place does. In the strip, it moves the window if it begins inside, or else draws a
/// new window. Over the curves, or with Shift, it marks an area. Elsewhere, it moves the picture.
function dragFrom({ x, y }, shift) {
  const { from, to, scroll } = view;
  const [begun, pixel] = [timeAt(x), nanosPerPixel()];
  if (y < STRIP) {
    const at = stripTime(x);
    const inside = at > from && at < to && to - from < LENGTH * 0.999;
    if (inside) return (place) => show(from + stripTime(place.x) - at, to + stripTime(place.x) - at);
    return (place) => show(Math.min(at, stripTime(place.x)), Math.max(at, stripTime(place.x)));
  }
  if ((shift || y < view.top) && x >= view.gutter) {
    return (place) => {
      view.pin = areaOf([begun, timeAt(place.x)], y < view.top ? null : [y, place.y]);
      byId("card").hidden = true;
    };
  }
  return (place) => show(from + (x - place.x) * pixel, to + (x - place.x) * pixel, scroll + y - place.y);
}

function areaOf(times, heights) {
  const [from, to] = times.map((time) => clamp(time, view.from, view.to)).sort((a, b) => a - b);
  const last = view.rows.length - 1;
  const row = (y) => clamp(Math.floor((y - view.top + view.scroll) / rowHeight()), 0, last);
  const [first, end] = heights ? heights.map(row).sort((a, b) => a - b) : [0, last];
  return { kind: "area", from, to, of: view.rows.slice(first, end + 1) };
}

const ON_SCENE = {
  pointerdown(event) {
    if (grip || event.button !== 0) return;
    const at = placeIn(event);
    if (event.isTrusted) scene.setPointerCapture(event.pointerId);
    grip = { at, moved: false, drag: dragFrom(at, event.shiftKey) };
  },
  pointermove(event) {
    const place = placeIn(event);
    if (grip && Math.hypot(place.x - grip.at.x, place.y - grip.at.y) > CLICK) grip.moved = true;
    if (grip?.moved) grip.drag(place);
    hover(place);
  },
  pointerup(event) {
    if (grip && !grip.moved && grip.at.y >= STRIP) pin(hit(grip.at.x, grip.at.y));
    // Add up the marked area only after the drag, because the sums may take longer than a frame.
    else if (view.pin?.kind === "area") pin(view.pin);
    grip = null;
    hover(event.pointerType === "mouse" && view.pin?.kind !== "area" ? placeIn(event) : null);
  },
  pointercancel() {
    grip = null;
    hover(null);
  },
  pointerleave: () => grip || hover(null),
  dblclick: (event) => (view.pin && placeOf(view.pin) ? zoomToPin() : zoom(4, placeIn(event).x)),
  wheel(event) {
    event.preventDefault();
    // Convert lines and pages of the wheel to pixels.
    const unit = [1, 16, view.height][event.deltaMode];
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    const { x } = placeIn(event);
    if (x < view.gutter || event.shiftKey) scrollTo(view.scroll + (dy || dx));
    else if (Math.abs(dx) > Math.abs(dy)) pan(dx * nanosPerPixel());
    // For a pinch on a touch pad, the browser reports wheel events in small steps, with Control held.
    else zoom(Math.exp(-dy * (event.ctrlKey ? 0.01 : 0.0018)), x);
  },
};
for (const [type, act] of Object.entries(ON_SCENE)) scene.addEventListener(type, act, { passive: false });

byId("scroller").addEventListener("scroll", ({ target }) => {
  // Ignore the scroll events that this script itself causes. They move by at most 1.5 pixels.
  if (Math.abs(target.scrollTop - view.scroll) > 1.5) scrollTo(target.scrollTop);
});

/// Pins the previous (-1) or next (1) poll of the pinned thing's task. If there is no such task, pins the
/// first poll on the screen.
function stepPoll(way) {
  const { from: begins, task: tasks } = run.polls;
  const { task, from } = about(view.pin ?? {});
  const isShown = (at, poll) => at >= view.from && view.rowOfTask[tasks[poll]] >= 0;
  if (task < 0) return pinPoll(begins.findIndex(isShown));
  const polls = groupOf(run.pollsOfTask, task);
  const before = polls.findLastIndex((poll) => begins[poll] < from);
  const next = view.pin.kind === "poll" ? polls.indexOf(view.pin.row) + way : before + Math.max(0, way);
  if (next in polls) pinPoll(polls[next]);
  else byId("spoken").textContent = way > 0 ? "That was its last poll." : "That was its first poll.";
}

/// If `way` is -1, returns the poll whose wake or spawn led to the pinned poll. If `way` is 1, returns the
/// first poll that a wake in the pinned poll led to.
function acrossWake(way) {
  if (view.pin?.kind !== "poll") return -1;
  if (way < 0) return run.stirs.from[run.polls.stir[view.pin.row]];
  return groupOf(run.stirsOfPoll, view.pin.row).map((stir) => run.stirs.to[stir]).find((poll) => poll >= 0);
}

const followWake = (way) => pinPoll(acrossWake(way));

/// Pins a poll, and moves the screen to show the poll and the wake that led to it.
function pinPoll(poll, zooming = false) {
  if (!(poll in run.polls.took)) return;
  const { from, to, stir, task, lane } = run.polls;
  const cause = run.stirs.at[stir[poll]] ?? from[poll];
  const span = view.to - view.from;
  scrollTo(scrollFor(rowOf(task[poll], lane[poll])));
  // The wake may lie far in the past, so move at most by the width of the screen.
  const first = Math.max(cause, from[poll] - span * 0.6);
  const middle = (first + Math.min(to[poll], from[poll] + span * 0.3)) / 2;
  if (cause < view.from || to[poll] > view.to) show(middle - span / 2, middle + span / 2);
  pin({ kind: "poll", row: poll });
  if (zooming) zoomToPin();
}

/// Zooms to the pinned thing. An area then fills the screen. Any other thing fills a third of the screen,
/// together with the wake that led to it.
function zoomToPin() {
  if (!view.pin) return;
  const { kind, row } = view.pin;
  const { from, to, task, lane } = about(view.pin);
  const cause = kind === "poll" ? run.stirs.at[run.polls.stir[row]] : from;
  const begin = Math.max(0, cause ?? from, from - 20 * (to - from));
  const margin = kind === "area" ? 0 : Math.max(to - begin, 1e3);
  if (!byWorker() && task >= 0) view.rowHeight = Math.max(rowHeight(), READABLE);
  show(begin - margin, to + margin, scrollFor(rowOf(task, lane)));
}

// The keyboard. The help lists these keys. `way` is -1 for the first key of a pair, and 1 for the second.

const move = (way, screens) => pan(way * screens * (view.to - view.from));
const addUp = () => pin(areaOf([view.from, view.to], null));
const KEYS = [
  ["← →", "earlier, later (with Shift: by a screen)", (way, { shiftKey }) => move(way, shiftKey ? 1 : 0.15)],
  ["↑ ↓", "rows above, below", (way) => scrollTo(view.scroll + way * Math.max(36, rowHeight()))],
  ["PageUp PageDown", "a screen of rows up, down", (way) => scrollTo(view.scroll + way * 0.9 * space())],
  ["Home End", "the beginning, the end of the run", (way) => pan(way * LENGTH)],
  ["- + _ =", "zoom out, in", (way) => zoom(1.6 ** way)],
  ["0", "the whole run", () => show(0, LENGTH)],
  ["[ ]", "lower rows (more of them), higher rows", changeRowHeight],
  ["c t", "by worker, by task", (way) => toolbar.elements.by[way < 0 ? 0 : 1].click()],
  ["/", "filter tasks by name", () => byId("filter").focus()],
  ["p n", "the previous, next poll of the pinned task; with nothing pinned, the first poll shown", stepPoll],
  ["w e", "follow an arrow: back to the poll whose wake led to the pinned poll, on to the first poll that a wake of it led to", followWake],
  ["a", "add up what is shown, with a histogram of poll lengths", addUp],
  ["Enter", "zoom to what is pinned", zoomToPin],
  ["Escape", "unpin", () => pin(null)],
  ["s", "save the picture as SVG", saveSvg],
  ["d", "dark or light", switchTheme],
  ["?", "this list", () => byId("help").showModal()],
];
const ARROWS = { "←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown" };
const actions = new Map(KEYS.flatMap(([keys, , act]) => {
  return keys.split(" ").map((key, i) => [ARROWS[key] ?? key, (event) => act(i % 2 ? 1 : -1, event)]);
}));

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (target.matches("input[type=search], select")) {
    if (["Escape", "Enter"].includes(key)) scene.focus();
    return;
  }
  // Buttons handle these keys themselves.
  if (target.matches("button, input") && ["Enter", " ", "ArrowLeft", "ArrowRight"].includes(key)) return;
  const act = actions.get(key) ?? actions.get(key.toLowerCase());
  if (!act) return;
  event.preventDefault();
  act(event);
});
// Each button of the page names the key whose action it shares.
for (const made of document.querySelectorAll("[data-key]")) made.onclick = actions.get(made.dataset.key);
