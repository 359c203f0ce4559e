// Assembles the page: the texts at the top, the buttons, the legend, and the first picture.

// The symbols and their meaning. Only symbols that occur in this run are explained.
const LEGENDS = {
  worker: [
    ["tasks", "a poll, in its task's colour", () => true],
    ["▅", "narrow: the share of time in polls", () => run.polls.length > 200],
    ["asleep", "parked: nothing was ready", () => run.parks.length > 0],
    ["blocked", "blocked: the thread slept or waited in a poll", () => run.polls.blocked.some((time) => time > 0)],
    ["taken", "without a core: others had it", () => run.polls.taken.some((time) => time > 0)],
    ["▲", "I/O ready", () => marked("i")],
    ["◆", "timers fired", () => marked("f")],
    ["●", "stole", () => marked("t")],
    ["▼", "woke", () => marked("w")],
    ["left", "stranded: waits, nobody holds its waker", () => marked("z")],
  ],
  task: [
    ["running", "running", () => run.workers < 2],
    ["cooks", `running, by ${given.worker}`, () => run.workers > 1],
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

const eventsOf = (runs) => runs.reduce((sum, { events }) => sum + events, 0);

function writeHead() {
  const title = visible(given.title) || "a run";
  document.title = `${title} · brigade`;
  byId("title").textContent = title;
  byId("figures").classList.toggle("many", run.runs.length > 1);
  byId("figures").replaceChildren(...run.runs.map(({ name, figures }) => {
    const list = element("dl");
    if (run.runs.length > 1) list.append(element("h2", visible(name)));
    list.append(...figures.map(([term, value]) => {
      const box = element("div", "", { title: TIPS[term] ?? "" });
      box.append(element("dt", visible(term)), element("dd", visible(value)));
      return box;
    }));
    return list;
  }));
  byId("advice").replaceChildren(...given.advice.map(([sentence, home, place, task]) => {
    const item = element("li", visible((run.runs.length > 1 ? `${run.runs[home].name}: ` : "") + sentence));
    if (place !== null) {
      const button = element("button", "show", { type: "button", title: "Show the place in the picture" });
      button.addEventListener("click", () => showPlace(place, task));
      item.append(" ", button);
    }
    return item;
  }));
  const dropped = run.runs.reduce((sum, run) => sum + run.dropped, 0);
  if (dropped > 0) {
    byId("dropped").textContent = `${counted(dropped, "event")} found no room in the record and ${dropped === 1 ? "is" : "are"} missing here. What is drawn rests on the others.`;
    byId("dropped").hidden = false;
  }
  byId("size").textContent = [counted(eventsOf(run.runs), "event"), counted(run.tasks.length, "task"), counted(run.workers, visible(given.worker))].join(" · ");
  byId("by-worker").textContent = `By ${visible(given.worker)}`;
}

/// Explanations of the terms.
const TIPS = {
  "in flight at most": "Tasks spawned and not ended at one instant: concurrency.",
  "at once at most": "Tasks polled at one instant: parallelism.",
  "critical path": "The longest chain of cause and effect: no number of workers makes the run shorter.",
  "tasks waited": "The share of all tasks' time in which they waited to be woken.",
  "tasks were ready": "The share of all tasks' time in which they were ready and no worker polled them.",
  "tasks ran": "The share of all tasks' time in which a worker polled them.",
  "longest poll": "A poll is the time from one await to the next. Nothing else runs on that worker meanwhile.",
  "blocked in polls": "Time in which a worker's thread slept or waited within a poll.",
  "without a core": "Time in which the system gave the cores to other threads although a worker could run.",
};

/// Shows the period of a piece of advice with a margin on both sides, and its task if the rows are tasks.
function showPlace([from, to], task) {
  const margin = Math.max(to - from, LENGTH / 200);
  let { scroll } = view;
  const row = task === null ? -1 : rowOfTask[task];
  if (view.by === "task" && row >= 0) scroll = row * rowHeight() - (view.height - view.top) / 2;
  glideTo(from - margin, to + margin, scroll);
  const longest = task === null ? -1 : run.tasks[task].longest;
  if (longest >= 0 && run.polls.begin[longest] >= from - 1 && run.polls.end[longest] <= to + 1) pin({ kind: "poll", poll: longest });
  else if (task !== null) pin({ kind: "task", task });
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
  byId("order-box").hidden = byId("row-buttons").hidden = by === "worker";
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
  const nothing = eventsOf(run.runs) === 0;
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

// The part of the address after # describes the view, so that a reload or a copied address shows the same
// view.

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
      // Some browsers do not let a page from a file change its address.
    }
  }, 400);
}

/// Chooses the first view: by task if the tasks mostly wait, or by worker if they compute.
function opening() {
  const sum = (state) => run.tasks.reduce((all, task) => all + (task.counted ? task.time[state] : 0), 0);
  return sum(WAITING) > sum(RUNNING) + sum(READY) && run.tasks.length < 200 ? "task" : "worker";
}

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (["light", "dark"].includes(parts.get("theme"))) setTheme(parts.get("theme"));
  if (parts.get("order") in ORDERS) byId("order").value = view.order = parts.get("order");
  if (parts.has("filter")) byId("filter").value = parts.get("filter");
  const [from, to] = [Number(parts.get("from")), Number(parts.get("to"))];
  if (to > from) Object.assign(view, fitWindow(from, to));
  filterBy(byId("filter").value);
  drawBy(parts.get("by") ?? opening());
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
// The observer's first call of `resize` paints the first picture.
new ResizeObserver(resize).observe(scene);

// These are used by the test that drives this page in a browser.
window.brigade = { run, view, frame, hit, xOf, rowTop, rowHeight, placeOf };
