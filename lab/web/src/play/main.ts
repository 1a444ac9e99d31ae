import { h, redraw } from "./dom";
import { Engine } from "./engine";
import { openDialog } from "./dialogs";
import { ring } from "./ring";
import { linesOf, pathOf, rows, type Step } from "./tree";
import type { About, Guarantee, Line, Message, NodeState, Script, View } from "./types";

const app = document.getElementById("app")!;
const said = document.getElementById("said")!;

let engine: Engine;
let about: About;
let header: string[] = [];
let story: Script | null = null;
let storyName = "";
let root: Step;
let now: Step;
let steps = 0;
let chosen = 1; // the node that keys act on
let problem = ""; // why the last thing that was asked for did not happen
let running = 0; // the timer of time that runs by itself
let hot = ""; // the message under the pointer, by its name
let busy: Promise<unknown> = Promise.resolve();
let pending = 0; // things in the queue
let menu = ""; // the menu that is open

const parts = ["tell", "nodes", "flight", "sure", "steps"] as const;
const place = Object.fromEntries(parts.map((p) => [p, h("section", { class: p })])) as Record<(typeof parts)[number], HTMLElement>;
const bar = h("header");

// say tells a screen reader what happened.
function say(text: string) { said.textContent = text; }

// queue makes one thing happen after the other, in the order in which they were asked for.
function queue<T>(f: () => Promise<T>): Promise<T> {
  pending++;
  app.setAttribute("aria-busy", "true");
  const result = busy.then(f);
  busy = result.catch((err) => { problem = String(err instanceof Error ? err.message : err); draw(); })
    .then(() => { if (--pending === 0) app.removeAttribute("aria-busy"); });
  return result;
}

async function show(lines: string[]): Promise<View> {
  const view = await engine.call<View>({ op: "show", header, lines });
  if (view.error) throw new Error(view.error);
  return view;
}

function step(parent: Step | null, text: string, view: View): Step {
  return { id: steps++, parent, children: [], text, note: "", expects: [], times: 0, view, latest: null, story: -1, printed: [] };
}

// begin starts over with a group.
async function begin(lines: string[]) {
  stop();
  const before = header;
  header = lines;
  let view: View;
  try { view = await show([]); } catch (err) { header = before; throw err; }
  steps = 0;
  root = now = step(null, "", view);
  problem = "";
  chosen = 1;
  draw();
}

// act makes something happen after the present step, or goes to the step at which it has
// happened before. It reports whether all of it happened.
async function act(text: string, expects: string[] = [], note = "", after = -1): Promise<boolean> {
  problem = "";
  menu = "";
  const known = now.children.find((c) => c.text === text && c.times === 0 && c.expects.filter((e) => e !== "expect refused").join() === expects.filter((e) => e !== "expect refused").join());
  if (known) { goTo(known); return true; }
  const before = linesOf(now);
  let view: View;
  try {
    view = await show([...before, text, ...expects]);
  } catch (err) {
    problem = `${text}: ${(err as Error).message}. Nothing was changed.`;
    say(problem);
    draw();
    return false;
  }
  problem = view.problem;
  const done = view.done - before.length;
  if (done < 1) { say(problem); draw(); return false; }
  const s = step(now, text, view);
  s.expects = expects.slice(0, done - 1);
  s.note = note;
  s.printed = engine.printed;
  if (view.refused && problem === "") s.expects.push("expect refused");
  s.story = problem === "" ? after : -1;
  now.children.push(s);
  goTo(s, true);
  return problem === "";
}

const perform = (text: string) => queue(async () => { stop(); await act(text); });

function goTo(s: Step, fresh = false) {
  if (!fresh) problem = "";
  now = s;
  for (let c: Step = s; c.parent; c = c.parent) c.parent.latest = c;
  if (!s.view.nodes.some((n) => n.id === chosen)) chosen = 1;
  const told = [s.text === "" ? "the beginning" : s.text, ...s.view.effects];
  if (s.view.end) told.push(s.view.end.reason);
  say(problem ? `${problem}` : told.join("; "));
  draw();
}

