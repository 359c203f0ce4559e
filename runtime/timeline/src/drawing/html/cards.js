// Tips and the card. A tip explains the element that is under the mouse or has the focus. The card shows the
// facts about what the user has pinned, for example a poll.

// The tip of a term is its text in the help.
const terms = [...document.querySelectorAll("#glossary dt")];
const GLOSSARY = new Map(terms.map((term) => [term.textContent, term.nextElementSibling.textContent]));
const tip = byId("tip");

for (const type of ["pointerover", "focusin"]) {
  document.addEventListener(type, ({ target }) => {
    const term = target.closest("dt, th, .legend li");
    const text = target.closest("[data-tip]")?.dataset.tip ?? (term && GLOSSARY.get(term.textContent));
    tip.hidden = !text || byId("help").open;
    tip.textContent = text ?? "";
    placeTip(target.getBoundingClientRect());
  });
}
for (const type of ["pointerdown", "focusout", "scroll"]) {
  document.addEventListener(type, () => (tip.hidden = true), true);
}

/// Puts the tip below a rectangle, or above it if there is not enough space.
function placeTip({ left, top, bottom }) {
  const { width, height } = tip.getBoundingClientRect();
  const y = bottom + 8 + height > window.innerHeight ? Math.max(8, top - height - 8) : bottom + 8;
  tip.style.transform = `translate(${clamp(left, 8, window.innerWidth - width - 8)}px, ${y}px)`;
}

function lookAt(place) {
  const before = view.hover;
  const found = place && !grip?.moved ? hit(place.x, place.y) : null;
  // Show no tip for the pinned thing, because the card shows its facts.
  view.hover = found?.kind === view.pin?.kind && found?.row === view.pin?.row ? null : found;
  scene.style.cursor = view.hover ? "pointer" : place?.y < view.top ? "crosshair" : "grab";
  if (before || view.hover) tip.hidden = !view.hover;
  if (!view.hover) return;
  fill(tip, factsOf(view.hover));
  const { left, top } = scene.getBoundingClientRect();
  const it = placeOf(view.hover) ?? { top: place.y - 8, height: 24 };
  placeTip({ left: left + place.x + 12, top: top + it.top, bottom: top + it.top + it.height });
}

function fill(into, { title, colour, lines }) {
  const heading = element("p", "", { className: "name" });
  const swatch = element("span", "", { className: "swatch" });
  swatch.style.background = colour;
  heading.append(swatch, element("b", title));
  const list = element("dl");
  list.append(...lines.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  into.replaceChildren(heading, list);
}

function pin(thing) {
  view.pin = thing;
  const card = byId("card");
  card.hidden = !thing;
  redraw();
  if (!thing) return;
  const facts = factsOf(thing);
  const row = element("p", "", { className: "buttons" });
  fill(card, facts);
  if (facts.polls.length > 0) card.append(...histogram(facts.polls));
  card.append(row);
  card.classList.toggle("left", (placeOf(thing)?.left ?? 0) > view.width * 0.55);
  const add = (shown, ...parts) => shown && row.append(button(...parts));
  add(about(thing).task >= 0, "‹ poll", "The poll before (p)", () => stepPoll(-1));
  add(about(thing).task >= 0, "poll ›", "The poll after (n)", () => stepPoll(1));
  add(acrossWake(-1) >= 0, "waker", "The poll whose wake led to this poll (w)", () => followWake(-1));
  add(acrossWake(1) >= 0, "woken", "The first poll that a wake of this poll led to (e)", () => followWake(1));
  add(true, "zoom", "Zoom to the pinned thing (Enter)", zoomToPin);
  add(true, "close", "Unpin it (Escape)", () => pin(null));
  byId("spoken").textContent = `${facts.title}: ${facts.lines.map((line) => line.join(" ")).join(", ")}`;
}

function histogram(polls) {
  const groups = Map.groupBy(polls, (poll) => roundStep(Math.max(1, run.polls.took[poll])));
  const steps = [...groups.keys()].sort((a, b) => a - b);
  const most = Math.max(...[...groups.values()].map(({ length }) => length));
  const bars = element("p", "", { className: "bars" });
  for (let step = steps[0]; step <= steps.at(-1) * 1.001; step = roundStep(step * 1.5)) {
    const group = groups.get(step) ?? [];
    const words = `${counted(group.length, "poll")} of at most ${duration(step)}. Click: the longest of them`;
    const bar = button("", words, () => pinPoll(longestOf(group)));
    bar.style.height = `${(group.length / most) * 100}%`;
    bar.disabled = group.length === 0;
    bars.append(bar);
  }
  const words = `lengths of polls: up to ${duration(steps[0])} … up to ${duration(steps.at(-1))}`;
  return [bars, element("p", words, { className: "scale" })];
}
