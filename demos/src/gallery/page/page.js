// The live page, which receives the server's events and draws their figures.

const $ = (id) => document.getElementById(id);
const LESSONS = {
  handler: "The cook that answers a request also resizes its picture: until the picture is done, all other tasks of this cook wait.",
  task: "A separate task resizes the picture, but a cook polls this task too: while it computes, all other tasks of this cook wait.",
  pool: "Threads that run no tasks resize the pictures. The cooks go on answering, and the operating system divides the cores among all threads.",
};
const SPAN = 60; // seconds that the chart shows
const SHOWN = 24; // thumbnails on the wall
const LATE = 1.5; // after this many seconds without an event, the page reports the silence

const history = []; // { t, p50, p99, place }, the newest last
let lastTick = -1;
let lastHeard = performance.now();

const events = new EventSource("/events");
events.onmessage = ({ data }) => show(JSON.parse(data));
events.onerror = () => status("The server does not answer; trying again.", true);
setInterval(() => {
  const silence = (performance.now() - lastHeard) / 1000;
  if (silence > LATE) status(`No news for ${silence.toFixed(1)} s.`, true);
}, 250);

function show(now) {
  lastHeard = performance.now();
  status(`live, ${count(now.cooks, "cook")}`, false);
  $("in-flight").textContent = now.in_flight.toLocaleString("en");
  $("at-once").textContent = now.at_once_max;
  $("rate").textContent = now.tick ? Math.round(now.rate).toLocaleString("en") : "–";
  const errors = now.errors ? `, ${count(now.errors, "error")}` : "";
  $("requests").textContent = `${now.requests.toLocaleString("en")} answered${errors}`;
  $("p50").textContent = time(now.p50_us);
  $("p99").textContent = time(now.p99_us);
  $("finished").textContent = now.finished.toLocaleString("en");
  $("resizing").textContent = now.resizing ? `${now.resizing} under way` : "none under way";
  choose(now.place, now.switchable);
  if (now.tick !== lastTick) {
    lastTick = now.tick;
    history.push({ t: now.t, p50: now.p50_us, p99: now.p99_us, place: now.place });
    while (history.length && history[0].t < now.t - SPAN) history.shift();
    draw();
  }
  for (const number of now.new) hang(number);
}

function status(words, late) {
  $("status").textContent = words;
  $("status").classList.toggle("late", late);
}

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/// Formats a latency to about two digits.
function time(us) {
  if (us === null) return "–";
  if (us < 995) return `${us} µs`;
  if (us < 9950) return `${(us / 1000).toFixed(1)} ms`;
  if (us < 999500) return `${Math.round(us / 1000)} ms`;
  return `${(us / 1e6).toFixed(2)} s`;
}

// The place where thumbnails are made.
const radios = [...document.querySelectorAll("input[name=place]")];
for (const radio of radios) {
  radio.addEventListener("change", () => fetch(`/place/${radio.value}`, { method: "PUT" }));
}

function choose(place, switchable) {
  if ($("choice").dataset.place === place) return;
  $("choice").dataset.place = place;
  $("lesson").textContent = LESSONS[place];
  for (const radio of radios) {
    radio.checked = radio.value === place;
    radio.disabled = !switchable;
  }
}

/// Adds a thumbnail in front of the others.
function hang(number) {
  const image = Object.assign(new Image(), { src: `/finished/${number}`, alt: `Thumbnail ${number}`, title: `Thumbnail ${number}` });
  image.onerror = () => image.remove(); // the server keeps only the newest
  $("wall").prepend(image);
  while ($("wall").children.length > SHOWN) $("wall").lastChild.remove();
}

$("own").addEventListener("change", async () => {
  const [file] = $("own").files;
  if (!file) return;
  const begun = performance.now();
  const reply = await fetch("/thumbnail", { method: "POST", body: file }).catch(() => null);
  const took = time(Math.round((performance.now() - begun) * 1000));
  $("said").textContent = reply?.ok ? `done in ${took}` : (await reply?.text()) ?? "the server hung up";
});

// The chart: a minute of latencies on a logarithmic scale, over a background whose colour shows the place.
const LOW = 50; // µs at the bottom
const HIGH = 5e6; // µs at the top
const RULES = [[100, "100 µs"], [1e3, "1 ms"], [1e4, "10 ms"], [1e5, "100 ms"], [1e6, "1 s"]];
const LEFT = 52;
const BOTTOM = 20;

function draw() {
  const canvas = $("chart");
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const end = history.at(-1)?.t ?? 0;
  canvas.dataset.ticks = history.length;
  const x = (t) => LEFT + (1 - (end - t) / SPAN) * (width - LEFT);
  const share = (us) => Math.log(Math.min(Math.max(us, LOW), HIGH) / LOW) / Math.log(HIGH / LOW);
  const y = (us) => 6 + (1 - share(us)) * (height - BOTTOM - 6);

  history.forEach(({ t, place }, i) => {
    // Round to whole pixels, so that neighbouring bands neither overlap nor leave a gap.
    const from = Math.round(x(history[Math.max(i - 1, 0)].t));
    pen.fillStyle = colour(place);
    pen.fillRect(from, 6, Math.round(x(t)) - from, height - BOTTOM - 6);
  });
  pen.font = "12px system-ui, sans-serif";
  pen.strokeStyle = colour("line");
  pen.fillStyle = colour("quiet");
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const [us, label] of RULES) {
    line(pen, [[LEFT, y(us)], [width, y(us)]], 1);
    pen.fillText(label, LEFT - 8, y(us));
  }
  pen.textBaseline = "alphabetic";
  for (const ago of [0, 15, 30, 45]) {
    pen.textAlign = ago ? "center" : "right";
    pen.fillText(ago ? `${ago} s ago` : "now", x(end - ago), height - 4);
  }
  for (const [key, name] of [["p50", "ink"], ["p99", "late"]]) {
    pen.strokeStyle = colour(name);
    const heard = history.filter((tick) => tick[key] !== null);
    line(pen, heard.map((tick) => [x(tick.t), y(tick[key])]), 2);
  }
}

function line(pen, points, width) {
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x, y);
  pen.stroke();
}

// A colour is resolved for the current theme only if an element uses it.
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
const probe = document.body.appendChild(Object.assign(document.createElement("i"), { hidden: true }));

const dark = matchMedia("(prefers-color-scheme: dark)");
$("theme").addEventListener("click", () => {
  const shown = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = shown === "dark" ? "light" : "dark";
  draw();
});
dark.addEventListener("change", draw);
addEventListener("resize", draw);
draw();
