// The run as it was given, and the three tools that everything else is made with: a walk over the
// events, an index of things by what they belong to, and a search in time.

const given = JSON.parse(document.getElementById("run").textContent);

// How many numbers go with an event of each letter. The letters are those of record.rs.
const ARGUMENTS = {
  s: 2, // spawned: task, by
  b: 1, // a poll began: task
  e: 1, // it ended, pending: task
  r: 1, // it ended, ready: task
  x: 1, // it ended in a panic: task
  z: 1, // it waits and nobody holds its waker, stranded: task
  c: 1, // cancelled: task
  q: 2, // woken and queued: task, by
  a: 2, // woken while polled: task, by
  n: 2, // woken for nothing: task, by
  j: 2, // awaited: task, by
  k: 2, // aborted: task, by
  t: 1, // stole: from
  P: 0, // asleep
  U: 0, // awake
  i: 1, // I/O ready: events
  f: 1, // timers fired: timers
};

/// Calls `visit(letter, at, lane, task, by)` for each event, in order of time. `by` is -1 for none.
function eachEvent(visit) {
  let at = 0;
  let next = 0;
  for (let i = 0; i < given.kinds.length; i++) {
    const letter = given.kinds[i];
    at += given.gaps[i];
    const count = ARGUMENTS[letter];
    const first = count > 0 ? given.with[next] : 0;
    const second = count > 1 ? given.with[next + 1] - 1 : -1;
    next += count;
    visit(letter, at, given.on[i], first, second);
  }
}

/// A table whose rows are numbered and whose columns are arrays of numbers: a hundred thousand small
/// objects would cost ten times the memory, and the collector's pauses would be seen as jerks.
class Table {
  constructor(...columns) {
    this.length = 0;
    this.columns = columns;
    for (const column of columns) this[column] = [];
  }

  add(...values) {
    this.columns.forEach((column, i) => this[column].push(values[i]));
    return this.length++;
  }

  /// No more rows are added: from here on the columns are packed.
  freeze() {
    for (const column of this.columns) this[column] = Float64Array.from(this[column]);
  }
}

/// Rows by the value of one column, which lies in 0..kinds (rows with -1 belong nowhere). The rows of
/// `k` are `rows[start[k]]` up to `rows[start[k + 1]]`, in the table's order.
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

/// The first place in `rows[low..high]` whose value in `column`, which grows, is above `limit`.
function firstAbove(rows, low, high, column, limit) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[rows[middle]] > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
