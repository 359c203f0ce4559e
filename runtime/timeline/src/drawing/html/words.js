// Formats numbers for readers, and makes elements.

const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

const byId = (id) => document.getElementById(id);
const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
const number = new Intl.NumberFormat("en").format;
const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/// Formats an instant, precisely enough to distinguish instants that are `step` apart.
function instant(nanos, step) {
  if (nanos === 0) return "0";
  const [size, unit] = UNITS.find(([size]) => Math.max(nanos, step) * 1.0005 >= size) ?? UNITS[3];
  const digits = Math.ceil(Math.log10(size / step) - 1e-9);
  return `${(nanos / size).toFixed(clamp(digits, 0, 9))} ${unit}`;
}

/// Formats a length of time with three digits: 1.25 s, 340 µs.
function duration(nanos) {
  const whole = nanos < 1e3 ? Math.round(nanos) : nanos;
  return instant(whole, whole < 1e3 ? 1 : 10 ** Math.floor(Math.log10(whole * 1.0005) - 2));
}

/// Returns the smallest step that is at least `least`. A step is 1, 2 or 5 times a power of ten.
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least * 0.9999);
}

function percent(share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}

/// Makes an element with text in it. The text is never interpreted as markup.
function element(name, text = "", properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...properties });
}

function button(text, tip, onclick) {
  const made = element("button", text, { type: "button", onclick });
  made.dataset.tip = tip;
  return made;
}
