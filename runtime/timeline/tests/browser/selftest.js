// Drives the page from within, as a user would, with events at positions on the screen. The test appends this
// script to the page. Its report is in the document afterwards, where the test reads it.
{
  const { run, view, frame, xOf, rowHeight, placeOf } = window.brigade;
  const at = (id) => document.getElementById(id);
  const scene = at("scene");
  const found = [];
  const check = (name, holds, seen = "") => found.push(`${holds ? "ok" : "FAILED"}: ${name}${holds ? "" : ` (${seen})`}`);

  // Paints everything that is scheduled, until all animations have ended.
  const settle = () => {
    for (let i = 1; i <= 30; i++) frame(performance.now() + i * 20);
  };
  const point = (type, x, y, more = {}) => {
    const { left, top } = scene.getBoundingClientRect();
    const event = { bubbles: true, cancelable: true, clientX: left + x, clientY: top + y, pointerId: 1, pointerType: "mouse", ...more };
    scene.dispatchEvent(type === "wheel" ? new WheelEvent(type, event) : new PointerEvent(type, event));
  };
  const click = (x, y) => {
    point("pointerdown", x, y);
    point("pointerup", x, y);
  };
  const press = (key, more = {}) => {
    scene.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
    settle();
  };
  const filter = (text) => {
    at("filter").value = text;
    at("filter").dispatchEvent(new Event("input", { bubbles: true }));
    settle();
  };
  const middle = ({ left, top, width, height }) => [left + width / 2, top + height / 2];
  // Read a copy, which forces the browser to paint the original immediately.
  const { width, height } = at("stage");
  const copy = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
  const pixels = (wide, high) => {
    copy.drawImage(at("stage"), 0, 0);
    return new Uint32Array(copy.getImageData(0, 0, wide, high).data.buffer);
  };
  const colours = () => new Set(pixels(width, height).filter((_, i) => i % 7 === 0)).size;

  settle();
  check("the picture is not blank", colours() > (run.polls.length > 0 ? 8 : 2), colours());
  check("the title is shown", at("title").textContent.length > 0 && document.title.includes("brigade"), document.title);
  check("nothing became markup", document.querySelectorAll("b:not(#tip b, #card b)").length === 0);

  compareFigures();
  checkStranded();
  if (run.polls.length > 0) {
    exploreByHand();
    exploreByKeys();
  } else {
    check("an empty run says so", !at("empty").hidden && at("empty").textContent.includes("Nothing"));
    for (const key of ["n", "p", "w", "e", "Enter", "+", "-", "0", "t", "c", "]", "Escape"]) press(key);
    point("pointermove", 400, 300);
    click(400, 300);
    check("an empty run can be touched", true);
  }
  measure();

  const report = document.createElement("pre");
  report.id = "selftest";
  report.textContent = found.join("\n");
  document.body.append(report);
  report.hidden = true;

  // Some figures are computed by the page in JavaScript and by the library in Rust. They must agree.
  function compareFigures() {
    const [, READY, RUNNING, WAITING] = [0, 1, 2, 3];
    const time = (state) => run.tasks.filter((task) => task.counted).reduce((sum, task) => sum + task.time[state], 0);
    const most = (curve) => curve.value.reduce((a, b) => Math.max(a, b), 0);
    const mine = [most(run.runs[0].flight), run.runs[0].most[1], time(RUNNING), time(READY), time(WAITING)];
    const given = [...document.querySelectorAll("#figures dd")].map((value) => Number(value.textContent));
    check("page and runtime agree", mine.every((value, i) => value === given[i]), `${mine} and ${given}`);
  }

  // The view by task shows a broken line and a fact. The view by worker shows a mark on the thread that
  // polled the task last.
  function checkStranded() {
    const task = run.tasks.findIndex(({ strandedAt }) => strandedAt >= 0);
    if (task < 0) return;
    const legend = () => at("legend").textContent;
    const mark = [...run.marks.letter].indexOf("z".charCodeAt(0));
    press("c");
    check("by cook, the legend names what is stranded", legend().includes("stranded"), legend());
    const sign = middle(placeOf({ kind: "mark", mark }));
    point("pointermove", sign[0], placeOf({ kind: "mark", mark }).top + rowHeight() - 8);
    check("its mark names the task", at("tip").textContent.includes(run.tasks[task].label), at("tip").textContent);
    press("t");
    check("by task, the legend names what is stranded", legend().includes("stranded"), legend());
    const { left, top, width, height } = placeOf({ kind: "task", task });
    point("pointermove", left + width * 0.9, top + height / 2);
    check("its row says why it waits", at("tip").textContent.includes("nobody holds its waker"), at("tip").textContent);
    press("c");
  }

  function longestPoll() {
    const { begin, end } = run.polls;
    return begin.reduce((best, _, poll) => (end[poll] - begin[poll] > end[best] - begin[best] ? poll : best), 0);
  }

  function exploreByHand() {
    const poll = longestPoll();
    const label = run.tasks[run.polls.task[poll]].label;
    const [x, y] = middle(placeOf({ kind: "poll", poll }));
    point("pointermove", x, y);
    check("hovering shows facts", !at("tip").hidden && at("tip").textContent.includes("took"), at("tip").textContent);
    check("hovering names the task", at("tip").querySelector("b")?.textContent === label, at("tip").textContent);
    click(x, y);
    check("a click pins", !at("card").hidden && view.pin?.poll === poll, JSON.stringify(view.pin));
    point("pointerleave", x, y);
    check("leaving hides the facts", at("tip").hidden);

    const before = view.to - view.from;
    point("wheel", x, y, { deltaY: -400 });
    settle();
    check("the wheel zooms in", view.to - view.from < before * 0.6, view.to - view.from);
    check("the wheel keeps its place", Math.abs(xOf((run.polls.begin[poll] + run.polls.end[poll]) / 2) - x) < 30);
    const from = view.from;
    point("pointerdown", x, y);
    point("pointermove", x - 200, y);
    point("pointerup", x - 200, y);
    settle();
    check("a drag moves on in time", view.from > from, `${from} ${view.from}`);
    check("a drag does not unpin", view.pin?.poll === poll);
    press("0");
    point("pointerdown", 400, y, { shiftKey: true });
    point("pointermove", 600, y, { shiftKey: true });
    point("pointerup", 600, y, { shiftKey: true });
    settle();
    check("a box zooms", view.to - view.from < before * 0.3, view.to - view.from);
    press("0");
    check("0 shows the whole run", view.from === 0 && view.to - view.from === before);

    const wanted = label.slice(0, 4).toUpperCase();
    const fits = run.tasks.filter((task) => task.label.toUpperCase().includes(wanted)).length;
    filter(wanted);
    check("the filter filters", view.rows.length === fits && fits > 0, `${view.rows.length} of ${fits}`);
    check("the filter counts", at("count").textContent.replace(/,/g, "").startsWith(`${fits} of `), at("count").textContent);
    filter("no task is called that");
    press("t");
    check("a filter that finds nothing says so", !at("empty").hidden && view.rows.length === 0);
    filter("");
    check("no filter, all tasks", view.rows.length === run.tasks.length && at("empty").hidden);
    point("pointermove", 20, view.top + 3);
    const named = run.tasks[view.rows[Math.floor(3 / rowHeight())]].label;
    check("by task, names have facts", at("tip").querySelector("b")?.textContent === named, at("tip").textContent);
    point("pointerleave", 20, 20);
    press("Escape");
    check("Escape unpins", view.pin === null && at("card").hidden);
  }

  function exploreByKeys() {
    press("c");
    press("n");
    const first = view.pin?.poll;
    check("n pins the first poll shown", first === 0, first);
    const { start, rows } = run.pollsOfTask;
    const task = run.tasks.findIndex((_, i) => start[i + 1] - start[i] > 1 && run.polls.stir[rows[start[i] + 1]] >= 0 && !run.tasks[i].main);
    press("t");
    const place = placeOf({ kind: "poll", poll: rows[start[task]] });
    check("by task, its row is there", place !== null);
    view.pin = { kind: "poll", poll: rows[start[task]] };
    press("n");
    check("n goes to the next poll", view.pin?.poll === rows[start[task] + 1], JSON.stringify(view.pin));
    press("p");
    check("p goes back", view.pin?.poll === rows[start[task]]);
    press("Enter");
    const { begin, end } = run.polls;
    const [from, to] = [begin[view.pin.poll], end[view.pin.poll]];
    // The wake that led to the poll must also come into view, if it lies at most twenty times the poll's
    // length before the poll. With the margins, the window is then at most 63 times that length. If one poll
    // takes long on a busy machine, that may be most of the run.
    const widest = Math.max(run.length / 2, 64 * (to - from));
    check("Enter zooms to it", view.from <= from && view.to >= to && view.to - view.from < widest, `${view.from} ${view.to}, of ${run.length}, to ${from} ${to}`);
    press("w");
    check("w follows the arrow to the waker", run.polls.task[view.pin.poll] === run.tasks[task].spawner, JSON.stringify(view.pin));
    press("e");
    check("e follows an arrow on", run.polls.stir[view.pin.poll] >= 0);
    press("Escape");
    press("0");
    press("?");
    check("? lists the keys", at("keys").open && at("keys").querySelectorAll("dt").length > 20);
    at("keys").close();
    const theme = () => getComputedStyle(document.body).backgroundColor;
    const day = theme();
    press("d");
    check("d switches the theme", theme() !== day, day);
    press("d");
    press("c");
  }

  // Measures the time for a frame, including painting, for movements that change the whole picture.
  function measure() {
    for (const by of ["worker", "task"]) {
      press(by === "worker" ? "c" : "t");
      press("0");
      const times = [];
      for (let i = 0; i < 40; i++) {
        const { left, top } = scene.getBoundingClientRect();
        scene.dispatchEvent(new WheelEvent("wheel", { clientX: left + 700, clientY: top + 300, deltaY: i < 20 ? -150 : 150, cancelable: true }));
        const begun = performance.now();
        frame(begun);
        pixels(1, 1);
        times.push(performance.now() - begun);
      }
      times.sort((a, b) => a - b);
      found.push(`frame by ${by}: median ${times[20].toFixed(1)} ms, worst ${times[39].toFixed(1)} ms`);
    }
    press("c");
    press("0");
  }
}
