// Sets up the page: the texts at the top, the toolbar, the address, and the first picture.

const toolbar = byId("toolbar");

function writeHead() {
  const { runs, tasks, workers, worker, title } = run;
  document.title = `${title} · brigade`;
  byId("title").textContent = title;
  for (const place of document.querySelectorAll("[data-worker]")) place.textContent = worker;
  const events = counted(sum(runs, (it) => it.events), "event");
  byId("size").textContent = [events, counted(tasks.length, "task"), counted(workers, worker)].join(" · ");
  const dropped = sum(runs, (it) => it.dropped);
  byId("dropped").hidden = dropped === 0;
  byId("dropped").textContent =
    `${counted(dropped, "event")} found no room in the record. The page shows only the other events.`;
  for (const [keys, words] of KEYS) {
    const term = element("dt");
    term.append(...keys.split(" ").map((key) => element("kbd", key)));
    byId("keys").append(term, element("dd", words));
  }
}

function writeFigures() {
  const terms = new Set(run.runs.flatMap(({ figures }) => figures.map(([term]) => term)));
  const head = element("tr");
  head.append(element("td"), ...Array.from(terms, (term) => element("th", term)));
  byId("figures").classList.toggle("many", run.runs.length > 1);
  byId("figures").tHead.append(head);
  for (const { name, figures, longest } of run.runs) {
    const row = byId("figures").tBodies[0].insertRow();
    row.append(element("th", name));
    for (const term of terms) {
      const value = figures.find(([its]) => its === term)?.[1] ?? "";
      const cell = row.appendChild(element("td", value));
      if (term !== "longest poll" || longest < 0) continue;
      cell.replaceChildren(button(value, "Show this poll", () => pinPoll(longest, true)));
    }
  }
}

function writeAdvice() {
  for (const { words, run: home, place, task } of run.advice) {
    const item = element("li", (run.runs.length > 1 ? `${run.runs[home].name}: ` : "") + words);
    const jump = () => showPlace(place, task);
    if (place) item.append(" ", button("show", "Show the place in the picture", jump));
    byId("advice").append(item);
  }
}

function showPlace([from, to], task) {
  const margin = Math.max(to - from, LENGTH / 200);
  show(from - margin, to + margin, scrollFor(rowOf(task, -1)));
  if (task < 0) return;
  const inside = (poll) => run.polls.from[poll] >= from && run.polls.to[poll] <= to;
  const poll = longestOf(groupOf(run.pollsOfTask, task).filter(inside));
  pin(poll < 0 ? { kind: "task", row: task } : { kind: "poll", row: poll });
}

function writeLegend() {
  const { polls, parks, marks, off, tasks, workers } = run;
  const seen = new Set([
    ...Array.from(marks.kind, (kind) => MARK[kind]),
    ...Array.from(tasks.ending, (ending) => TASK_ENDS[ending]),
    workers > 1 ? "workers" : "worker",
    polls.length > 200 && "many",
    parks.length > 0 && "parked",
    off.taken.includes(0) && "blocked",
    off.taken.includes(1) && "taken",
  ]);
  for (const item of document.querySelectorAll("[data-if]")) item.hidden = !seen.has(item.dataset.if);
}

function readToolbar() {
  const { by } = view;
  Object.assign(view, Object.fromEntries(new FormData(toolbar)));
  document.body.dataset.by = view.by;
  arrangeRows();
  if (by === view.by) return;
  // Unpin an area or a thread, because the other view has no place for it.
  pin(view.pin && about(view.pin).task >= 0 ? view.pin : null);
  if (view.pin) scrollTo(scrollFor(rowOf(about(view.pin).task, about(view.pin).lane)));
}

function describeWindow() {
  const { from, to } = view;
  const step = roundStep(nanosPerPixel());
  const part = `${duration(to - from)}, from ${instant(from, step)} to ${instant(to, step)}`;
  byId("span").textContent = to - from > LENGTH * 0.9999 ? `the whole run, ${duration(run.length)}` : part;
  scene.setAttribute("aria-label", `Timeline by ${view.by}, ${byId("span").textContent}`);
  clearTimeout(keeping);
  keeping = setTimeout(keepInAddress, 400);
}

// The address describes the view, so that a reload or a copied address shows the same view.
let keeping = 0;

function keepInAddress() {
  const { from, to, theme, pin: thing } = view;
  const parts = new URLSearchParams(new FormData(toolbar));
  for (const [name, value] of Object.entries({ from, to, theme })) parts.set(name, value);
  if (thing?.kind === "poll") parts.set("poll", thing.row);
  try {
    history.replaceState(null, "", `#${parts}`);
  } catch {
    // Some browsers do not allow a page from a file to change its address.
  }
}

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const [from, to, poll] = ["from", "to", "poll"].map((name) => Number(parts.get(name) ?? NaN));
  setTheme(parts.get("theme")?.match(/^(light|dark)$/)?.[0] ?? "");
  // At first, show the view by task if the tasks mostly wait. Otherwise, show the view by worker.
  toolbar.elements.by.value = run.waits ? "task" : "worker";
  for (const [name, value] of parts) {
    if (["by", "filter", "order"].includes(name)) toolbar.elements[name].value = value;
  }
  readToolbar();
  if (to > from && Number.isFinite(to - from)) show(from, to);
  if (poll in run.polls.took) pin({ kind: "poll", row: poll });
}

toolbar.addEventListener("input", readToolbar);
writeHead();
writeFigures();
writeAdvice();
writeLegend();
readAddress();
// The observer's first call of `resize` paints the first picture.
new ResizeObserver(resize).observe(scene);

// A test that drives this page in a browser uses these names.
window.brigade = { run, view, frame, placeOf, xOf, rowHeight, GLOSSARY };
