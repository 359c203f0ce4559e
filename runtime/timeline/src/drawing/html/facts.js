// Collects the facts about the thing under the mouse, or about the pinned thing.

const ENDINGS = {
  [OPEN]: "still in flight when the record ends",
  [DONE]: "done",
  [PANICKED]: "panicked",
  [CANCELLED]: "cancelled: dropped instead of polled",
};
const POLL_ENDINGS = { [OPEN]: "not seen", [PENDING]: "pending: it waits", [DONE]: "ready: the task is done", [PANICKED]: "panicked" };
const STATE_WORDS = { [READY]: "ready, but not running", [RUNNING]: "running", [WAITING]: "waiting" };
const WHOLE = "the task";

/// Returns `{ title, colour, lines: [[name, value]] }`.
function factsOf(thing) {
  switch (thing.kind) {
    case "poll":
      return factsOfPoll(thing.poll, thing.beside ?? 0);
    case "span":
      return factsOfSpan(thing.span);
    case "task":
      return { title: run.tasks[thing.task].label, colour: colourOf(thing.task), lines: linesOfTask(thing.task) };
    case "park":
      return factsOfPark(thing.park);
    case "mark":
      return factsOfMark(thing.mark);
    default:
      return factsOfLane(thing.lane);
  }
}

function laneName(lane) {
  return run.lanes[rowOfLane[lane]].name;
}

/// Formats the beginning of a span, for example "12.3456 ms", as precisely as a span of this length requires.
function since(time, length) {
  return instant(time, Math.max(1, Math.min(roundStep(nanosPerPixel()), length / 10 || 1e9)));
}

function factsOfPoll(poll, beside) {
  const { polls, pollsOfTask } = run;
  const task = polls.task[poll];
  const place = pollsOfTask.rows.indexOf(poll, pollsOfTask.start[task]) - pollsOfTask.start[task] + 1;
  const length = polls.end[poll] - polls.begin[poll];
  const lines = [
    ["poll", `${number(place)} of ${number(run.tasks[task].polls)}`],
    ["took", duration(length)],
    ["blocked", polls.blocked[poll] > 0 ? duration(polls.blocked[poll]) : ""],
    ["without a core", polls.taken[poll] > 0 ? duration(polls.taken[poll]) : ""],
    ["from", since(polls.begin[poll], length)],
    ["on", laneName(polls.lane[poll])],
    ["outcome", POLL_ENDINGS[polls.outcome[poll]]],
    ["woken by", wokenBy(poll)],
    ["woke", wokeWhom(poll)],
    ...linesOfTask(task),
  ];
  if (beside > 0) lines.unshift(["here", `${counted(beside + 1, "poll")} in a pixel: zoom in; the longest`]);
  return { title: run.tasks[task].label, colour: colourOf(task), lines: lines.filter(([, value]) => value !== "") };
}

function wokenBy(poll) {
  const { stirs, polls, tasks } = run;
  const stir = polls.stir[poll];
  if (stir < 0) return "";
  const by = stirs.by[stir];
  const origin = stirs.origin[stir];
  const who = by >= 0 ? tasks[by].label : { [BY_IO]: "I/O", [BY_TIMER]: "a timer" }[origin] ?? laneName(stirs.lane[stir]);
  const waited = duration(Math.max(0, polls.begin[poll] - stirs.at[stir]));
  const how = origin === BY_SPAWN ? `spawned by ${who}` : by === polls.task[poll] ? "itself" : who;
  return `${how}, ${waited} before, on ${laneName(stirs.lane[stir])}`;
}

function wokeWhom(poll) {
  const { start, rows } = run.stirsOfPoll;
  const targets = [...rows.subarray(start[poll], Math.min(start[poll + 1], start[poll] + 3))];
  if (targets.length === 0) return "";
  const names = targets.map((stir) => (run.stirs.origin[stir] === BY_SPAWN ? "spawned " : "") + run.tasks[run.stirs.task[stir]].label);
  const more = start[poll + 1] - start[poll] - targets.length;
  return names.join(", ") + (more > 0 ? ` and ${number(more)} more` : "");
}

function factsOfSpan(span) {
  const { spans, tasks } = run;
  const task = spans.task[span];
  const length = spans.to[span] - spans.from[span];
  const lines = [
    [STATE_WORDS[spans.state[span]], duration(length)],
    ["from", since(spans.from[span], length)],
    ["for", awaited(span)],
    ...linesOfTask(task),
  ];
  return { title: tasks[task].label, colour: colourOf(task), lines: lines.filter(([, value]) => value !== "") };
}

/// Returns the names of the tasks that a waiting task awaits and that have not ended yet.
function awaited(span) {
  const { spans, joins, joinsOfTask, tasks } = run;
  if (spans.state[span] !== WAITING) return "";
  const task = spans.task[span];
  const names = new Set();
  for (let i = joinsOfTask.start[task]; i < joinsOfTask.start[task + 1]; i++) {
    const row = joinsOfTask.rows[i];
    const { label, over } = tasks[joins.task[row]];
    if (joins.at[row] <= spans.from[span] && (over < 0 || over > spans.from[span])) names.add(label);
    if (names.size > 3) break;
  }
  return [...names].slice(0, 3).join(", ") + (names.size > 3 ? " and others" : "");
}

