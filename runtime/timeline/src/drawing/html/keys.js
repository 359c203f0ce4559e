// The keyboard. The list that the key `?` shows is made from this table, so it is always correct.

const STEP = 0.15; // the part of the screen by which an arrow key moves the view

const KEYS = [
  [["ArrowLeft"], "earlier (with Shift: by a screen)", (event) => pan(-plotWidth() * (event.shiftKey ? 1 : STEP), true)],
  [["ArrowRight"], "later (with Shift: by a screen)", (event) => pan(plotWidth() * (event.shiftKey ? 1 : STEP), true)],
  [["ArrowUp"], "rows above", () => scrollTo(view.scroll - Math.max(36, rowHeight()))],
  [["ArrowDown"], "rows below", () => scrollTo(view.scroll + Math.max(36, rowHeight()))],
  [["PageUp"], "a screen of rows up", () => scrollTo(view.scroll - (view.height - view.top) * 0.9)],
  [["PageDown"], "a screen of rows down", () => scrollTo(view.scroll + (view.height - view.top) * 0.9)],
  [["Home"], "the beginning of the run", () => glideTo(0, view.to - view.from)],
  [["End"], "the end of the run", () => glideTo(LENGTH - view.to + view.from, LENGTH)],
  [["+", "="], "zoom in", () => zoom(1.6, undefined, true)],
  [["-", "_"], "zoom out", () => zoom(1 / 1.6, undefined, true)],
  [["0"], "the whole run", () => glideTo(0, LENGTH)],
  [["["], "lower rows: more of them", () => changeRowHeight(-1)],
  [["]"], "higher rows", () => changeRowHeight(1)],
  [["c"], "by worker", () => drawBy("worker")],
  [["t"], "by task", () => drawBy("task")],
  [["/"], "filter tasks by name", () => byId("filter").focus()],
  [["n"], "the next poll of the pinned task; with nothing pinned, the first one shown", () => stepPoll(1)],
  [["p"], "its previous poll", () => stepPoll(-1)],
  [["w"], "follow the arrow back, to the poll that woke the pinned one", followBack],
  [["e"], "follow an arrow on, to a poll that it woke", followOn],
  [["Enter"], "zoom to what is pinned", zoomToPin],
  [["Escape"], "unpin", () => pin(null)],
  [["d"], "dark or light", () => switchTheme()],
  [["?"], "this list", () => byId("keys").showModal()],
];

const MOUSE = [
  ["wheel", "zoom at the mouse; over the names, or with Shift, rows up and down; sideways: earlier and later"],
  ["drag", "move in time, and through the rows"],
  ["Shift and drag, or drag on the curves", "mark a part to zoom to"],
  ["double click", "zoom to what is there"],
  ["click", "pin what is there: its facts stay, and its wakes are drawn"],
  ["two fingers", "zoom and move"],
];

const actions = new Map(KEYS.flatMap(([names, , act]) => names.map((name) => [name, act])));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  const inField = event.target.matches("input[type=search], select");
  if (inField) {
    if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "filter")) scene.focus();
    return;
  }
  // If a button has the focus, let the button handle these keys.
  if (event.target.matches("button") && ["Enter", " "].includes(event.key)) return;
  if (event.target.matches("input[type=radio]") && event.key.startsWith("Arrow")) return;
  const act = actions.get(event.key) ?? actions.get(event.key.toLowerCase());
  if (!act) return;
  event.preventDefault();
  act(event);
});

function changeRowHeight(by) {
  if (view.by !== "task") return;
  const now = rowHeight();
  const place = ROW_HEIGHTS.findIndex((height) => height >= now);
  const next = ROW_HEIGHTS[Math.min(ROW_HEIGHTS.length - 1, Math.max(0, place + by))];
  // Keep the row in the middle of the screen where it is.
  const half = (view.height - view.top) / 2;
  const middle = (view.scroll + half) / now;
  view.rowHeight = next;
  scrollTo(middle * next - half);
}

function listKeys() {
  const names = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "Page up", PageDown: "Page down", Escape: "Esc" };
  const list = (rows) => {
    const made = element("dl");
    for (const [what, does] of rows) {
      const term = element("dt");
      term.append(...what.map((key) => element("kbd", names[key] ?? key)));
      made.append(term, element("dd", does));
    }
    return made;
  };
  byId("keys-list").replaceChildren(
    list(KEYS.map(([keys, does]) => [keys, does])),
    list(MOUSE.map(([what, does]) => [[what], does])),
  );
}
