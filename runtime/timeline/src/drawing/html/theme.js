// The light and the dark theme. The colours are defined only in the style sheet, and are read from there.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const colours = {};
let hatch = null;

/// Sets the theme: `"light"`, `"dark"`, or `""` for the theme that the user's system prefers.
function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  readColours();
}

function themeShown() {
  return document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
}

const NAMES = [
  "paper", "panel", "ink", "quiet", "line", "lane", "accent", "taken", "ready", "waiting", "flight", "once", "bad",
  "asleep", "label", "main",
];
const COOKS = 8; // the number of colours for workers; after the last, they repeat

function readColours() {
  // The browser computes a colour for the theme only if an element uses it.
  const probe = document.body.appendChild(element("i"));
  const style = getComputedStyle(probe);
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return style.color;
  };
  for (const name of NAMES) colours[name] = read(name);
  colours.cooks = Array.from({ length: COOKS }, (_, cook) => read(`cook-${cook}`));
  colours.tasks = style.getPropertyValue("--tasks").split(",").map((colour) => colour.trim());
  probe.remove();
  hatch = hatching(colours.asleep);
  redraw();
}

/// Makes the pattern for a parked worker: diagonal lines, which differ from empty space even without colour.
function hatching(colour) {
  const tile = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const brush = tile.getContext("2d");
  brush.strokeStyle = colour;
  brush.lineWidth = 1.2;
  brush.beginPath();
  for (const x of [-8, 0, 8]) {
    brush.moveTo(x, 8);
    brush.lineTo(x + 8, 0);
  }
  brush.stroke();
  return tile;
}

// Tasks with the same name have the same colour. Different names get the colours in turn, so that neighbours
// differ.
const turns = new Map();
const turnOfTask = run.tasks.map(({ label }) => {
  if (!turns.has(label)) turns.set(label, turns.size);
  return turns.get(label);
});

function colourOf(task) {
  return run.tasks[task].main ? colours.main : colours.tasks[turnOfTask[task] % colours.tasks.length];
}

/// Returns the colour of the thread in this row.
function colourOfLane(row) {
  return colours.cooks[row % COOKS];
}

dark.addEventListener("change", readColours);
