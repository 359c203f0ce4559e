// Paints boxes, paths and words on the canvas, or into an SVG picture that will be saved.

const FONT = "12px system-ui, Liberation Sans, sans-serif";
const SMALL = FONT.replace("12px", "11px");
const SIGNS = "8px Liberation Sans, Segoe UI Symbol, DejaVu Sans, sans-serif";
const COOKS = 8; // workers have this many colours, and tasks have as many; then the colours repeat
const NONE = "transparent";
const HATCH = "url(#hatch)"; // the pattern for a parked worker, so that it does not look like empty space

const scene = byId("scene");
const pen = scene.getContext("2d", { alpha: false });
let sheet = null; // the SVG picture to paint into, or `null` to paint on the canvas

function box(x, y, width, height, colour, alpha = 1) {
  if (sheet) return svg("rect", { x, y, width, height, fill: colour, opacity: alpha });
  pen.fillStyle = colour === HATCH ? hatch : colour;
  pen.globalAlpha = alpha;
  pen.fillRect(x, y, width, height);
}

function path(d, { fill = NONE, stroke = NONE, width = 1, dash = [], alpha = 1 }, on = pen) {
  const look = { fill, stroke, "stroke-width": width, "stroke-dasharray": dash, opacity: alpha };
  if (sheet) return svg("path", { d, ...look });
  Object.assign(on, { fillStyle: fill, strokeStyle: stroke, lineWidth: width, globalAlpha: alpha });
  on.setLineDash(dash);
  on.fill(new Path2D(d));
  on.stroke(new Path2D(d));
}

function write(words, x, y, colour, font = FONT, align = "start") {
  if (words === "") return;
  const anchor = align.replace("center", "middle");
  const style = `font: ${font}; text-anchor: ${anchor}; dominant-baseline: central`;
  if (sheet) return svg("text", { x, y, fill: colour, style }, words);
  Object.assign(pen, { font, textAlign: align, textBaseline: "middle", fillStyle: colour, globalAlpha: 1 });
  pen.fillText(words, x, y);
}

function clip(x, y, width, height, paint) {
  const outer = sheet;
  // A nested `svg` element hides what is outside its edges.
  if (sheet) sheet = svg("svg", { x, y, width, height, viewBox: `${x} ${y} ${width} ${height}` });
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  paint();
  pen.restore();
  sheet = outer;
}

function svg(name, attributes, words = "") {
  const made = document.createElementNS(sheet.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, typeof value === "number" ? Math.round(value * 100) / 100 : value);
  }
  made.textContent = words;
  return sheet.appendChild(made);
}

function widthOf(text, font) {
  pen.font = font;
  return pen.measureText(text).width;
}

/// Shortens a text to this width, but keeps a number at its end.
function shortened(text, space, font = FONT) {
  const width = widthOf(text, font);
  if (width <= space) return text;
  const letters = Math.floor((text.length * (space - 10)) / width);
  const [end] = text.match(/\d{0,6}$/);
  return letters < Math.max(4, end.length) ? "" : `${text.slice(0, letters - end.length)}…${end}`;
}

// The colours come from the style sheet, which defines them for the light and the dark theme.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const colours = {};
let hatch = null;

/// Sets the theme: "light", "dark", or "" for the theme that the user's system prefers.
function setTheme(theme) {
  view.theme = theme;
  document.documentElement.style.colorScheme = theme || "light dark";
  // The browser computes a colour only for an element that uses it, so add an element for a moment.
  const probe = document.body.appendChild(element("i"));
  for (const name of document.styleSheets[0].cssRules[0].style) {
    probe.style.color = `var(${name})`;
    colours[name.slice(2)] = getComputedStyle(probe).color;
  }
  probe.remove();
  const tile = element("canvas", "", { width: 8, height: 8 });
  path("M-8 8l8-8M0 8l8-8M8 8l8-8", { stroke: colours.asleep, width: 1.2 }, tile.getContext("2d"));
  hatch = pen.createPattern(tile, "repeat");
  redraw();
}

const isDark = () => (view.theme ? view.theme === "dark" : dark.matches);
const switchTheme = () => setTheme(isDark() ? "light" : "dark");
dark.addEventListener("change", () => setTheme(view.theme));

// Tasks with the same name share a colour. Each new name gets the next colour, so that adjacent tasks differ.
const turns = new Map();
for (const name of run.names) if (!turns.has(name)) turns.set(name, turns.size % COOKS);

const colourOfLane = (lane) => colours[`cook-${lane % COOKS}`];
const isMain = (task) => run.tasks.kind[task] === 1;
const colourOfTask = (task) => colours[isMain(task) ? "main" : `task-${turns.get(run.names[task])}`];
