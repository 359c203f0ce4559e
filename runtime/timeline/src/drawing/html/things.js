// The user can point at a *thing* and pin it. A thing is `{ kind, row }`: `row` is an index into the table of
// this kind. An area is `{ kind: "area", from, to, of }`, where `of` lists the threads or tasks of its rows.

const TABLES = { poll: run.polls, span: run.spans, park: run.parks, mark: run.marks, task: run.tasks };
const POLL_ENDS = ["not seen", "pending: it waits", "ready: the task is done", "panicked"];
const TASK_ENDS = ["in flight when the record ends", "", "done", "panicked", "cancelled"];
const STATES = ["", "ready", "running", "waiting"];
const THREADS = { worker: "polls tasks", blocking: "blocking pool", outside: "a thread from outside" };

function about({ kind, row, from, to }) {
  const table = TABLES[kind];
  if (!table) return { from: from ?? 0, to: to ?? LENGTH, task: -1, lane: kind === "lane" ? row : -1 };
  const [task, lane] = [table.task, table.lane].map((column) => column?.[row] ?? -1);
  return { from: table.from[row], to: table.to[row], task, lane };
}

/// Returns the rectangle that a thing occupies on the scene, or `null` if it has no row there.
function placeOf(thing) {
  const { from, to, task, lane } = about(thing);
  const row = rowOf(task, lane);
  if (row < 0 || from < 0) return null;
  const left = Math.max(view.gutter - 4, xOf(from));
  const right = Math.min(view.width, Math.max(xOf(to), xOf(from) + 2));
  return { left, width: right - left, ...rowBody(row) };
}

/// Returns the facts about a thing, and the polls to show in a histogram.
function factsOf(thing) {
  const { task, lane } = about(thing);
  const { lines = [], polls = [], ...facts } = FACTS[thing.kind](thing.row, thing);
  const title = facts.title ?? run.names[task] ?? laneName(lane);
  const said = [...lines, ...(task < 0 ? [] : linesOfTask(task))].filter(([, value]) => value);
  return { title, colour: task < 0 ? colours.quiet : colourOfTask(task), lines: said, polls };
}

const FACTS = {
  poll(poll, { count = 1 }) {
    const { from, to, took, task, lane, outcome } = run.polls;
    const polls = groupOf(run.pollsOfTask, task[poll]);
    const off = within(run.offOfLane, lane[poll], run.off, { from: from[poll] + 0.5, to: to[poll] - 0.5 });
    return { lines: [
      ["here", count > 1 && `${counted(count, "poll")} in a pixel: zoom in; the longest`],
      ["poll", `${number(polls.indexOf(poll) + 1)} of ${number(polls.length)}`],
      ["took", duration(took[poll])],
      ...linesOffCore(off, WHOLE),
      ["from", since(from[poll], took[poll])],
      ["on", laneName(lane[poll])],
      ["outcome", POLL_ENDS[outcome[poll]]],
      ["woken by", wokenBy(poll)],
      ["woke", firstOf(groupOf(run.stirsOfPoll, poll).map(nameOfWoken))],
    ] };
  },
  span(span) {
    const { from, took, state } = run.spans;
    const lines = [[STATES[state[span]], duration(took[span])], ["from", since(from[span], took[span])]];
    return { lines: [...lines, ["for", state[span] === WAITING && awaited(span)]] };
  },
  park(park) {
    const { from, to } = run.parks;
    const length = to[park] - from[park];
    return { lines: [["parked", duration(length)], ["from", since(from[park], length)]] };
  },
  mark(mark) {
    const { from, kind, count, lane } = run.marks;
    const whom = [WOKE, STRANDED].includes(kind[mark]) ? run.names[count[mark]] : number(count[mark]);
    const what = [MARK[kind[mark]], kind[mark] === STOLE ? `from ${run.worker} ${whom}` : whom];
    return { title: laneName(lane[mark]), lines: [what, ["at", instant(from[mark], 1e3)]] };
  },
  task: (task) => ({ polls: groupOf(run.pollsOfTask, task) }),
  lane: (lane) => sumsOf({ from: 0, to: lengthOfRun(lane), of: [lane] }, THREADS[run.lanes[lane].kind]),
  area: (_, area) => ({ title: "marked area", ...sumsOf(area, number(area.of.length)) }),
  curve(row) {
    const { name, term, most } = CURVES[row];
    return { title: name, lines: [["at most", number(most)], ["is", GLOSSARY.get(term)]] };
  },
};

