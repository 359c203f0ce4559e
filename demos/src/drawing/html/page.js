// Puts everything together: words at the top, buttons, legend, and the first picture.

// The signs and what they mean; those that do not occur in this run need no explanation.
const LEGENDS = {
  cook: [
    ["tasks", "a poll, in its task's colour", () => true],
    ["▅", "narrow: the share of time in polls", () => run.polls.length > 200],
    ["asleep", "asleep: nothing was ready", () => run.parks.length > 0],
    ["▲", "I/O ready", () => marked("i")],
    ["◆", "timers fired", () => marked("f")],
    ["●", "stole", () => marked("t")],
    ["▼", "woke", () => marked("w")],
    ["left", "stranded: waits, nobody holds its waker", () => marked("z")],
  ],
  task: [
    ["running", "running", () => run.cooks < 2],
    ["cooks", "running, by cook", () => run.cooks > 1],
    ["ready", "ready", () => true],
    ["waiting", "waiting", () => true],
    ["stranded", "stranded: nobody holds its waker", () => run.tasks.some(({ strandedAt }) => strandedAt >= 0)],
    ["done", "done", () => ended(DONE)],
    ["cancelled", "cancelled", () => ended(CANCELLED)],
    ["panicked", "panicked", () => ended(PANICKED)],
  ],
};

const marked = (letter) => run.marks.letter.includes(letter.charCodeAt(0));
const ended = (how) => run.tasks.some(({ ending }) => ending === how);

function writeHead() {
  const title = visible(given.title) || "a run";
  document.title = `${title} · brigade`;
  byId("title").textContent = title;
  byId("figures").replaceChildren(...given.figures.map(([name, value]) => {
    const box = element("div");
    box.append(element("dt", visible(name)), element("dd", visible(value)));
    return box;
  }));
  byId("advice").replaceChildren(...given.advice.map((sentence) => element("li", visible(sentence))));
  if (given.dropped > 0) {
    byId("dropped").textContent = `${counted(given.dropped, "event")} found no room in the record and ${given.dropped === 1 ? "is" : "are"} missing here. What is drawn rests on the others.`;
    byId("dropped").hidden = false;
  }
  byId("size").textContent = [
    counted(given.kinds.length, "event"),
    counted(run.tasks.length, "task"),
    counted(run.cooks, "cook"),
  ].join(" · ");
}

function writeLegend() {
  byId("legend").replaceChildren(...LEGENDS[view.by].filter(([, , occurs]) => occurs()).map(([sign, words]) => {
    const item = element("li", words);
    const mark = element("span", sign.length === 1 ? sign : "", { className: sign.length === 1 ? "sign" : `sign ${sign}` });
    mark.setAttribute("aria-hidden", "true");
    item.prepend(mark);
    return item;
  }));
}

function drawBy(by) {
  view.by = by;
  view.scroll = 0;
  for (const radio of document.getElementsByName("by")) radio.checked = radio.value === by;
  byId("order-box").hidden = byId("row-buttons").hidden = by === "cook";
  writeLegend();
  writeEmpty();
  view.hover = null;
  pin(view.pin);
  if (view.pin?.kind === "poll") pinPoll(view.pin.poll);
  redraw();
}

function filterBy(text) {
  view.filter = text;
  arrangeRows();
  const all = run.tasks.length;
  byId("count").textContent = view.found === null ? "" : `${number(view.rows.length)} of ${counted(all, "task")}`;
  writeEmpty();
}

function writeEmpty() {
  const nothing = given.kinds.length === 0;
  const filtered = view.by === "task" && view.rows.length === 0;
  byId("empty").textContent = nothing ? "Nothing was recorded in this run." : "No task has such a name.";
  byId("empty").hidden = !nothing && !filtered;
}

function switchTheme() {
  setTheme(themeShown() === "dark" ? "light" : "dark");
  keepInAddress();
}

function showWindow() {
  const whole = view.to - view.from > LENGTH * 0.9999;
  const step = roundStep(nanosPerPixel());
  byId("span").textContent = whole
    ? `the whole run, ${duration(run.length)}`
    : `${duration(view.to - view.from)}, from ${instant(view.from, step)} to ${instant(view.to, step)}`;
  scene.setAttribute("aria-label", `Timeline by ${view.by}, ${byId("span").textContent}`);
  keepInAddress();
}

// What is shown stands in the address after the #, so that it survives a reload and can be sent.

let keeping = 0;

function keepInAddress() {
  clearTimeout(keeping);
  keeping = setTimeout(() => {
    const parts = new URLSearchParams({ by: view.by });
    if (view.from > 0 || view.to < LENGTH) {
      parts.set("from", Math.round(view.from));
      parts.set("to", Math.round(view.to));
    }
    if (view.filter) parts.set("filter", view.filter);
    if (view.order !== "spawned") parts.set("order", view.order);
    if (document.documentElement.dataset.theme) parts.set("theme", themeShown());
    if (view.pin?.kind === "poll") parts.set("poll", view.pin.poll);
    try {
      history.replaceState(null, "", `#${parts}`);
    } catch {
      // Some browsers do not let a file change its address.
    }
  }, 400);
}

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (["light", "dark"].includes(parts.get("theme"))) setTheme(parts.get("theme"));
  if (parts.get("order") in ORDERS) byId("order").value = view.order = parts.get("order");
  if (parts.has("filter")) byId("filter").value = parts.get("filter");
  const [from, to] = [Number(parts.get("from")), Number(parts.get("to"))];
  if (to > from) Object.assign(view, fitWindow(from, to));
  filterBy(byId("filter").value);
  drawBy(parts.get("by") === "task" ? "task" : "cook");
  const poll = parts.has("poll") ? Number(parts.get("poll")) : -1;
  if (Number.isInteger(poll) && poll >= 0 && poll < run.polls.length) pin({ kind: "poll", poll });
}

for (const radio of document.getElementsByName("by")) radio.addEventListener("change", () => drawBy(radio.value));
byId("filter").addEventListener("input", (event) => filterBy(event.target.value));
byId("order").addEventListener("change", (event) => {
  view.order = event.target.value;
  arrangeRows();
});
const BUTTONS = {
  in: () => zoom(1.6, undefined, true),
  out: () => zoom(1 / 1.6, undefined, true),
  all: () => glideTo(0, LENGTH),
  lower: () => changeRowHeight(-1),
  higher: () => changeRowHeight(1),
  theme: switchTheme,
  "keys-open": () => byId("keys").showModal(),
};
for (const [id, act] of Object.entries(BUTTONS)) byId(id).addEventListener("click", act);

writeHead();
listKeys();
arrangeRows();
readColours();
readAddress();
// Its first call, before the first picture, paints that.
new ResizeObserver(resize).observe(scene);

// For the test that drives this page in a browser.
window.brigade = { run, view, frame, hit, xOf, rowTop, rowHeight, placeOf };
