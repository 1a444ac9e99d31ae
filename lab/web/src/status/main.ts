// The status page of a cluster.

import { Chart } from "./charts";
import { byId, el, setClass, setText } from "./dom";
import { RegionMap } from "./map";
import { Happening, keysOf, keyText, Model, Region, Update, version } from "./model";
import { Operators } from "./operators";
import { Stores } from "./stores";
import { bytes, clock, count, duration, milliseconds, rate } from "./text";

const model = new Model();

const charts = [
	new Chart("Requests per second", [
		{ name: "reads", value: s => s.reads, area: true },
		{ name: "writes", value: s => s.writes, area: true },
	], rate),
	new Chart("Latency", [
		{ name: "read p99", value: s => s.read?.p99 },
		{ name: "write p99", value: s => s.write?.p99 },
		{ name: "read p50", value: s => s.read?.p50 },
		{ name: "write p50", value: s => s.write?.p50 },
	], milliseconds),
];
byId("charts").append(...charts.map(c => c.element));

let shown: Region | null = null;
const map = new RegionMap(byId("map"), byId("find"), model, r => {
	shown = r;
	describe();
});
const stores = new Stores(byId("stores"), model, act);
const operators = new Operators(byId("operators"));

/** Describes the region that is pointed at or chosen. */
function describe(): void {
	const into = byId("region"), r = shown && model.byId.get(shown.id);
	const state = JSON.stringify(r ?? null);
	if (into.dataset.state === state) return;
	into.dataset.state = state;
	if (!r) {
		into.replaceChildren(el("p", { class: "empty" }, "Point at a region, or go through them with the arrow keys."));
		return;
	}
	const list = el("dl");
	const add = (name: string, ...value: (Node | string)[]) => list.append(el("div", {}, el("dt", {}, name), el("dd", {}, ...value)));
	add("region", String(r.id));
	add("from", r.start === "" ? "the first key" : el("code", {}, keyText(r.start)));
	add("up to, without", r.end === "" ? "the last key" : el("code", {}, keyText(r.end)));
	add("peers on stores", ...r.peers.map(p => {
		const leads = p.store === r.leader;
		return el("span", { class: `chip ${leads ? "leader" : p.state}` }, leads ? `${p.store} leads` : p.state === "ok" ? String(p.store) : `${p.store} ${p.state}`);
	}), ...(r.leader ? [] : [el("span", { class: "chip down" }, "no leader")]));
	add("epoch", `${r.conf_ver}.${r.version}`);
	add("term", count(r.term));
	add("size, estimated", bytes(r.size));
	into.replaceChildren(list);
}
describe();

byId("find").addEventListener("submit", e => {
	e.preventDefault();
	const text = (byId("find-text") as HTMLInputElement).value.trim();
	if (text === "") return;
	const id = model.byId.get(Number(text));
	const [plain, encoded] = keysOf(text);
	// Most clusters have either plain keys or those of transactions, which show.
	const found = id ?? model.regionOf(model.regions.some(r => r.start.length % 18 === 0 && r.start !== "") ? encoded : plain);
	if (!map.find(found)) say("no region that is known has that key");
});

/** Numbers at the top. */
const figures = new Map<string, HTMLElement>();
function figure(name: string, value: string, small: string, tone: string): void {
	let e = figures.get(name);
	if (!e) {
		e = el("div", {}, el("b", {}, el("span"), " ", el("small")), el("span", {}, name));
		figures.set(name, e);
		byId("figures").append(e);
	}
	setClass(e, `figure ${tone}`);
	setText(e.children[0].children[0], value);
	setText(e.children[0].children[1], small);
	(e.children[0].children[0] as HTMLElement).style.font = "inherit";
	(e.children[0].children[0] as HTMLElement).style.color = "inherit";
}

