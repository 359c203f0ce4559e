// Drives the page from within, as a user would, with events at positions on the screen. The test appends this
// script to the page. The script writes its report into the document, where the test reads it.
{
  const { run, view, frame, xOf, rowHeight, placeOf, GLOSSARY } = window.brigade;
  const at = (id) => document.getElementById(id);
  const scene = at("scene");
  const found = [];
  const check = (name, holds, seen = "") => found.push(`${holds ? "ok" : "FAILED"}: ${name}${holds ? "" : ` (${seen})`}`);

  const point = (type, x, y, more = {}) => {
    const { left, top } = scene.getBoundingClientRect();
    const event = { bubbles: true, cancelable: true, clientX: left + x, clientY: top + y, pointerId: 1, pointerType: "mouse", ...more };
    scene.dispatchEvent(type === "wheel" ? new WheelEvent(type, event) : new PointerEvent(type, event));
    frame();
  };
  const click = (x, y) => {
    point("pointerdown", x, y);
    point("pointerup", x, y);
  };
  const press = (key, more = {}) => {
    scene.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
    frame();
  };
  const filter = (text) => {
    at("filter").value = text;
    at("filter").dispatchEvent(new Event("input", { bubbles: true }));
    frame();
  };
  const middle = ({ left, top, width, height }) => [left + width / 2, top + height / 2];
  // Read a copy, which forces the browser to paint the original immediately.
  const { width, height } = scene;
  const copy = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
  const pixels = (wide, high) => {
    copy.drawImage(scene, 0, 0);
    return new Uint32Array(copy.getImageData(0, 0, wide, high).data.buffer);
  };
  const colours = () => new Set(pixels(width, height).filter((_, i) => i % 7 === 0)).size;

  frame();
  check("the picture is not blank", colours() > (run.polls.length > 0 ? 8 : 2), colours());
  check("the page opens by task if tasks mostly wait", view.by === (run.waits ? "task" : "worker"), view.by);
  check("the title is shown", at("title").textContent.length > 0 && document.title.includes("brigade"), document.title);
  check("no name is interpreted as markup", document.querySelectorAll("b:not(#tip b, #card b)").length === 0);

  compareFigures();
  checkStranded();
  if (run.polls.length > 0) {
    exploreByHand();
    exploreByKeys();
    checkTips();
    checkSvg();
  } else {
    check("the page of an empty run says that nothing was recorded", !at("empty").hidden && at("empty").textContent.includes("Nothing"));
    for (const key of ["n", "p", "w", "e", "Enter", "+", "-", "0", "t", "c", "]", "Escape"]) press(key);
    point("pointermove", 400, 300);
    click(400, 300);
    check("the page of an empty run survives keys and clicks", true);
  }
  measure();

  const report = document.createElement("pre");
  report.id = "selftest";
  report.textContent = found.join("\n");
  document.body.append(report);
  report.hidden = true;

  function shown(text) {
    return at("tip").textContent.includes(text) && !at("tip").hidden;
  }

  // The page and the library both compute some figures. The two results must agree.
  function compareFigures() {
    const [, READY, RUNNING, WAITING] = [0, 1, 2, 3];
    const time = (state) => run.tasks.time[state].reduce((sum, nanos, task) => sum + (run.tasks.kind[task] === 0 ? nanos : 0), 0);
    const most = (curve) => curve.value.reduce((a, b) => Math.max(a, b), 0);
    const mine = [most(run.runs[0].flight), run.runs[0].once.most, time(RUNNING), time(READY), time(WAITING)];
    const given = [...document.querySelectorAll("#figures tbody td")].map((value) => Number(value.textContent));
    check("page and runtime agree", mine.every((value, i) => value === given[i]), `${mine} and ${given}`);
  }

  // For a stranded task, the view by task shows a broken line, and the tip gives the reason. The view by
  // worker shows a mark on the thread that polled the task last.
  function checkStranded() {
    const task = run.tasks.stranded.findIndex((when) => when >= 0);
    if (task < 0) return;
    const legend = () => [...document.querySelectorAll(".legend li")].filter((item) => item.offsetParent).map((item) => item.textContent).join();
    const mark = run.marks.kind.indexOf(4);
    press("c");
    check("by worker, the legend explains the sign for stranded tasks", legend().includes("stranded"), legend());
    const sign = middle(placeOf({ kind: "mark", row: mark }));
    point("pointermove", sign[0], placeOf({ kind: "mark", row: mark }).top - 5 + rowHeight() - 8);
    check("the tip of the stranded mark names the task", shown(run.names[task]), at("tip").textContent);
    press("t");
    check("by task, the legend explains the sign for stranded tasks", legend().includes("stranded"), legend());
    const { left, top, width, height } = placeOf({ kind: "task", row: task });
    point("pointermove", left + width * 0.9, top + height / 2);
    check("the tip of a stranded task says why it waits", shown("its waker is gone"), at("tip").textContent);
    press("c");
  }

  function longestPoll() {
    const { took } = run.polls;
    return took.reduce((best, _, poll) => (took[poll] > took[best] ? poll : best), 0);
  }

  function exploreByHand() {
    press("c");
    const poll = longestPoll();
    const label = run.names[run.polls.task[poll]];
    const [x, y] = middle(placeOf({ kind: "poll", row: poll }));
    point("pointermove", x, y);
    check("the tip under the mouse shows facts", shown("took"), at("tip").textContent);
    check("the tip under the mouse names the task", at("tip").querySelector("b")?.textContent === label, at("tip").textContent);
    const box = at("tip").getBoundingClientRect();
    const place = placeOf(view.hover);
    const { top: above } = scene.getBoundingClientRect();
    const beside = box.bottom <= above + place.top || box.top >= above + place.top + place.height;
    check("the tip does not cover the poll that it explains", beside, `${box.top} ${box.bottom}`);
    click(x, y);
    check("a click pins the poll", !at("card").hidden && view.pin?.row === poll, JSON.stringify(view.pin));
    checkTerms();
    point("pointerleave", x, y);
    check("the tip disappears when the mouse leaves the picture", at("tip").hidden);

    const before = view.to - view.from;
    point("wheel", x, y, { deltaY: -400 });
    frame();
    check("the wheel zooms in", view.to - view.from < before * 0.6, view.to - view.from);
    check("the instant under the mouse keeps its place", Math.abs(xOf((run.polls.from[poll] + run.polls.to[poll]) / 2) - x) < 30);
    const from = view.from;
    point("pointerdown", x, y);
    point("pointermove", x - 200, y);
    point("pointerup", x - 200, y);
    frame();
    check("a drag to the left shows a later time", view.from > from, `${from} ${view.from}`);
    check("after a drag, the poll is still pinned", view.pin?.row === poll);
    press("0");
    point("pointerdown", 400, y, { shiftKey: true });
    point("pointermove", 600, y, { shiftKey: true });
    point("pointerup", 600, y, { shiftKey: true });
    frame();
    checkArea();
    press("0");
    check("the key 0 shows the whole run", view.from === 0 && view.to - view.from === before);

    const wanted = label.slice(0, 4).toUpperCase();
    const fits = run.names.filter((name) => name.toUpperCase().includes(wanted)).length;
    filter(wanted);
    check("the filter shows exactly the tasks that match", view.rowOfTask.filter((row) => row >= 0).length === fits && fits > 0, `${view.rowOfTask} of ${fits}`);
    check("the filter shows how many tasks match", at("count").textContent.replace(/,/g, "").startsWith(`${fits} of `), at("count").textContent);
    filter("no task is called that");
    press("t");
    check("if no task matches the filter, the page says so", !at("empty").hidden && view.rows.length === 0);
    filter("");
    check("without a filter, all tasks are shown", view.rows.length === run.names.length && at("empty").hidden);
    point("pointermove", 20, view.top + 3);
    const first = run.names[view.rows[Math.floor(3 / rowHeight())]];
    check("by task, a name has a tip", at("tip").querySelector("b")?.textContent === first, at("tip").textContent);
    point("pointerleave", 20, 20);
    press("Escape");
    check("Escape unpins the poll", view.pin === null && at("card").hidden);
  }

  function checkTerms() {
    const terms = [...document.querySelectorAll("#card dt")].map(({ textContent }) => textContent);
    check("every term on the card has a tip", terms.length > 0 && terms.every((term) => GLOSSARY.has(term)), terms);
  }

  // A marked area shows its sums, and a histogram of its polls. Enter zooms to the area.
  function checkArea() {
    const area = view.pin;
    const { from, to, took } = run.polls;
    const inside = [...took.keys()].filter((poll) => from[poll] <= area.to && to[poll] >= area.from);
    check("no tip covers the sums of the area", at("tip").hidden);
    check("a drag with Shift marks an area", area?.kind === "area" && !at("card").hidden, JSON.stringify(area));
    const fact = (term) => [...at("card").querySelectorAll("dt")].find(({ textContent }) => textContent === term)?.nextElementSibling.textContent;
    if (area.of.length === run.lanes.length) check("the sums count the polls in the area", Number(fact("polls").replace(/,/g, "")) === inside.length, `${fact("polls")}, not ${inside.length}`);
    checkTerms();
    check("the sums show the time in polls", /\d.* %/.test(fact("running")), fact("running"));
    const bars = [...at("card").querySelectorAll(".bars button:enabled")];
    const counts = bars.map((bar) => Number(bar.dataset.tip.replace(/,/g, "").split(" ")[0]));
    const polls = Number(fact("polls").replace(/,/g, ""));
    check("the histogram contains every poll of the area", counts.reduce((a, b) => a + b, 0) === polls, `${counts} of ${polls}`);
    press("Enter");
    check("Enter zooms to an area", Math.abs(view.from - area.from) < 1 && Math.abs(view.to - area.to) < 1, view.from);
    press("0");
    press("a");
    check("the key a adds up all rows that are shown", view.pin?.of.length === view.rows.length, JSON.stringify(view.pin));
    const all = at("card").querySelectorAll(".bars button:enabled");
    all[all.length - 1]?.click();
    check("the last bar of the histogram pins the longest poll", took[view.pin.row] === Math.max(...took), JSON.stringify(view.pin));
    press("0");
    press("c");
  }

  // A tip appears beside its term, and disappears when the mouse leaves the term.
  function checkTips() {
    const terms = [...document.querySelectorAll("#figures thead th")].filter(({ textContent }) => GLOSSARY.has(textContent));
    const [term] = terms;
    term.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    const [tip, its] = [at("tip").getBoundingClientRect(), term.getBoundingClientRect()];
    check("a term has a tip", shown(GLOSSARY.get(term.textContent)), at("tip").textContent);
    check("the tip does not cover its term", tip.top >= its.bottom || tip.bottom <= its.top, `${tip.top} ${its.bottom}`);
    document.body.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    check("the tip disappears when the mouse leaves its term", at("tip").hidden);
    document.querySelector("#figures td button").click();
    check("a click on the figure pins the longest poll", view.pin?.row === run.runs[0].longest, JSON.stringify(view.pin));
    const [x, y] = middle(placeOf(view.pin));
    point("pointermove", x, y);
    check("the tip does not repeat the card", at("tip").hidden);
    press("Escape");
    check("the mouse is on the longest poll", shown("took"), at("tip").textContent);
    press("Home");
    press("0");
    const { from, to } = view.hover?.kind === "poll" ? { from: run.polls.from[view.hover.row], to: run.polls.to[view.hover.row] } : view;
    check("the tip shows what is under the mouse after the picture moved", xOf(from) - 4 <= x && x <= xOf(to) + 4, `${JSON.stringify(view.hover)} at ${x}`);
    point("pointerleave", x, y);
    press("Escape");
  }

  // Saves the picture of each view as SVG, and reads it.
  function checkSvg() {
    const serialize = XMLSerializer.prototype.serializeToString;
    let saved = "";
    XMLSerializer.prototype.serializeToString = function (node) {
      return (saved = serialize.call(this, node));
    };
    HTMLAnchorElement.prototype.click = () => {};
    for (const key of ["c", "t"]) {
      press(key);
      press("s");
      const picture = new DOMParser().parseFromString(saved, "image/svg+xml");
      check("the SVG can be read", picture.querySelector("parsererror") === null && picture.documentElement.localName === "svg", saved.slice(0, 200));
      check("the SVG begins with the title of the run", picture.querySelector("text").textContent.startsWith(at("title").textContent));
      check("the SVG contains the picture", picture.querySelectorAll("rect").length > 20, saved.length);
    }
    press("c");
  }

  function exploreByKeys() {
    press("c");
    press("n");
    const first = view.pin?.row;
    check("the key n pins the first poll shown", first === 0, first);
    const { start, rows } = run.pollsOfTask;
    const task = run.names.findIndex((_, i) => start[i + 1] - start[i] > 1 && run.polls.stir[rows[start[i] + 1]] >= 0 && run.tasks.kind[i] === 0);
    press("t");
    const place = placeOf({ kind: "poll", row: rows[start[task]] });
    check("by task, the poll has a place in the picture", place !== null);
    view.pin = { kind: "poll", row: rows[start[task]] };
    press("n");
    check("the key n goes to the next poll", view.pin?.row === rows[start[task] + 1], JSON.stringify(view.pin));
    press("p");
    check("the key p goes back to the previous poll", view.pin?.row === rows[start[task]]);
    press("Enter");
    const poll = view.pin.row;
    const [from, to] = [run.polls.from[poll], run.polls.to[poll]];
    // The wake that led to the poll must also be visible, if it came at most 20 poll lengths earlier. With
    // the margins, the window is then at most 63 poll lengths. On a busy machine, this may be more than half
    // of the run.
    const widest = Math.max(run.length / 2, 64 * (to - from));
    check("Enter zooms to the pinned poll", view.from <= from && view.to >= to && view.to - view.from < widest, `${view.from} ${view.to}, of ${run.length}, to ${from} ${to}`);
    press("w");
    check("the key w pins the poll that made the wake", run.polls.task[view.pin.row] === run.stirs.by[run.polls.stir[poll]], JSON.stringify(view.pin));
    press("e");
    check("the key e pins a poll that a wake led to", run.polls.stir[view.pin.row] >= 0);
    press("Escape");
    press("0");
    press("?");
    check("the key ? lists the keys", at("help").open && at("keys").querySelectorAll("kbd").length > 20);
    at("help").close();
    const theme = () => getComputedStyle(document.body).backgroundColor;
    const day = theme();
    press("d");
    check("the key d switches the theme", theme() !== day, day);
    press("d");
    press("c");
  }

  // Measures the time for a frame, including painting. Each movement changes the whole picture: zooming,
  // dragging, and marking an area.
  function measure() {
    for (const by of ["worker", "task"]) {
      for (const way of ["zoom", "drag", "mark"]) {
        press(by === "worker" ? "c" : "t");
        press("0");
        if (way === "drag") press("+");
        if (way !== "zoom") point("pointerdown", 700, view.top + 60, { shiftKey: way === "mark" });
        const times = [];
        for (let i = 0; i < 40; i++) {
          const begun = performance.now();
          if (way === "zoom") point("wheel", 700, view.top + 60, { deltaY: i < 20 ? -150 : 150 });
          else point("pointermove", 700 + (i < 20 ? -12 * i : 12 * i - 480), view.top + 60 + i);
          pixels(1, 1);
          times.push(performance.now() - begun);
        }
        if (way !== "zoom") point("pointerup", 700, view.top + 60);
        times.sort((a, b) => a - b);
        found.push(`frame by ${by}, ${way}: median ${times[20].toFixed(1)} ms, worst ${times[39].toFixed(1)} ms`);
      }
    }
    press("c");
    press("0");
  }
}