// forward goes on with the story up to its next sentence.
async function forward() {
  if (!story || now.story < 0) return;
  let first = true;
  for (;;) {
    const at: number = now.story;
    const line: Line | undefined = story.lines[at];
    if (!line || (!first && line.note !== "")) return;
    let end = at + 1;
    while (story.lines[end]?.expect && story.lines[end].note === "") end++;
    const expects = story.lines.slice(at + 1, end).map((l) => l.text);
    if (!await act(line.text, expects, line.note, end)) return;
    first = false;
  }
}

async function openStory(name: string, text: string) {
  const script = await engine.call<Script>({ op: "parse", name, text });
  if (script.error) throw new Error(script.error);
  await begin(script.header);
  story = script;
  storyName = name;
  root.story = 0;
  say(`${script.title}. ${script.about}`);
  draw();
}

// Time that runs by itself: a round at a time, as one step.

function run() {
  if (running) { stop(); draw(); return; }
  problem = "";
  const round = () => queue(async () => {
    if (!running) return;
    let s = now;
    if (s.times === 0 || s.children.length > 0) {
      s = step(now, "run 1", now.view);
      now.children.push(s);
      now.latest = s;
      now = s;
    }
    s.times++;
    s.text = `run ${s.times}`;
    const brokenBefore = s.view.broken.length;
    try {
      s.view = await show(linesOf(s));
    } catch (err) {
      stop();
      if (--s.times === 0) { now = s.parent!; now.children = now.children.filter((c) => c !== s); }
      throw err;
    }
    if (s.view.end || s.view.broken.length > brokenBefore || s.times >= 5000) { stop(); goTo(s, true); return; }
    draw();
    running = window.setTimeout(round, 140);
  });
  running = window.setTimeout(round, 0);
  draw();
}

function stop() {
  if (!running) return;
  clearTimeout(running);
  running = 0;
  for (const s of pathOf(now)) {
    if (s.times === 0) continue;
    s.text = `run ${s.times}`;
    s.times = 0;
  }
}

// The page.

function draw() {
  drawBar(); drawTell(); drawNodes(); drawFlight(); drawSure(); drawSteps();
}

function button(key: string, label: string, onclick: () => void, more: Record<string, unknown> = {}) {
  return h("button", { type: "button", "data-key": key, onclick, ...more }, label);
}

function drawBar() {
  const pick = h("select", {
    "aria-label": "Story", "data-key": "story",
    onchange: (e: Event) => {
      const s = about.stories.find((x) => x.name === (e.target as HTMLSelectElement).value);
      if (s) void queue(() => openStory(s.name, s.text));
    },
  }, h("option", { value: "", selected: !story }, story && !about.stories.some((s) => s.name === storyName) ? story.title : "Stories …"),
  ...about.stories.map((s) => h("option", { value: s.name, selected: s.name === storyName }, titleOf(s.text))));
  redraw(bar,
    h("h1", {}, "Raft playground"), pick, h("div", { class: "space" }),
    button("new", "New group", () => openNew()), button("load", "Load", () => openLoad()), button("save", "Save", () => openSave()),
    button("help", "?", () => openHelp(), { "aria-label": "Help and keys" }));
}

