// What the events mean: the polls of each cook, the life of each task, who woke whom, and the two
// curves, in flight (concurrency) and at once (parallelism).

// What a task is doing. A task that has none of these has not begun, or is over.
const READY = 1; // in a run queue: it could run if a cook were free
const RUNNING = 2;
const WAITING = 3; // for an event, a timer, another task

// How a poll or a task ended.
const OPEN = 0; // the record ends first
const PENDING = 1;
const DONE = 2;
const PANICKED = 3;
const CANCELLED = 4;
const OUTCOME = { e: PENDING, r: DONE, x: PANICKED };

// Where a wake came from.
const BY_TASK = 0;
const BY_IO = 1;
const BY_TIMER = 2;
const BY_THREAD = 3;
const BY_SPAWN = 4;

const run = readRun();

function readRun() {
  const { names, lanes: threads, length } = given;
  const count = names.length;
  const polls = new Table("task", "lane", "begin", "end", "outcome", "stir");
  // Wakes and spawns: whatever makes a task ready. `from` is the poll that did it, `to` the poll
  // that came of it, -1 for none.
  const stirs = new Table("task", "lane", "at", "by", "origin", "from", "to");
  const spans = new Table("task", "from", "to", "state", "poll");
  const parks = new Table("lane", "from", "to");
  const marks = new Table("lane", "at", "letter", "count");
  const joins = new Table("by", "at", "task");
  const flight = { at: [0], value: [0] };
  const once = { at: [0], value: [0] };

  const mains = new Set(given.mains);
  const tasks = names.map((name, i) => ({
    label: nameOf(name ?? `task ${i}`),
    main: mains.has(i),
    // The work of the blocking pool is no task to the figures, nor is the main future.
    counted: !mains.has(i),
    born: -1,
    over: -1,
    ending: OPEN,
    polls: 0,
    longest: -1,
    nowhere: 0,
    spawner: -1,
    abortedAt: -1,
    strandedAt: -1,
    time: [0, 0, 0, 0],
  }));
  eachEvent((letter, at, lane, task) => {
    if (letter === "b" && threads[lane][1] === "b") tasks[task].counted = false;
  });

  const state = new Uint8Array(count);
  const since = new Float64Array(count);
  const polling = new Int32Array(count).fill(-1);
  const stirred = new Int32Array(count).fill(-1);
  const again = new Uint8Array(count);
  const busyWith = new Int32Array(threads.length).fill(-1);
  const asleep = new Float64Array(threads.length).fill(-1);
  const cause = new Uint8Array(threads.length).fill(BY_THREAD);

  function step(curve, at, by) {
    curve.at.push(at);
    curve.value.push(curve.value.at(-1) + by);
  }

  // A poll that ends in the nanosecond in which another one begins does not overlap with it.
  function stepOnce(at, by) {
    const value = once.value.at(-1) + by;
    if (once.at.at(-1) === at && once.value.at(-1) > 1) once.value[once.value.length - 1] = value;
    else step(once, at, by);
  }

  function enter(task, next, at) {
    const was = state[task];
    if (was !== 0) {
      const from = since[task];
      // On a virtual clock polls take no time, and are to be seen all the same.
      if (at > from || was === RUNNING) spans.add(task, from, at, was, was === RUNNING ? polling[task] : -1);
      tasks[task].time[was] += at - from;
    }
    state[task] = next;
    since[task] = at;
  }

  // Where events were dropped a task may turn up without having been spawned.
  function bear(task, at) {
    if (tasks[task].born >= 0) return;
    tasks[task].born = at;
    if (tasks[task].counted) step(flight, at, 1);
  }

  function finish(task, ending, at) {
    if (tasks[task].over >= 0) return;
    bear(task, at);
    enter(task, 0, at);
    tasks[task].over = at;
    tasks[task].ending = ending;
    if (tasks[task].counted) step(flight, at, -1);
  }

  function begin(lane, task, at) {
    // Ends that were dropped: of the poll before on this thread, of the one before of this task.
    if (busyWith[lane] >= 0) end(lane, polls.task[busyWith[lane]], OPEN, at);
    if (polling[task] >= 0) end(polls.lane[polling[task]], task, OPEN, at);
    bear(task, at);
    const poll = polls.add(task, lane, at, at, OPEN, -1);
    if (stirred[task] >= 0) attach(stirred[task], poll);
    stirred[task] = -1;
    again[task] = 0;
    tasks[task].strandedAt = -1;
    if (tasks[task].over < 0) enter(task, RUNNING, at);
    polling[task] = poll;
    busyWith[lane] = poll;
    cause[lane] = BY_THREAD;
    tasks[task].polls++;
    if (countsAtOnce(lane, task)) stepOnce(at, 1);
  }

  function end(lane, task, outcome, at) {
    const poll = busyWith[lane];
    if (poll < 0 || polls.task[poll] !== task) return; // its beginning was dropped
    polls.end[poll] = at;
    polls.outcome[poll] = outcome;
    const longest = tasks[task].longest;
    if (longest < 0 || at - polls.begin[poll] > polls.end[longest] - polls.begin[longest]) tasks[task].longest = poll;
    if (countsAtOnce(lane, task)) stepOnce(at, -1);
    if (outcome === DONE || outcome === PANICKED) finish(task, outcome, at);
    else if (tasks[task].over < 0) enter(task, again[task] ? READY : WAITING, at);
    busyWith[lane] = -1;
    polling[task] = -1;
  }

  function countsAtOnce(lane, task) {
    return threads[lane][1] === "w" && !tasks[task].main;
  }

  function stir(lane, task, by, origin, at) {
    const poll = busyWith[lane];
    const from = by >= 0 && poll >= 0 && polls.task[poll] === by ? poll : -1;
    return stirs.add(task, lane, at, by, origin, from, -1);
  }

  function attach(row, poll) {
    polls.stir[poll] = row;
    stirs.to[row] = poll;
  }

  function wake(letter, lane, task, by, at) {
    const row = stir(lane, task, by, by >= 0 ? BY_TASK : cause[lane], at);
    if (by < 0 && threads[lane][1] === "o") marks.add(lane, at, "w".charCodeAt(0), task);
    if (letter === "n") {
      tasks[task].nowhere++;
    } else if (state[task] === RUNNING) {
      const poll = polling[task];
      // Another thread may write down its wake when the task is being polled already for it.
      if (letter === "q" && polls.stir[poll] < 0) {
        attach(row, poll);
      } else {
        again[task] = 1;
        stirred[task] = row;
      }
    } else if (tasks[task].over < 0) {
      bear(task, at);
      if (state[task] !== READY) enter(task, READY, at);
      if (stirred[task] < 0) stirred[task] = row;
    }
  }

  const meanings = {
    s(lane, at, task, by) {
      tasks[task].spawner = by;
      const row = stir(lane, task, by, BY_SPAWN, at);
      if (state[task] === 0) {
        bear(task, at);
        enter(task, READY, at);
        stirred[task] = row;
      } else if (polling[task] >= 0) {
        attach(row, polling[task]); // its first poll was written down before, by another thread
      }
    },
    b: (lane, at, task) => begin(lane, task, at),
    c: (lane, at, task) => finish(task, CANCELLED, at),
    z(lane, at, task) {
      tasks[task].strandedAt = at;
      marks.add(lane, at, "z".charCodeAt(0), task);
    },
    j: (lane, at, task, by) => joins.add(by, at, task),
    k: (lane, at, task) => (tasks[task].abortedAt = at),
    t: (lane, at, from) => marks.add(lane, at, "t".charCodeAt(0), from),
    P: (lane, at) => ((asleep[lane] = at), (cause[lane] = BY_THREAD)),
    U(lane, at) {
      if (asleep[lane] >= 0) parks.add(lane, asleep[lane], at);
      asleep[lane] = -1;
    },
    i(lane, at, events) {
      marks.add(lane, at, "i".charCodeAt(0), events);
      cause[lane] = BY_IO;
    },
    f(lane, at, timers) {
      marks.add(lane, at, "f".charCodeAt(0), timers);
      cause[lane] = BY_TIMER;
    },
  };
  for (const letter of "erx") {
    meanings[letter] = (lane, at, task) => end(lane, task, OUTCOME[letter], at);
  }
  for (const letter of "qan") {
    meanings[letter] = (lane, at, task, by) => wake(letter, lane, task, by, at);
  }
  eachEvent((letter, at, lane, task, by) => meanings[letter](lane, at, task, by));

  // The record ends; what was going on goes on to its edge.
  busyWith.forEach((poll) => {
    if (poll >= 0) polls.end[poll] = length;
  });
  asleep.forEach((at, lane) => {
    if (at >= 0) parks.add(lane, at, length);
  });
  tasks.forEach((task, i) => enter(i, 0, length));

  for (const table of [polls, stirs, spans, parks, marks, joins]) table.freeze();
  return {
    length,
    tasks,
    lanes: orderLanes(threads),
    cooks: threads.filter(([, kind]) => kind === "w").length,
    polls,
    stirs,
    spans,
    parks,
    marks,
    joins,
    flight,
    once,
    pollsOfLane: groupBy(polls.lane, threads.length),
    pollsOfTask: groupBy(polls.task, count),
    spansOfTask: groupBy(spans.task, count),
    parksOfLane: groupBy(parks.lane, threads.length),
    marksOfLane: groupBy(marks.lane, threads.length),
    joinsOfTask: groupBy(joins.by, count),
    stirsOfPoll: groupBy(stirs.from, polls.length),
  };
}

/// The threads in the order in which they are drawn: cooks, the blocking pool, those from outside.
function orderLanes(threads) {
  const rank = { w: 0, b: 1, o: 2 };
  return threads
    .map(([name, kind, number], index) => ({ index, name: nameOf(name), kind, number }))
    .sort((a, b) => rank[a.kind] - rank[b.kind] || a.number - b.number || a.index - b.index);
}