function sumsOf(area, rows) {
  const length = Math.max(1, area.to - area.from);
  const index = (table) => run[`${table}Of${byWorker() ? "Lane" : "Task"}`];
  const inside = (table) => area.of.flatMap((of) => [...within(index(table), of, run[table], area)]);
  const time = (table, found) => sum(found, (row) => overlap(table, row, area));
  const share = (nanos) => `${duration(nanos)} (${percent(nanos / length / area.of.length)})`;
  const polls = inside("polls");
  const states = byWorker() ? [] : inside("spans");
  const inState = (state) => states.filter((span) => run.spans.state[span] === state);
  const others = byWorker()
    ? [["parked", share(time(run.parks, inside("parks")))]]
    : [READY, WAITING].map((state) => [STATES[state], share(time(run.spans, inState(state)))]);
  const lines = [
    ["rows", rows],
    ["period", `${duration(length)}, from ${since(area.from, length)}`],
    ["polls", number(polls.length)],
    ["longest poll", polls.length > 0 && duration(run.polls.took[longestOf(polls)])],
    ["running", share(time(run.polls, polls))],
    ...linesOffCore(inside("off"), area),
    ...others,
  ];
  return { lines, polls };
}

function linesOffCore(rows, area) {
  return ["blocked", "without a core"].map((term, taken) => {
    const time = sum(rows, (row) => (run.off.taken[row] === taken ? overlap(run.off, row, area) : 0));
    return [term, time && duration(time)];
  });
}

function since(time, length) {
  return instant(time, clamp(length / 10 || 1e9, 1, roundStep(nanosPerPixel())));
}

function wokenBy(poll) {
  const { stirs, polls, names } = run;
  const stir = polls.stir[poll];
  if (stir < 0) return "";
  const by = stirs.by[stir];
  const who = by === polls.task[poll] ? "itself" : (names[by] ?? ORIGINS[stirs.origin[stir]]);
  const how = stirs.origin[stir] === BY_SPAWN && by >= 0 ? `spawned by ${who}` : who;
  const before = duration(Math.max(0, polls.from[poll] - stirs.at[stir]));
  return `${how}, ${before} before, on ${laneName(stirs.lane[stir])}`;
}

function nameOfWoken(stir) {
  const { origin, task } = run.stirs;
  return (origin[stir] === BY_SPAWN ? "spawned " : "") + run.names[task[stir]];
}

function awaited(span) {
  const { spans, joins, tasks } = run;
  const at = spans.from[span];
  const living = (task) => tasks.ending[task] === OPEN || tasks.to[task] > at;
  const joined = groupOf(run.joinsOfTask, spans.task[span]).filter((join) => joins.at[join] <= at);
  const others = joined.map((join) => joins.task[join]).filter(living);
  return firstOf([...new Set(others.map((task) => run.names[task]))]);
}

function firstOf(names) {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${number(names.length - 3)} more` : "");
}

function linesOfTask(task) {
  const { from, to, ending, nowhere, stranded, aborted, time, run: home } = run.tasks;
  if (from[task] < 0) return [["the task", "nothing of it was recorded"]];
  const life = to[task] - from[task];
  const share = (state) => `${percent(time[state][task] / (life || 1))} (${duration(time[state][task])})`;
  const at = (time) => time >= 0 && instant(time, 1e3);
  return [
    ["the task", `${duration(life)} in flight, from ${at(from[task])}`],
    ["of", run.runs.length > 1 && run.runs[home[task]].name],
    ["running", share(RUNNING)],
    ["ready", share(READY)],
    ["waiting", share(WAITING)],
    ["ended", TASK_ENDS[ending[task]]],
    ["useless wakes", nowhere[task] > 0 && number(nowhere[task])],
    ["stranded", at(stranded[task]) && `from ${at(stranded[task])}: its waker is gone`],
    ["abort asked", at(aborted[task])],
  ];
}
