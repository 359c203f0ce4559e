// Reads the runs from their spans. Several runs are shown side by side on one scale. Each begins at 0, and
// their threads and tasks are numbered across all runs. This file also has the three tools that everything
// else uses: a table, an index of rows by the value of a column, and a search in time.

const given = JSON.parse(document.getElementById("run").textContent);

// The state of a task.
const READY = 1; // ready: it could run if a worker were free
const RUNNING = 2;
const WAITING = 3; // waiting for an event, a timer or another task

// How a poll or a task ended.
const OPEN = 0; // the record ends before the poll or the task does
const PENDING = 1;
const DONE = 2;
const PANICKED = 3;
const CANCELLED = 4;

// The source of a wake.
const BY_TASK = 0;
const BY_IO = 1;
const BY_TIMER = 2;
const BY_THREAD = 3;
const BY_SPAWN = 4;
const BY_JOIN = 5;

/// Groups rows by the value of one column. The values are below `kinds`, or -1 for a row that belongs to no
/// group. The rows of group `k` are `rows[start[k]]` up to, but not including, `rows[start[k + 1]]`, in the
/// table's order.
function groupBy(column, kinds) {
  const start = new Int32Array(kinds + 1);
  for (const key of column) if (key >= 0) start[key + 1]++;
  for (let k = 0; k < kinds; k++) start[k + 1] += start[k];
  const next = start.slice();
  const rows = new Int32Array(start[kinds]);
  column.forEach((key, row) => {
    if (key >= 0) rows[next[key]++] = row;
  });
  return { start, rows };
}

/// Returns the first index in `rows[low..high]` at which the value in `column` is above `limit`. The values
/// must be in rising order.
function firstAbove(rows, low, high, column, limit) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[rows[middle]] > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/// Makes a table whose rows are numbered and whose columns are arrays of numbers. A hundred thousand small
/// objects would take ten times the memory. A column whose name ends in `-gaps` holds differences to the
/// previous row.
function table(columns) {
  const made = { length: Object.values(columns)[0].length };
  for (const [name, values] of Object.entries(columns)) {
    const column = Float64Array.from(values);
    if (name.endsWith("-gaps")) {
      for (let i = 1; i < column.length; i++) column[i] += column[i - 1];
      made[name.slice(0, -5)] = column;
    } else {
      made[name] = column;
    }
  }
  return made;
}

const run = readRun();

function readRun() {
  const tasks = given.names.map((name, i) => {
    const [kind, home, born, over, ending, spawner, nowhere, abortedAt, strandedAt] = given.tasks[i];
    // Each run has its own main future.
    const of = kind === 1 && given.runs.length > 1 ? `${given.runs[home].name}: ` : "";
    return { label: nameOf(of + (name ?? `${kind === 2 ? "blocking job" : "task"} ${i}`)), main: kind === 1, counted: kind === 0, run: home, born, over, ending, spawner, nowhere, abortedAt, strandedAt, polls: 0, longest: -1, time: [0, 0, 0, 0] };
  });
  const [polls, stirs, parks, marks, joins] = [given.polls, given.stirs, given.parks, given.marks, given.joins].map(table);
  polls.end = polls.begin.map((begin, poll) => begin + polls.took[poll]);
  polls.blocked = new Float64Array(polls.length);
  polls.taken = new Float64Array(polls.length);
  for (const [poll, blocked, taken] of given.off) [polls.blocked[poll], polls.taken[poll]] = [blocked, taken];
  for (let poll = 0; poll < polls.length; poll++) {
    const task = tasks[polls.task[poll]];
    task.polls++;
    if (task.longest < 0 || polls.took[poll] > polls.took[task.longest]) task.longest = poll;
  }
  const spans = readSpans(tasks, polls);
  const lanes = given.lanes
    .map(([name, kind, number, home], index) => ({ index, name: nameOf(name), kind, number, run: home }))
    .sort((a, b) => a.run - b.run || "wbo".indexOf(a.kind) - "wbo".indexOf(b.kind) || a.number - b.number || a.index - b.index);
  const [threads, count] = [lanes.length, tasks.length];
  return {
    length: Math.max(0, ...given.runs.map(({ length }) => length)),
    runs: given.runs,
    tasks,
    lanes,
    workers: lanes.filter(({ kind }) => kind === "w").length,
    polls,
    stirs,
    spans,
    parks,
    marks,
    joins,
    pollsOfLane: groupBy(polls.lane, threads),
    pollsOfTask: groupBy(polls.task, count),
    spansOfTask: groupBy(spans.task, count),
    parksOfLane: groupBy(parks.lane, threads),
    marksOfLane: groupBy(marks.lane, threads),
    joinsOfTask: groupBy(joins.by, count),
    stirsOfPoll: groupBy(stirs.from, polls.length),
  };
}

/// Reads the spans. Each is given as a state and a length, and the first span of a task begins when the task
/// does.
function readSpans(tasks, polls) {
  const { counts, states, lengths } = given.spans;
  const size = lengths.length;
  const spans = { length: size, task: new Float64Array(size), from: new Float64Array(size), to: new Float64Array(size), state: new Uint8Array(size), poll: new Float64Array(size).fill(-1) };
  const ofTask = groupBy(polls.task, tasks.length);
  let row = 0;
  tasks.forEach((task, i) => {
    let at = task.born;
    let next = ofTask.start[i];
    for (let n = 0; n < counts[i]; n++, row++) {
      const state = Number(states[row]);
      spans.task[row] = i;
      spans.from[row] = at;
      at += lengths[row];
      spans.to[row] = at;
      spans.state[row] = state;
      task.time[state] += lengths[row];
      if (state !== RUNNING) continue;
      // If the beginning or the end of a poll is missing, the poll has no span.
      while (next < ofTask.start[i + 1] - 1 && polls.begin[ofTask.rows[next]] < spans.from[row]) next++;
      spans.poll[row] = ofTask.rows[next++];
    }
  });
  return spans;
}
