// Reads the runs. The page shows several runs side by side on one scale, and each begins at 0. Threads, tasks
// and polls are numbered across all runs; -1 means none.

// The state of a task.
const READY = 1; // it could run if a worker were free
const RUNNING = 2;
const WAITING = 3; // for an event, a timer or another task

// How a task ended. OPEN means that the record ends before the task does.
const [OPEN, DONE, PANICKED] = [0, 2, 3];

// The source of a wake, in words. The word is empty if the source is a task.
const ORIGINS = ["", "I/O", "timer", "outside", "spawned", ""];
const BY_SPAWN = 4;

const run = readRun(JSON.parse(byId("run").textContent));

function readRun(given) {
  const names = ["tasks", "polls", "stirs", "parks", "marks", "joins", "spans", "off"];
  for (const name of names) given[name] = table(given[name]);
  const { tasks, polls, stirs, parks, marks, joins, spans, off } = given;
  const [threads, count] = [given.lanes.length, tasks.length];
  tasks.task = tasks.from.map((_, task) => task);
  marks.to = marks.from;
  polls.to = polls.from.map((from, poll) => from + polls.took[poll]);
  readSpans(tasks, spans);
  return {
    ...given,
    length: Math.max(0, ...given.runs.map(({ length }) => length)),
    workers: given.lanes.filter(({ kind }) => kind === "worker").length,
    pollsOfLane: groupBy(polls.lane, threads),
    parksOfLane: groupBy(parks.lane, threads),
    marksOfLane: groupBy(marks.lane, threads),
    offOfLane: groupBy(off.lane, threads),
    offOfTask: groupBy(off.task, count),
    pollsOfTask: groupBy(polls.task, count),
    spansOfTask: groupBy(spans.task, count),
    readyOfTask: groupBy(spans.task.map((task, span) => (spans.state[span] === READY ? task : -1)), count),
    joinsOfTask: groupBy(joins.by, count),
    stirsOfPoll: groupBy(stirs.from, polls.length),
  };
}

/// Makes a table of columns, because a hundred thousand small objects would take ten times the memory. In a
/// column whose name ends in `-gaps`, each value is the difference to the previous row.
function table(columns) {
  const made = { length: Object.values(columns)[0].length };
  for (const [name, values] of Object.entries(columns)) {
    const column = Float64Array.from(values);
    if (name.endsWith("-gaps")) for (let i = 1; i < column.length; i++) column[i] += column[i - 1];
    made[name.replace("-gaps", "")] = column;
  }
  return made;
}

/// Gives each span its task, beginning and end. The first span of a task begins with the task. Each later
/// span begins where the previous span ends.
function readSpans(tasks, spans) {
  for (const name of ["task", "from", "to"]) spans[name] = new Float64Array(spans.length);
  tasks.time = [0, READY, RUNNING, WAITING].map(() => new Float64Array(tasks.length));
  let span = 0;
  tasks.spans.forEach((count, task) => {
    let at = tasks.from[task];
    for (const next = span + count; span < next; span++) {
      spans.task[span] = task;
      spans.from[span] = at;
      spans.to[span] = at += spans.took[span];
      tasks.time[spans.state[span]][task] += spans.took[span];
    }
  });
}

/// Groups rows by the value of a column. Group `k` has the rows `rows[start[k]..start[k + 1]]`, in the
/// table's order. A row with the value -1 belongs to no group.
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

const groupOf = ({ start, rows }, group) => [...rows.subarray(start[group], start[group + 1])];

/// Returns the first index from `low` to `high` whose value is above `limit`. The values must ascend.
function firstAbove(low, high, valueOf, limit) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueOf(middle) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/// Returns the rows of a group that overlap with a period. The intervals of each group are in order of time.
function within({ start, rows }, group, { from: begins, to: ends }, { from, to }) {
  const first = firstAbove(start[group], start[group + 1], (i) => ends[rows[i]], from - 1e-9);
  return rows.subarray(first, firstAbove(first, start[group + 1], (i) => begins[rows[i]], to));
}

function overlap({ from: begins, to: ends }, row, { from, to }) {
  return Math.max(0, Math.min(ends[row], to) - Math.max(begins[row], from));
}

const sum = (rows, value) => rows.reduce((all, row) => all + value(row), 0);

function longestOf(polls) {
  const { took } = run.polls;
  return polls.reduce((best, poll) => (took[poll] > (took[best] ?? -1) ? poll : best), -1);
}
