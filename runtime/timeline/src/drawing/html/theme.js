// Light and dark: the colours stand in the style sheet, once, and are read from there.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const colours = {};
let hatch = null;

/// `"light"`, `"dark"`, or `""` for what the reader's system prefers.
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
const COOKS = 8; // colours of workers; the ninth has that of the first again

function readColours() {
  // Only as the colour of something is a colour worked out for the theme.
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

/// Slanting lines, for a worker that is parked: told from empty space without any colour.
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

// Tasks of the same name have the same colour. Others take turns, so that neighbours differ.
const turns = new Map();
const turnOfTask = run.tasks.map(({ label }) => {
  if (!turns.has(label)) turns.set(label, turns.size);
  return turns.get(label);
});

function colourOf(task) {
  return run.tasks[task].main ? colours.main : colours.tasks[turnOfTask[task] % colours.tasks.length];
}

/// The colour of a thread by its row.
function colourOfLane(row) {
  return colours.cooks[row % COOKS];
}

dark.addEventListener("change", readColours);