function glance(u: Update): void {
	const all = model.stores(), up = all.filter(s => s.state === "up").length;
	figure("stores up", count(up), `of ${count(all.length)}`, up === all.length ? "" : "bad");
	const led = model.regions.filter(r => r.leader).length;
	figure("regions", count(model.regions.length), "", "");
	figure("with a leader", model.regions.length === led ? "all" : count(led), model.regions.length === led ? "" : `of ${count(model.regions.length)}`, led === model.regions.length ? "" : "bad");
	const well = model.regions.filter(r => r.peers.every(p => p.state === "ok")).length;
	figure("with all peers", model.regions.length === well ? "all" : count(well), model.regions.length === well ? "" : `of ${count(model.regions.length)}`, well === model.regions.length ? "" : "warn");
	if (u.scheduler) figure("operators", u.scheduler.state === "up" ? count(u.operators.filter(o => o.status === "running").length) : "–", "", "");
	const last = model.samples[model.samples.length - 1];
	figure("requests/s", rate((last?.reads ?? 0) + (last?.writes ?? 0)), "", "");
	figure("write p99", last?.write ? milliseconds(last.write.p99) : "–", "", "");
	figure("data", bytes(model.regions.reduce((n, r) => n + r.size, 0)), "", "");
}

/** What happened, the latest first. */
const most = 200;
function note(happened: Happening[]): void {
	const log = byId("log");
	for (const h of happened) log.prepend(el("li", {}, el("time", {}, clock(h.at)), el("span", h.tone ? { class: h.tone } : {}, h.text)));
	while (log.children.length > most) log.lastElementChild?.remove();
	const aloud = happened.filter(h => h.aloud);
	if (aloud.length > 0) say(aloud.map(h => h.text).join("; "));
}

/** Says something to a reader that does not see the page. */
function say(text: string): void { setText(byId("said"), text); }

/** Does something to a process. */
async function act(process: string, action: string): Promise<void> {
	let problem = "";
	try {
		const answer = await fetch(`process/${encodeURIComponent(process)}/${action}`, { method: "POST", headers: { "Labkv-Token": model.token } });
		if (!answer.ok) problem = (await answer.json() as { error: string }).error;
	} catch {
		problem = "the page has lost its connection";
	}
	if (problem !== "") note([{ at: model.now(), text: `cannot ${action} ${process}: ${problem}`, tone: "bad", aloud: true }]);
}

function take(u: Update): void {
	if (u.version !== version) {
		banner(`This page shows reports of version ${version}, and the cluster sends version ${u.version}: reload the page.`);
		return;
	}
	const happened = model.take(u);
	banner(u.ended ? `The cluster has ended: ${u.ended}` : "");
	setText(byId("cluster"), `cluster ${u.cluster_id}`);
	document.title = `LabKV cluster ${u.cluster_id}`;
	byId("operators-section").hidden = !u.scheduler;
	setClass(byId("operators-section").parentElement as Element, u.scheduler ? "columns" : "columns alone");
	glance(u);
	charts.forEach(c => c.update(model.samples, model.now()));
	map.update();
	describe();
	stores.update();
	operators.update(u.operators, model.now());
	note(happened);
}

function banner(text: string): void {
	const b = byId("banner");
	b.hidden = text === "";
	setText(b, text);
}

/** How long the server may be silent. It sends something twice a second. */
const patience = 3000;
const pause = 1000;
let source: EventSource | null = null;
let heard = 0; // when, by Date.now(); 0 is never
let watchdog = 0;

function live(state: string, text: string): void {
	setClass(byId("live").children[0], `dot ${state}`);
	setText(byId("live-text"), text);
}

function connect(): void {
	source?.close();
	const s = source = new EventSource("events");
	s.onmessage = e => {
		if (s !== source) return;
		heard = Date.now();
		const u = JSON.parse(e.data as string) as Update;
		document.body.classList.toggle("lost", u.ended !== undefined);
		live(u.ended ? "down" : "live", u.ended ? "ended" : "live");
		take(u);
		wait(patience);
	};
	s.onerror = () => { if (s === source) lost(); };
	wait(patience);
}

/** Takes the connection for lost unless something comes in time. */
function wait(time: number): void {
	clearTimeout(watchdog);
	watchdog = setTimeout(lost, time);
}

function lost(): void {
	source?.close();
	source = null;
	document.body.classList.add("lost");
	const ended = model.latest?.ended;
	live("down", "connection lost");
	banner((ended ? `The cluster has ended: ${ended}. ` : "") +
		(heard === 0 ? "No connection with the cluster yet." : `Connection lost, last seen at ${clock(heard)}, ${duration(Date.now() - heard)} ago.`) + " The page tries again by itself.");
	clearTimeout(watchdog);
	watchdog = setTimeout(connect, pause);
}

connect();