const titleOf = (text: string) => text.split("\n", 1)[0].replace(/^#\s*/, "");

function noteOf(s: Step): string {
  for (let c: Step | null = s; c; c = c.parent) if (c.note) return c.note;
  return story?.about ?? "";
}

function drawTell() {
  const v = now.view;
  const onStory = story !== null && now.story >= 0;
  const left = onStory ? story!.lines.length - now.story : 0;
  const words = h("div", { class: "words" });
  if (story) {
    words.append(h("div", { class: "title" }, story.title, onStory ? "" : ", on a branch of your own"));
    if (onStory) words.append(h("div", { class: "note" }, noteOf(now)));
  } else if (now === root) {
    words.append(h("div", { class: "note" }, "A group of your own Raft, driven by hand. You choose which message arrives, which clock ticks and which node crashes."));
  }
  const met = "as expected: ";
  const effects = v.effects.filter((e) => !e.startsWith(met));
  if (effects.length > 8) effects.splice(7, effects.length, `and ${effects.length - 7} more`);
  effects.push(...v.effects.filter((e) => e.startsWith(met)).map((e) => "✓ " + e.slice(met.length)));
  if (now.text.startsWith("expect ")) words.append(h("div", { class: "did" }, [now.text, ...now.expects].map((e) => e.replace("expect", "✓")).join(" · ")));
  else if (now.text) words.append(h("div", { class: "did" }, h("b", {}, now.text), effects.length ? ": " : "", effects.join(" · ")));
  if (now.printed.length) words.append(h("pre", { class: "printed", "aria-label": "What your code printed", tabindex: "0" }, now.printed.join("\n")));
  for (const alarm of alarms(v)) words.append(alarm);
  if (about.note && now === root) words.append(h("div", { class: "notice" }, about.note));
  const go = h("div", { class: "go" },
    button("back", "← Back", () => back(), { disabled: now === root, title: "to the step before (←)" }),
    onStory
      ? button("next", left > 0 ? "Next" : "The end", () => void queue(forward), { class: "main", disabled: left === 0, title: "the next sentence of the story (n)" })
      : story
        ? button("return", "Back to the story", () => { const s = pathOf(now).reverse().find((x) => x.story >= 0); if (s) goTo(s); })
        : null,
    !story && now === root ? button("first", "Start with a story", () => { const s = about.stories[0]; void queue(() => openStory(s.name, s.text)); }, { class: "main" }) : null);
  redraw(place.tell, h("div", { class: "card" }, words, go));
}

function alarms(v: View): HTMLElement[] {
  const all: HTMLElement[] = [];
  if (problem) all.push(h("div", { class: "alarm" }, problem));
  const fresh = v.broken.slice(now.parent?.view.broken.length ?? 0).filter((b) => b.found !== v.end?.reason);
  if (fresh.length > 0) {
    all.push(h("ul", { class: "alarm" }, ...fresh.map((b) => {
      const g = about.guarantees.find((x) => x.key === b.key);
      return h("li", {}, h("strong", {}, `Broken: ${nameOf(b.key)}. `), b.found, g ? ` (${g.source})` : "");
    })));
  }
  if (v.end) {
    const said = fresh.some((b) => v.end!.reason.endsWith(b.found));
    all.push(h("div", { class: "alarm" }, said ? null : h("div", {}, h("strong", {}, v.end.reason)), v.end.stack ? h("pre", {}, v.end.stack) : null,
      h("div", {}, "Nothing can happen after this. Go back to a step before it, and on from there.")));
  }
  return all;
}

const nameOf = (key: string) => (key[0].toUpperCase() + key.slice(1)).replace(/-/g, " ");

function back() { queue(async () => { stop(); if (now.parent) goTo(now.parent); }); }

function again() { queue(async () => { const s = now.latest ?? now.children[0]; if (s) goTo(s); }); }

// hueOf gives neighbouring terms colours that differ.
const hueOf = (term: number) => (225 + term * 67) % 360;

function drawNodes() {
  const v = now.view;
  const first = Math.min(...v.nodes.map((n) => n.before)) + 1;
  const last = Math.max(...v.nodes.map((n) => n.before + n.log.length), 0);
  const from = Math.max(first, last - 79);
  const cards = h("div", { class: "card" }, ...v.nodes.map((n) => drawNode(n, from, last)));
  redraw(place.nodes,
    h("div", { class: "bar" }, h("h2", {}, "Nodes"),
      button("tickall", "Tick all", () => void perform("tick all"), { title: "every clock ticks once (a)" }),
      button("settle", "Settle", () => void perform("settle"), { title: "deliver until no message is in flight (s)" }),
      button("run", running ? "Pause" : "Run", () => run(), { title: "let time pass by itself (r)", "aria-pressed": running ? "true" : "false" }),
      v.sides.length ? button("heal", "Heal the network", () => void perform("heal"), { title: "(h)" }) : button("part", "Partition …", () => openPartition())),
    cards);
  const logs = [...place.nodes.querySelectorAll<HTMLElement>(".log")];
  for (const l of logs) {
    l.scrollLeft = l.scrollWidth;
    l.addEventListener("scroll", () => { for (const o of logs) if (o.scrollLeft !== l.scrollLeft) o.scrollLeft = l.scrollLeft; }, { passive: true });
  }
}

function drawNode(n: NodeState, from: number, last: number): HTMLElement {
  const role = n.up ? n.role : "down";
  const fact = (name: string, value: string | number) => h("span", {}, `${name} `, h("b", {}, value));
  const facts = h("div", { class: "facts" }, h("span", { class: "role" }, role));
  if (n.up) {
    facts.append(fact("term", n.term), fact("vote", n.vote || "–"), fact("leader", n.lead || "–"), 
      h("span", {}, "commit ", h("b", {}, n.commit), n.savedCommit !== n.commit ? h("span", { class: "dim", title: "what a crash would leave" }, ` (${n.savedCommit} on disk)`) : null),
      fact("applied", n.applied));
    if (n.timeout && n.role !== "leader") facts.append(h("span", { class: "dim", title: "the election timeout that it drew last, in ticks" }, `timeout ${n.timeout}`));
    if (n.transferee) facts.append(fact("hands over to", n.transferee));
  } else {
    facts.append(h("span", {}, "on its disk: ", `term ${n.savedTerm}, vote ${n.savedVote || "–"}, commit ${n.savedCommit}`));
  }
  if (!n.member) facts.append(h("span", {}, "no member"));
  const entries: HTMLElement[] = [];
  if (n.before >= from) entries.push(h("li", { class: "gone", style: `width:${(n.before - from + 1) * 45 - 3}px`, "aria-label": `a snapshot up to index ${n.before}` }, n.before - from > 1 ? "snapshot" : "snap"));
  const shown = n.log.filter((e) => e.index >= from);
  for (const e of shown) {
    const committed = n.up ? e.index <= n.commit : e.index <= n.savedCommit;
    const text = e.change ? e.text.replace("add ", "+").replace("remove ", "−") : e.text;
    const full = `index ${e.index}, term ${e.term}${e.text ? `, ${e.text}` : ""}, ${committed ? "committed" : "not committed"}${e.durable ? "" : ", not on disk for good"}`;
    entries.push(h("li", { class: `entry${committed ? "" : " open"}${e.durable ? "" : " lost"}`, hue: hueOf(e.term), title: full, "aria-label": full }, h("s", {}, e.index), h("b", {}, e.term), text ? h("i", {}, text) : null));
  }
  if (entries.length === 0) entries.push(h("li", { class: "empty" }, "empty log"));
  const more = h("div", { class: "more" });
  if (n.up && n.progress.length) {
    more.append(h("span", {}, "match/next of the members:"));
    for (const p of n.progress) if (p.id !== n.id) more.append(h("span", {}, `${p.id}: `, h("b", {}, `${p.match}/${p.next}`)));
  }
  if (n.up && (n.savedTerm !== n.term || n.savedVote !== n.vote)) {
    more.append(h("span", { title: "what a crash would leave" }, `on disk: term ${n.savedTerm}, vote ${n.savedVote || "–"}, commit ${n.savedCommit}`));
  }
  if (n.restarts) more.append(h("span", {}, `restarted ${n.restarts === 1 ? "once" : `${n.restarts} times`}`));
  const key = (what: string) => `${what}${n.id}`;
  const acts = h("div", { class: "acts", role: "group", "aria-label": `Node ${n.id}` });
  if (n.up) {
    acts.append(
      button(key("tick"), "Tick", () => void perform(`tick ${n.id}`), { "aria-label": `Tick node ${n.id}` }),
      button(key("campaign"), "Campaign", () => void perform(`campaign ${n.id}`), { "aria-label": `Node ${n.id} campaigns` }),
      button(key("propose"), "Propose", () => void perform(`propose ${n.id} ${freshText()}`), { "aria-label": `Propose to node ${n.id}` }),
      button(key("crash"), "Crash", () => void perform(`crash ${n.id}`), { "aria-label": `Crash node ${n.id}` }),
      drawMenu(n));
  } else {
    acts.append(button(key("restart"), "Restart", () => void perform(`restart ${n.id}`), { "aria-label": `Restart node ${n.id}` }));
  }
  return h("div", { class: `node${n.id === chosen ? " chosen" : ""}` },
    button(key("node"), String(n.id), () => { chosen = n.id; draw(); }, { class: `badge ${role}`, "aria-label": `Node ${n.id}, ${role}; keys act on it`, "aria-pressed": n.id === chosen ? "true" : "false" }),
    facts, acts, h("div", { class: "log", tabindex: n.log.length > 8 ? "0" : false, role: "group", "aria-label": `Log of node ${n.id}` }, h("ol", { class: "entries", style: `min-width:${(last - from + 1) * 45 - 3}px` }, ...entries)),
    more.childElementCount ? more : null);
}

function drawMenu(n: NodeState): HTMLElement {
  const name = `more${n.id}`;
  const item = (label: string, text: string) => button(`${name}${label}`, label, () => void perform(text));
  const free = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((id) => !now.view.nodes.some((o) => o.id === id && o.member));
  const transfers = now.view.nodes.filter((o) => o.id !== n.id && o.member);
  return h("div", { class: "menu", onkeydown: (e: Event) => { if ((e as KeyboardEvent).key === "Escape") { menu = ""; draw(); place.nodes.querySelector<HTMLElement>(`[data-key="${name}"]`)?.focus(); } } },
    button(name, "⋯", () => { menu = menu === name ? "" : name; draw(); }, { "aria-label": `More for node ${n.id}`, "aria-expanded": menu === name ? "true" : "false" }),
    menu !== name ? null : h("div", { role: "group", "aria-label": `More for node ${n.id}` },
      item("Tick 10 times", `tick ${n.id} 10`), button(`${name}text`, "Propose a text …", () => openPropose(n.id)),
      item("Isolate", `isolate ${n.id}`), item("Compact its log", `compact ${n.id}`),
      ...(n.role === "leader" ? [
        ...transfers.map((o) => item(`Hand over to node ${o.id}`, `transfer ${n.id} to ${o.id}`)),
        free ? item(`Add node ${free}`, `add ${free} via ${n.id}`) : null,
        ...now.view.nodes.filter((o) => o.member).map((o) => item(`Remove node ${o.id}`, `remove ${o.id} via ${n.id}`)),
      ] : [])));
}

// freshText returns a text that was not proposed yet on the way here: x=1, x=2, …
function freshText(): string {
  let n = 1;
  for (const s of pathOf(now)) if (s.text.startsWith("propose ")) n++;
  return `x=${n}`;
}

function drawFlight() {
  const v = now.view;
  const name = h("h2", {}, v.flight.length ? `In flight: ${v.flight.length}` : "In flight");
  const list = v.flight.length === 0 ? h("p", { class: "none" }, "No message is in flight.") : h("ul", { class: "messages", "data-scroll": "flight" }, ...v.flight.map(drawMessage));
  redraw(place.flight, h("div", { class: "bar" }, name,
    v.flight.length ? button("all", "Deliver all", () => void perform("deliver all"), { title: "each message in flight now arrives, oldest first" }) : null,
    v.flight.length ? button("none", "Drop all", () => void perform("drop all")) : null),
  h("div", { class: "card" }, ring(v, hot, (id) => { chosen = id; draw(); }), list));
}

function drawMessage(m: Message): HTMLElement {
  const down = !now.view.nodes.some((n) => n.id === m.to && n.up);
  const heat = (name: string) => () => { if (hot !== name) { hot = name; place.flight.querySelector(".ring")?.replaceWith(ring(now.view, hot, (id) => { chosen = id; draw(); })); } };
  return h("li", { onmouseenter: heat(m.name), onmouseleave: heat(""), onfocusin: heat(m.name) },
    h("div", { class: "what" }, h("b", {}, nameOf(m.kind)), ` ${m.from} → ${m.to}`),
    h("div", { class: "says" }, [m.term ? `term ${m.term}` : "", m.text].filter((x) => x).join(" · ")),
    h("div", { class: "do" },
      button(`deliver${m.number}`, "Deliver", () => void perform(`deliver ${m.name}`), { "aria-label": `Deliver ${m.name}`, disabled: down, title: down ? `node ${m.to} is down` : null }),
      button(`drop${m.number}`, "✕", () => void perform(`drop ${m.name}`), { class: "quiet", "aria-label": `Drop ${m.name}`, title: "drop" }),
      button(`copy${m.number}`, "×2", () => void perform(`duplicate ${m.name}`), { class: "quiet", "aria-label": `Duplicate ${m.name}`, title: "duplicate" })));
}

const unfolded = new Set<string>();

function drawSure() {
  const v = now.view;
  const count = new Set(v.broken.map((b) => b.key)).size;
  const item = (g: Guarantee) => {
    const found = v.broken.filter((b) => b.key === g.key);
    const details = h("details", { open: found.length > 0 || unfolded.has(g.key), ontoggle: (e: Event) => { if ((e.target as HTMLDetailsElement).open) unfolded.add(g.key); else unfolded.delete(g.key); } },
      h("summary", { "data-key": `g-${g.key}` }, h("span", { class: "lamp" }), h("span", {}, nameOf(g.key)), h("span", { class: "unseen" }, found.length ? "broken" : "holds"), h("span", { class: "source" }, g.source.replace(/^Raft /, ""))),
      h("p", {}, `${g.text[0].toUpperCase()}${g.text.slice(1)}. ${g.source}.`), ...found.map((b) => h("p", { class: "found" }, b.found)));
    return h("li", { class: found.length ? "broken" : "" }, details);
  };
  redraw(place.sure, h("div", { class: "bar" }, h("h2", {}, count ? `Guarantees: ${count} broken` : "Guarantees: all hold")),
    h("div", { class: "card" }, h("ul", { class: "guarantees" }, ...about.guarantees.map(item))));
}

function drawSteps() {
  const path = new Set(pathOf(now));
  const { rows: all, lanes } = rows(root);
  const wide = 14, high = 24;
  const x = (lane: number) => 9 + lane * wide;
  const below = new Map<number, boolean>();
  const list = all.map((r) => {
    const width = x(lanes - 1) + 9;
    const svg = h("svg", { width, height: high, viewBox: `0 0 ${width} ${high}`, "aria-hidden": "true" });
    for (const p of new Set(r.passing)) svg.append(h("path", { d: `M${x(p)} 0V${high}` }));
    if (r.step.parent) svg.append(h("path", { d: r.from === r.lane ? `M${x(r.lane)} 0V${high / 2}` : `M${x(r.from)} 0C${x(r.from)} ${high / 2} ${x(r.lane)} 0 ${x(r.lane)} ${high / 2}` }));
    if (r.step.children.length) svg.append(h("path", { d: `M${x(r.lane)} ${high / 2}V${high}` }));
    const fresh = r.step.view.broken.length > (r.step.parent?.view.broken.length ?? 0);
    svg.append(h("circle", { cx: x(r.lane), cy: high / 2, r: 4, class: fresh || r.step.view.end ? "bad" : path.has(r.step) ? "on" : "" }));
    below.set(r.lane, true);
    const label = r.step.text || "the beginning";
    return h("li", { class: path.has(r.step) ? "" : "off" }, svg,
      button(`step${r.step.id}`, label, () => void queue(async () => { stop(); goTo(r.step); }), { "aria-current": r.step === now ? "step" : false, title: r.step.expects.join("\n") || null }),
      fresh ? h("span", { class: "ends" }, "breaks a guarantee") : r.step.view.end ? h("span", { class: "ends" }, "ends") : null);
  });
  redraw(place.steps, h("div", { class: "bar" }, h("h2", {}, `Steps: ${path.size - 1}`),
    button("again", "Forward →", () => again(), { disabled: now.children.length === 0, title: "to the step after, on the branch shown last (→)" })),
  h("div", { class: "card" }, h("ol", { class: "steps-list", "data-scroll": "steps" }, ...list)));
  const current = place.steps.querySelector<HTMLElement>("[aria-current]");
  const box = place.steps.querySelector<HTMLElement>(".steps-list");
  if (current && box) {
    const top = current.parentElement!.offsetTop - box.offsetTop;
    if (top < box.scrollTop + 10 || top > box.scrollTop + box.clientHeight - 40) box.scrollTop = top - box.clientHeight / 2;
  }
}

// Dialogs.

function openNew() {
  const number = (name: string, value: number, least: number, most: number) => h("input", { type: "number", name, value, min: least, max: most, required: true });
  openDialog("New group", [
    h("label", {}, h("span", {}, "Nodes, 1 to 9"), number("nodes", now.view.nodes.length || 3, 1, 9)),
    h("label", {}, h("span", {}, "Election timeout in ticks; each is drawn between this and twice as much"), number("election", 10, 2, 1000)),
    h("label", {}, h("span", {}, "Ticks between heartbeats"), number("heartbeat", 2, 1, 999)),
    h("label", {}, h("span", {}, "Seed of all chance: timeouts, and what is late when time runs by itself"), number("seed", 1, 0, 999999999)),
  ], "Begin", (form) => queue(async () => {
    const get = (name: string) => String(form.get(name));
    const oldStory = story;
    story = null;
    try {
      await begin([`nodes ${get("nodes")}`, `clock ${get("election")} ${get("heartbeat")}`, `seed ${get("seed")}`]);
      storyName = "";
      draw();
    } catch (err) { story = oldStory; return (err as Error).message; }
    return "";
  }));
}

function openPropose(id: number) {
  openDialog(`Propose to node ${id}`, [h("label", {}, h("span", {}, "Text"), h("input", { type: "text", name: "text", value: freshText(), maxlength: 60, required: true }))], "Propose",
    async (form) => { await perform(`propose ${id} ${String(form.get("text")).replace(/\s+/g, " ").trim()}`); return ""; });
}

function openPartition() {
  const ids = now.view.nodes.map((n) => n.id);
  openDialog("Partition the network", [
    h("p", {}, "Messages between the sides are lost, those in flight as well as those that are sent until you heal the network."),
    ...ids.map((id, i) => h("label", {}, h("span", {}, `Node ${id}`), h("select", { name: `side${id}` },
      ...["first side", "second side", "third side"].map((s, k) => h("option", { value: k, selected: k === (i < (ids.length - 1) / 2 ? 0 : 1) }, s))))),
  ], "Partition", async (form) => {
    const sides = [0, 1, 2].map((k) => ids.filter((id) => form.get(`side${id}`) === String(k))).filter((s) => s.length);
    if (sides.length < 2) return "All nodes are on one side.";
    await perform(`partition ${sides.map((s) => s.join(" ")).join(" | ")}`);
    return "";
  });
}

function openLoad() {
  const text = h("textarea", { name: "text", spellcheck: "false", "aria-label": "Script", placeholder: "nodes 3\ncampaign 1\nsettle\nexpect leader 1" }) as HTMLTextAreaElement;
  const file = h("input", { type: "file", accept: ".txt,text/plain", "aria-label": "File", onchange: async (e: Event) => {
    const f = (e.target as HTMLInputElement).files?.[0];
    if (f) text.value = await f.text();
  } });
  openDialog("Load a script", [file, text], "Load", (form) => queue(async () => {
    try { await openStory("script", String(form.get("text"))); } catch (err) { return (err as Error).message; }
    return "";
  }));
}

async function savedScript(title: string): Promise<string> {
  const notes: string[] = [], lines: string[] = [];
  for (const s of pathOf(now)) {
    if (s.text === "") continue;
    notes.push(s.note, ...s.expects.map(() => ""));
    lines.push(s.text, ...s.expects);
  }
  const saved = await engine.call<{ text: string; error?: string }>({ op: "save", header, lines, notes, title });
  if (saved.error) throw new Error(saved.error);
  return saved.text;
}

function openSave() {
  void queue(async () => {
    stop();
    const title = story?.title ?? "A scenario";
    const area = h("textarea", { name: "text", spellcheck: "false", "aria-label": "Script" }) as HTMLTextAreaElement;
    area.value = await savedScript(title);
    const name = h("input", { type: "text", name: "name", value: "scenario.txt", required: true, pattern: "[A-Za-z0-9._\\-]+" }) as HTMLInputElement;
    openDialog("Save as a script", [
      h("p", {}, "The steps up to here, and at the end what is so now. A file in raft/testdata/scripts is run by go test ./raft -run TestScripts."),
      h("label", {}, h("span", {}, "File"), name), area,
      h("div", { class: "row" }, h("button", { type: "button", onclick: async () => { area.select(); try { await navigator.clipboard.writeText(area.value); say("copied"); } catch { document.execCommand("copy"); } } }, "Copy")),
    ], "Download", async (form) => {
      const url = URL.createObjectURL(new Blob([String(form.get("text"))], { type: "text/plain" }));
      h("a", { href: url, download: String(form.get("name")) }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      return "";
    });
  });
}

const keys: [string, string][] = [
  ["n", "next sentence of the story"], ["← →", "step back, and forward again"], ["1 … 9", "choose the node that keys act on"],
  ["t", "tick it"], ["c", "make it campaign"], ["p", "propose to it"], ["x", "crash it, or restart it"], ["i", "isolate it"],
  ["d", "deliver the oldest message"], ["s", "settle: deliver until no message is in flight"], ["a", "tick all"], ["h", "heal the network"], ["r", "let time run, and pause"], ["?", "this list"],
];

function openHelp() {
  openDialog("How to play", [
    h("p", {}, "Each row is a node with its log: a box is an entry, with the term that created it. Full boxes are committed, dashed ones are not. What a node sends waits in flight until you deliver or drop it."),
    h("p", {}, "The lamps show the guarantees of Raft, which are checked after every step. Every step can be gone back to, and what you do there is a branch. The same steps always lead to the same state."),
    h("dl", {}, ...keys.flatMap(([k, what]) => [h("dt", {}, ...k.split(" ").map((x) => h("kbd", {}, x))), h("dd", {}, what)])),
  ], "", null);
}

document.addEventListener("keydown", (e) => {
  const target = e.target as HTMLElement;
  if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]") || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || !root) return;
  const n = now.view.nodes.find((x) => x.id === chosen);
  const oldest = now.view.flight.find((m) => now.view.nodes.some((x) => x.id === m.to && x.up));
  const on: Record<string, (() => void) | false | undefined> = {
    n: () => void queue(forward), ArrowLeft: back, ArrowRight: again,
    t: () => void perform(`tick ${chosen}`), c: () => void perform(`campaign ${chosen}`), p: () => void perform(`propose ${chosen} ${freshText()}`),
    x: () => void perform(`${n?.up ? "crash" : "restart"} ${chosen}`), i: () => void perform(`isolate ${chosen}`),
    d: oldest && (() => void perform(`deliver ${oldest.name}`)), s: () => void perform("settle"), a: () => void perform("tick all"),
    h: now.view.sides.length > 0 && (() => void perform("heal")), r: run, "?": openHelp,
  };
  if (/^[1-9]$/.test(e.key) && now.view.nodes.some((x) => x.id === Number(e.key))) { chosen = Number(e.key); say(`node ${chosen}`); draw(); return; }
  if (e.key.startsWith("Arrow") && target.closest(".log")) return;
  const f = on[e.key];
  if (f) { e.preventDefault(); f(); }
});

document.addEventListener("click", (e) => { if (menu && !(e.target as HTMLElement).closest(".menu")) { menu = ""; draw(); } });

async function main() {
  const loading = document.getElementById("loading")!;
  try {
    engine = await Engine.load();
    about = await engine.call<About>({ op: "about" });
    await begin(["nodes 3"]);
  } catch (err) {
    loading.textContent = `The playground does not start: ${err instanceof Error ? err.message : err}`;
    return;
  }
  app.append(bar, h("main", {}, place.tell,
    h("div", { class: "column" }, place.nodes, place.steps), h("div", { class: "column" }, place.flight, place.sure)));
  loading.remove();
  app.hidden = false;
  const wanted = about.stories.find((s) => s.name === location.hash.slice(1));
  if (wanted) await queue(() => openStory(wanted.name, wanted.text));
}

void main();
