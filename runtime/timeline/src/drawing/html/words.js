// Formats numbers and names for people.

const NAME_MAX = 200; // the maximum number of characters of a name that are shown; arbitrary, not measured

/// Makes a text safe to show. Control characters and direction marks could make one name look like another.
function visible(text) {
  return text
    .replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007f/g, "\u2421")
    .replace(/[\u0080-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]/g, "\ufffd");
}

/// Makes a name safe to show, and shortens it.
function nameOf(text) {
  return visible(text.length > NAME_MAX ? `${text.slice(0, NAME_MAX)}…` : text);
}

const UNITS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

/// Formats a time in nanoseconds to about three digits: 1.25 s, 340 µs.
function duration(nanos) {
  const [size, unit] = UNITS.find(([size]) => Math.abs(nanos) >= size * 0.9995) ?? UNITS[3];
  const value = nanos / size;
  if (nanos === 0) return "0";
  const digits = unit === "ns" ? 0 : Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}

/// Formats an instant as precisely as the distance `step` requires.
function instant(nanos, step) {
  const [size, unit] = UNITS.find(([size]) => Math.max(Math.abs(nanos), step) >= size) ?? UNITS[3];
  const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(size / step) - 1e-9)));
  return nanos === 0 ? "0" : `${(nanos / size).toFixed(digits)} ${unit}`;
}

/// Returns 1, 2 or 5 times a power of ten, at least `least`, as a distance between two ticks.
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least * 0.9999);
}

function number(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/// Returns "1 task" or "2,000 tasks".
function counted(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function percent(share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  if (share > 0 && share < 0.0995) return `${(share * 100).toFixed(1)} %`;
  return `${Math.round(share * 100)} %`;
}

/// Makes an element with text in it. The text is never interpreted as markup.
function element(name, text = "", properties = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  return Object.assign(made, properties);
}

function byId(id) {
  return document.getElementById(id);
}