function linesOfTask(task) {
  const life = run.tasks[task];
  if (life.born < 0) return [[WHOLE, "nothing of it was recorded"]];
  const whole = lifeTime(life) || 1;
  const share = (state) => `${percent(life.time[state] / whole)} (${duration(life.time[state])})`;
  const lines = [
    [WHOLE, `${life.over < 0 ? "since" : duration(lifeTime(life))} ${life.over < 0 ? instant(life.born, 1e3) : `in flight, from ${instant(life.born, 1e3)}`}`],
    ["running", share(RUNNING)],
    ["ready", share(READY)],
    ["waiting", share(WAITING)],
    ["ended", ENDINGS[life.ending]],
  ];
  if (life.nowhere > 0) lines.push(["useless wakes", number(life.nowhere)]);
  if (life.strandedAt >= 0) lines.push(["stranded", `from ${instant(life.strandedAt, 1e3)}: nobody holds its waker`]);
  if (life.abortedAt >= 0) lines.push(["abort asked", instant(life.abortedAt, 1e3)]);
  return lines;
}

function factsOfPark(park) {
  const { lane, from, to } = run.parks;
  const length = to[park] - from[park];
  const lines = [["parked", duration(length)], ["from", since(from[park], length)], ["why", "nothing was ready"]];
  return { title: laneName(lane[park]), colour: colours.quiet, lines };
}

function factsOfMark(mark) {
  const { lane, at, letter, count } = run.marks;
  const kind = String.fromCharCode(letter[mark]);
  const label = run.tasks[count[mark]]?.label;
  const value = { t: `from worker ${count[mark]}`, w: label, z: label }[kind] ?? number(count[mark]);
  return { title: laneName(lane[mark]), colour: colours.quiet, lines: [[MARKS[kind][1], value], ["at", instant(at[mark], 1e3)]] };
}

function factsOfLane(lane) {
  const { polls, busy } = laneInView(lane);
  const kind = { w: "polls tasks", b: "blocking pool", o: "a thread from outside" }[run.lanes[rowOfLane[lane]].kind];
  const lines = [["thread", kind], ["polls", number(polls)], ["in polls", duration(busy)], ["busy", percent(busy / (view.to - view.from))]];
  return { title: laneName(lane), colour: colours.quiet, lines };
}

/// Puts facts into a box: a title with its colour, and a list.
function fill(box, { title, colour, lines }) {
  const heading = element("p", "", { className: "name" });
  const swatch = element("span", "", { className: "swatch" });
  swatch.style.background = colour;
  heading.append(swatch, element("b", title));
  const list = element("dl");
  for (const [name, value] of lines) {
    // Leave a little space above the facts that are about the whole task.
    const className = name === WHOLE ? "part" : "";
    list.append(element("dt", name, { className }), element("dd", value, { className }));
  }
  box.replaceChildren(heading, list);
}

function showTip() {
  const tip = byId("tip");
  tip.hidden = view.hover === null || view.pointer === null || view.box !== null;
  if (tip.hidden) return;
  fill(tip, factsOf(view.hover));
  const place = scene.getBoundingClientRect();
  const x = place.left + view.pointer.x;
  const y = place.top + view.pointer.y;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 18 + width > window.innerWidth ? x - 18 - width : x + 18;
  const top = Math.min(y + 16, window.innerHeight - height - 8);
  tip.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
}

/// Pins a thing: its facts stay visible, with buttons for the previous and the next poll.
function pin(thing) {
  view.pin = thing;
  const card = byId("card");
  card.hidden = thing === null;
  if (thing !== null) {
    const facts = factsOf(thing);
    fill(card, facts);
    card.append(cardButtons(thing));
    const place = placeOf(thing);
    card.classList.toggle("left", place !== null && place.left > view.width * 0.55);
    byId("spoken").textContent = `${facts.title}: ${facts.lines.map((line) => line.join(" ")).join(", ")}`;
  }
  point();
}

function cardButtons(thing) {
  const row = element("p", "", { className: "buttons" });
  const button = (text, title, act) => {
    const made = element("button", text, { type: "button", title });
    made.addEventListener("click", act);
    row.append(made);
  };
  if (taskOf(thing) >= 0) {
    button("‹ poll", "The poll before (p)", () => stepPoll(-1));
    button("poll ›", "The poll after (n)", () => stepPoll(1));
  }
  if (thing.kind === "poll") {
    if (wakerOf(thing.poll) >= 0) button("waker", "The poll that woke it (w)", followBack);
    if (wokenOf(thing.poll) >= 0) button("woken", "The poll that came of it (e)", followOn);
  }
  button("zoom", "Zoom to it (Enter)", zoomToPin);
  button("close", "Unpin it (Escape)", () => pin(null));
  return row;
}
