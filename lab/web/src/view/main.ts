// The trace viewer.

import { parting } from "./compare";
import { Diagram, type Window } from "./diagram";
import { byId, button, h } from "./dom";
import { type Filters, isHeartbeat, keysOf, kindsOf, noFilters, typesOf } from "./filter";
import { follow } from "./follow";
import { type Log, unpack } from "./log";
import * as link from "./link";
import { List } from "./list";
import { fit, glyph, signs, type Theme, themeOf } from "./paint";
import { type Actions, eventPanel, pathPanel, statePanel } from "./panel";
import { Run } from "./run";
import { Strip } from "./strip";
import { seconds, sentence, shortened, span } from "./text";
import { closeOnLeave, menu, numbersOf, stringsOf } from "./tools";

// shortest is the shortest time that the diagram shows, in nanoseconds.
const shortest = 2000;

class App implements Actions {
	private readonly window: Window = { t0: 0, t1: 1 };
	private readonly whole: Window;
	private readonly usual: Filters = noFilters();
	private filters: Filters;
	private active = 0;
	private readonly diagrams: Diagram[] = [];
	private readonly strips: Strip[] = [];
	private readonly frames: HTMLElement[] = [];
	private readonly list: List;
	private theme: Theme;
	private drawing = 0;
	private later = 0;
	private listed = 0;
	private refreshTools: (() => void)[] = [];
	private parted = false;

	constructor(private readonly runs: Run[]) {
		this.whole = { t0: Math.min(...runs.map(r => r.log.begin)), t1: Math.max(...runs.map(r => r.log.end)) };
		// Room at both ends, so that what happens there can be seen.
		const room = (this.whole.t1 - this.whole.t0) * .01;
		this.whole.t0 = Math.max(0, this.whole.t0 - room);
		this.whole.t1 += room;
		for (const r of runs) for (const t of typesOf(r.log).keys()) if (isHeartbeat(t)) this.usual.types.add(t);
		this.filters = link.read("", this.usual).filters ?? noFilters();
		this.list = new List(byId("list"), byId("events-note"), i => this.select(this.run, i));
		this.theme = themeOf(document.documentElement);
		for (const r of runs) r.filter(this.filters);
		if (runs.length === 2) this.part();
		this.makeHeader();
		this.makePictures();
		this.makeTools();
		this.makeHelp();
		this.makeRuns();
		this.restyle();
		document.addEventListener("keydown", e => this.key(e));
		window.addEventListener("hashchange", () => this.go(link.read(location.hash, this.usual)));
		window.addEventListener("resize", () => this.redraw());
		const dark = matchMedia("(prefers-color-scheme: dark)");
		dark.addEventListener("change", () => this.restyle());
		const opened: HTMLDetailsElement[] = [];
		window.addEventListener("beforeprint", () => {
			for (const d of document.querySelectorAll<HTMLDetailsElement>("#header details:not([open])")) {
				d.open = true;
				opened.push(d);
			}
		});
		window.addEventListener("afterprint", () => {
			for (const d of opened.splice(0)) d.open = false;
			this.restyle();
		});
		matchMedia("print").addEventListener("change", () => {
			this.restyle();
			this.draw();
		});
		this.go(link.read(location.hash, this.usual));
	}

	private get run(): Run { return this.runs[this.active]; }
	private get other(): Run | undefined { return this.runs[1 - this.active]; }
	private get diagram(): Diagram { return this.diagrams[this.active]; }

	// go shows a place, or where a page opens if the place does not say.
	private go(p: link.Place): void {
		this.active = Math.min(p.run, this.runs.length - 1);
		if (p.filters !== undefined) this.setFilters(p.filters);
		const event = p.event === undefined ? -1 : this.run.log.numbered(p.event);
		if (event >= 0) this.selectOnly(this.run, event);
		if (p.t0 !== undefined) this.show(p.t0, p.t0 + (p.span ?? 20e6));
		else if (event >= 0) this.center(this.run.log.at(event), p.span ?? 20e6);
		else this.opening();
		if (p.following && this.run.selected >= 0) this.run.path = follow(this.run.model, this.run.selected);
		this.panels();
		this.redraw();
	}

	// opening shows where the run failed with what leads to it, or the beginning.
	private opening(): void {
		const { run } = this;
		this.show(this.whole.t0, this.whole.t1);
		if (this.parted && run.parts >= 0) {
			this.toParting();
			return;
		}
		const end = this.failure();
		if (end >= 0) {
			const t = run.log.at(end);
			this.selectOnly(run, end);
			const [, k] = run.shownIn(0, t);
			const before = t - run.log.at(run.shown[Math.max(0, k - 80)] ?? end);
			const span = Math.max(4e6, before);
			this.show(t - span, t + span * .18);
			return;
		}
		const few = 300;
		const last = run.shown[Math.min(run.shown.length - 1, few)];
		this.show(this.whole.t0, run.shown.length > few ? run.log.at(last) : this.whole.t1);
	}

	// failure returns the event at which the run failed, or -1.
	private failure(): number {
		const { log, model } = this.run;
		if (model.violation >= 0) return model.violation;
		return log.header.found ? log.count - 1 : -1;
	}

	private show(t0: number, t1: number): void {
		const { whole, window } = this;
		const long = Math.min(whole.t1 - whole.t0, Math.max(shortest, t1 - t0));
		t0 = Math.max(whole.t0, Math.min(t0, whole.t1 - long));
		if (!Number.isFinite(t0)) return;
		window.t0 = t0;
		window.t1 = t0 + long;
		this.redraw();
	}

	private center(t: number, long: number): void { this.show(t - long / 2, t + long / 2); }

	private zoom(factor: number, at = (this.window.t0 + this.window.t1) / 2): void {
		const { t0, t1 } = this.window;
		const long = Math.min(this.whole.t1 - this.whole.t0, Math.max(shortest, (t1 - t0) * factor));
		const left = at - (at - t0) * long / (t1 - t0);
		this.show(left, left + long);
	}

	private pan(share: number): void {
		const by = (this.window.t1 - this.window.t0) * share;
		this.show(this.window.t0 + by, this.window.t1 + by);
	}

	private selectOnly(run: Run, i: number): void {
		run.selected = i;
		if (i >= 0 && run.model.lane[i] >= 0) run.lane = run.model.lane[i];
	}

	select(run: Run, i: number): void {
		if (i < 0 || i >= run.log.count) return;
		this.active = this.runs.indexOf(run);
		this.selectOnly(run, i);
		const t = run.log.at(i);
		const { t0, t1 } = this.window;
		if (t < t0 || t > t1) this.center(t, t1 - t0);
		else if (t > t1 - (t1 - t0) * .04) this.pan(.3);
		else if (t < t0 + (t1 - t0) * .04) this.pan(-.3);
		const d = this.diagrams[this.active];
		d.scrollTo(i);
		this.match(i);
		byId("live").textContent = `${seconds(t)}: ${shortened(sentence(run.model, i), 500)}`;
		this.panels();
		this.redraw();
	}

	// match selects in the other run what happens there at the same time.
	private match(i: number): void {
		const { run, other } = this;
		if (other === undefined) return;
		if (run.parts === i && other.parts >= 0) {
			this.selectOnly(other, other.parts);
			return;
		}
		const n = run.log.number(i);
		const same = other.log.numbered(n);
		const before = run.parts < 0 && !this.parted || i < run.parts;
		if (n > 0 && before && same >= 0 && other.log.at(same) === run.log.at(i)) this.selectOnly(other, same);
		else this.selectOnly(other, Math.max(other.step(other.log.firstAt(run.log.at(i) + 1), -1), -1));
	}

	follow(run: Run, i: number): void {
		const path = follow(run.model, i);
		if (path === undefined || path.steps.length === 0) return;
		run.path = path;
		// What a store that was down does long after the client has its answer is not in sight
		// at first.
		const first = run.log.at(path.steps[0].event), last = run.log.at(path.end);
		const room = Math.max(shortest, (last - first) * .1);
		this.show(first - room, last + 2 * room);
		byId("live").textContent = `Following ${shortened(path.title, 200)}, ${path.steps.length} steps`;
		this.list.forget();
		this.panels();
		this.redraw();
	}

	unfollow(): void {
		for (const r of this.runs) r.path = undefined;
		this.list.forget();
		this.panels();
		this.redraw();
	}

	private step(by: 1 | -1, lane: boolean): void {
		const { run } = this;
		const from = run.selected >= 0 ? run.selected : run.log.firstAt(this.window.t0) - (by > 0 ? 1 : 0);
		const i = run.step(from, by, lane ? run.lane : -1);
		if (i >= 0) this.select(run, i);
		else byId("live").textContent = by > 0 ? "no later event" : "no earlier event";
	}

	private toViolation(): void {
		const i = this.failure();
		if (i < 0) return;
		this.center(this.run.log.at(i), Math.min(this.window.t1 - this.window.t0, 200e6));
		this.select(this.run, i);
	}

	// Comparing two runs.

	private part(): void {
		const [a, b] = this.runs;
		const found = parting(a.log, b.log);
		const box = byId("compare");
		box.hidden = false;
		if (found === undefined) {
			box.replaceChildren(h("h2", {}, "The runs do not part"), h("p", {}, "Each has the same events as the other."));
			return;
		}
		this.parted = true;
		a.parts = found.a;
		b.parts = found.b;
		const table = h("table");
		for (const r of this.runs) {
			const own = r === a ? found.ownA : found.ownB;
			const text = r.parts < 0 ? "has ended" : `${own ? "" : "does not have that; goes on at "}${seconds(r.log.at(r.parts), 9)}, event ${r.log.number(r.parts)}: ${shortened(sentence(r.model, r.parts), 600)}`;
			table.append(h("tr", {}, h("th", { scope: "row" }, r.name), h("td", {}, text)));
		}
		box.replaceChildren(
			h("div", { class: "bar" }, h("h2", {}, "Where the runs part"), button("Show", { class: "main", title: "p" }, () => this.toParting())),
			h("p", { class: "empty" }, "The first event that only one of them has there:"), table);
	}

	private toParting(): void {
		const run = this.run.parts >= 0 ? this.run : this.other;
		if (run === undefined || run.parts < 0) return;
		this.center(run.log.at(run.parts), Math.min(this.window.t1 - this.window.t0, 20e6));
		this.select(run, run.parts);
	}

	// The parts of the page.

	private makeHeader(): void {
		const header = byId("header");
		for (const run of this.runs) {
			const { log } = run;
			const { header: about } = log;
			const title = h("div", { class: "title" });
			const name = (this.runs.length > 1 ? run.name + "  " : "") + (about.test ?? "A run");
			title.append(h("h1", {}, shortened(name, 300)));
			const facts = h("div", { class: "facts" });
			const fact = (what: string, value: string): void => {
				if (value !== "") facts.append(h("span", {}, what + " ", h("b", {}, shortened(value, 300))));
			};
			if (log.seed !== "0") fact("seed", log.seed);
			fact("digest", about.digest ?? "");
			fact("", `${span(log.end - log.begin)} of virtual time`);
			const events = log.before + log.count - log.open + log.after;
			fact("", `${events.toLocaleString("en")} ${events === 1 ? "event" : "events"}`);
			const rule = [about.rule, about.source].filter(s => s).join(", ") || "failed";
			title.append(facts, h("span", { class: about.found ? "tag failed" : "tag passed" }, about.found ? shortened(rule, 100) : "no rule broken"));
			const part = h("div", { class: "run" }, title);
			if (about.found) part.append(h("p", { class: "found" }, shortened(about.found, 20000)));
			for (const note of notes(log)) part.append(h("p", { class: "note" }, note));
			const more = h("div");
			const lines = (what: string, all: string[] | undefined): void => {
				if (all === undefined || all.length === 0) return;
				more.append(h("section", {}, h("h2", {}, what), h("pre", {}, all.map(l => shortened(l, 5000)).join("\n"))));
			};
			lines("What became of it", about.fate);
			lines("Schedule", about.schedule);
			if (more.childElementCount > 0) {
				const names = [about.fate?.length ? "What became of it" : "", about.schedule?.length ? "Schedule" : ""].filter(s => s !== "");
				part.append(h("details", {}, h("summary", {}, names.join(" · ")), more));
				part.querySelector("details")?.addEventListener("toggle", () => this.redraw());
			}
			header.append(part);
		}
	}

	private makePictures(): void {
		const strips = byId("strips"), diagrams = byId("diagrams");
		strips.classList.toggle("two", this.runs.length > 1);
		byId("main").classList.toggle("two", this.runs.length > 1);
		for (const run of this.runs) {
			const strip = h("canvas", { role: "img", "aria-label": `Overview of the whole run${this.runs.length > 1 ? " " + run.name : ""}: how much happens over time, leaders, faults` });
			strips.append(strip);
			const s = new Strip(strip, run, this.window, this.whole);
			this.strips.push(s);
			this.brush(s);
			const canvas = h("canvas", { role: "img", tabindex: "0" });
			const frame = h("div", {}, canvas);
			if (this.runs.length > 1) frame.append(h("div", { class: "name" }, `${run.name}  ${run.log.header.test ?? ""} ${run.log.seed}`));
			diagrams.append(frame);
			this.frames.push(frame);
			const d = new Diagram(canvas, run, this.window);
			this.diagrams.push(d);
			this.handle(d);
		}
		new ResizeObserver(() => this.redraw()).observe(diagrams);
	}

	private makeRuns(): void {
		const box = byId("runs");
		if (this.runs.length < 2) return;
		this.runs.forEach((r, n) => box.append(button(r.name, { "aria-label": "run " + r.name }, () => {
			this.active = n;
			this.panels();
			this.redraw();
		})));
	}

	private makeTools(): void {
		const bar = byId("tools");
		const group = (label: string, ...buttons: HTMLElement[]): HTMLElement => h("div", { class: "group", role: "group", "aria-label": label }, ...buttons);
		bar.append(
			group("Step",
				button("‹", { "aria-label": "previous event", title: "previous event (k)" }, () => this.step(-1, false)),
				button("›", { "aria-label": "next event", title: "next event (j)" }, () => this.step(1, false))),
			group("Step on the lane",
				button("‹ lane", { "aria-label": "previous event of the selected lane", title: "previous event of the lane (K)" }, () => this.step(-1, true)),
				button("lane ›", { "aria-label": "next event of the selected lane", title: "next event of the lane (J)" }, () => this.step(1, true))),
			group("Zoom",
				button("−", { "aria-label": "zoom out", title: "zoom out (-)" }, () => this.zoom(2)),
				button("+", { "aria-label": "zoom in", title: "zoom in (+)" }, () => this.zoom(.5)),
				button("all", { "aria-label": "show the whole run", title: "the whole run (0)" }, () => this.show(this.whole.t0, this.whole.t1))));
		if (this.runs.some(r => r.model.violation >= 0 || r.log.header.found)) bar.append(button("Violation", { class: "danger", title: "v" }, () => this.toViolation()));
		const merge = (f: (r: Run) => Map<string, number>): [string, number][] => {
			const all = new Map<string, number>();
			for (const r of this.runs) for (const [k, n] of f(r)) all.set(k, (all.get(k) ?? 0) + n);
			return [...all];
		};
		const add = (label: string, choices: { value: string; label: string; count?: number }[], hidden: () => Set<string>, set: (v: Set<string>) => void): void => {
			if (choices.length < 2) return;
			const m = menu(label, choices, hidden, v => {
				set(v);
				this.setFilters(this.filters);
			});
			bar.append(m.element);
			this.refreshTools.push(m.refresh);
		};
		const counted = (all: [string, number][]): { value: string; label: string; count: number }[] => all.map(([k, n]) => ({ value: k, label: shortened(k, 60) || "other", count: n })).slice(0, 300);
		const regions = [...new Set(this.runs.flatMap(r => r.model.regions))].sort((a, b) => a - b);
		add("Regions", regions.map(r => ({ value: String(r), label: "region " + r })), () => stringsOf(this.filters.regions), v => { this.filters.regions = numbersOf(v); });
		add("Messages", counted(merge(r => typesOf(r.log)).sort((a, b) => b[1] - a[1])), () => this.filters.types, v => { this.filters.types = v; });
		add("Events", counted(merge(r => kindsOf(r.log))), () => this.filters.kinds, v => { this.filters.kinds = v; });
		const lanes = [...new Map(this.runs.flatMap(r => r.model.lanes).map(l => [l.label, l])).values()];
		add("Machines", lanes.filter(l => l.kind !== "client").map(l => ({ value: l.label, label: l.label })), () => this.filters.lanes, v => { this.filters.lanes = v; });
		add("Clients", lanes.filter(l => l.kind === "client").map(l => ({ value: l.label, label: l.label })), () => this.filters.lanes, v => { this.filters.lanes = v; });
		const keys = [...new Set(this.runs.flatMap(r => keysOf(r.log, 500)))].slice(0, 500);
		const input = (label: string, attributes: Record<string, string>, get: () => string, set: (v: string) => void): HTMLInputElement => {
			const e = h("input", { type: "search", placeholder: label, "aria-label": label, ...attributes });
			let timer = 0;
			e.addEventListener("input", () => {
				clearTimeout(timer);
				timer = window.setTimeout(() => {
					set(e.value);
					this.setFilters(this.filters);
				}, 120);
			});
			this.refreshTools.push(() => { if (document.activeElement !== e) e.value = get(); });
			return e;
		};
		if (keys.length > 0) {
			const known = h("datalist", { id: "keys" });
			for (const k of keys) known.append(h("option", { value: shortened(k, 200) }));
			bar.append(known, input("Key", { class: "key", list: "keys" }, () => this.filters.key, v => { this.filters.key = v; }));
		}
		bar.append(input("Text", { id: "search" }, () => this.filters.text, v => { this.filters.text = v; }));
		const reset = button("Reset", { class: "quiet", title: "all filters as at first" }, () => this.setFilters(link.read("", this.usual).filters ?? noFilters()));
		bar.append(reset);
		this.refreshTools.push(() => { reset.hidden = link.write({ run: 0, following: false, filters: this.filters }, this.usual) === "#"; });
		bar.append(h("span", { class: "end" }), button("Help", { title: "?" }, () => byId<HTMLDialogElement>("help").showModal()));
		closeOnLeave(bar);
	}

	private setFilters(f: Filters): void {
		this.filters = f;
		for (const r of this.runs) r.filter(f);
		for (const s of this.strips) s.forget();
		for (const refresh of this.refreshTools) refresh();
		this.list.forget();
		this.panels();
		this.redraw();
	}

	private makeHelp(): void {
		const box = byId("help");
		const keys = h("dl"), marks = h("dl"), bands = h("dl");
		for (const [k, what] of [
			["j  k", "next, previous event"], ["J  K", "the same, of the selected lane"], ["v", "to the violation"], ["f", "follow the request of the selected event"],
			...(this.runs.length > 1 ? [["p", "to where the runs part"], ["r", "to the other run"]] : []),
			["+  -", "zoom; the wheel does, too"], ["←  →", "move in time; dragging does, too"], ["↑  ↓", "move over the lanes"], ["0", "the whole run"],
			["/", "search"], ["Esc", "end following"], ["?", "this list"],
		]) {
			keys.append(h("dt", {}, ...k.split("  ").flatMap(s => [h("kbd", {}, s), " "])), h("dd", {}, what));
		}
		for (const [name, what] of signs) {
			const c = h("canvas", { "aria-hidden": "true", "data-sign": name, width: "20", height: "16" });
			marks.append(h("dt", {}, c), h("dd", {}, what));
		}
		for (const [k, what] of [["L", "leader"], ["C", "candidate, hatched"], ["F", "follower"], ["t4", "its term"], ["c57", "committed up to index 57"], ["a56", "applied up to index 56"]]) {
			bands.append(h("dt", {}, h("kbd", {}, k)), h("dd", {}, what));
		}
		box.append(
			h("h2", { id: "help-title" }, "How to read and steer this page"),
			h("p", {}, "Time runs from left to right. Each machine has a lane, with a band for each region that it holds. A solid arrow is a message or a request from when it leaves to when it arrives, a dashed one the answer to a client; a red cross is where one was lost. Two strokes across mean the second copy of one that was doubled."),
			h("div", { class: "columns" }, h("section", {}, h("h2", {}, "Keys"), keys), h("section", {}, h("h2", {}, "Bands"), bands, h("h2", {}, "Signs"), marks)),
			h("form", { method: "dialog" }, h("button", {}, "Close")));
	}

	private restyle(): void {
		this.theme = themeOf(document.documentElement);
		for (const d of this.diagrams) d.restyle(this.theme);
		for (const s of this.strips) s.restyle(this.theme);
		for (const c of byId("help").querySelectorAll<HTMLCanvasElement>("canvas")) {
			const ctx = fit(c, 20, 16);
			if (ctx === null) continue;
			c.style.width = "20px";
			ctx.fillStyle = this.theme.bg;
			ctx.fillRect(0, 0, 20, 16);
			glyph(ctx, c.dataset.sign ?? "", 10, 8, 4.5, this.theme);
		}
		this.redraw();
	}

	private panels(): void {
		const { run } = this;
		byId("event").replaceChildren(...eventPanel(run, this.other, this));
		const path = byId("path");
		path.replaceChildren(...pathPanel(run, this));
		path.hidden = run.path === undefined;
		const state = byId("state");
		state.replaceChildren(...statePanel(run));
		state.hidden = state.childElementCount === 0;
		path.querySelector(".current")?.scrollIntoView({ block: "nearest" });
		byId("runs").querySelectorAll("button").forEach((b, n) => b.setAttribute("aria-pressed", String(n === this.active)));
		this.frames.forEach((f, n) => f.classList.toggle("active", this.runs.length > 1 && n === this.active));
	}

	// redraw draws before the next frame.
	private redraw(): void {
		if (this.drawing === 0) this.drawing = requestAnimationFrame(() => {
			this.drawing = 0;
			this.draw();
		});
	}

	private draw(): void {
		// Two diagrams show the same lanes.
		for (const d of this.diagrams) d.scroll = this.diagram.scroll;
		this.diagrams.forEach((d, n) => {
			const { clientWidth, clientHeight } = this.frames[n];
			if (clientWidth > 0 && clientHeight > 0) d.draw(clientWidth, clientHeight);
		});
		for (const s of this.strips) s.draw(s.canvas.clientWidth, s.canvas.clientHeight);
		const now = performance.now();
		// The list follows a movement at a slower pace, which leaves time for the picture.
		if (now - this.listed > 150) this.updateList();
		clearTimeout(this.later);
		this.later = window.setTimeout(() => this.settle(), 150);
	}

	private updateList(): void {
		this.listed = performance.now();
		const [lo, hi] = this.run.shownIn(this.window.t0, this.window.t1);
		this.list.show(this.run, lo, hi);
	}

	// settle brings up to date what need not follow each frame of a movement.
	private settle(): void {
		this.updateList();
		for (const d of this.diagrams) d.canvas.setAttribute("aria-label", d.describe());
		const { t0, t1 } = this.window;
		const { run } = this;
		const hash = link.write({ t0, span: t1 - t0, event: run.selected >= 0 ? run.log.number(run.selected) : undefined, run: this.active, following: run.path !== undefined, filters: this.filters }, this.usual);
		if (hash !== location.hash) history.replaceState(null, "", hash);
		document.documentElement.dataset.ready = "yes";
	}

	// What the pointer does.

	private handle(d: Diagram): void {
		const { canvas } = d;
		const pointers = new Map<number, PointerEvent>();
		const tip = byId("tip");
		let moved = 0, pinch = 0;
		const place = (e: { clientX: number; clientY: number }): [number, number] => {
			const r = canvas.getBoundingClientRect();
			return [e.clientX - r.left, e.clientY - r.top];
		};
		canvas.addEventListener("pointerdown", e => {
			if (e.button !== 0) return;
			canvas.setPointerCapture(e.pointerId);
			pointers.set(e.pointerId, e);
			moved = 0;
			pinch = 0;
			tip.hidden = true;
		});
		canvas.addEventListener("pointermove", e => {
			const last = pointers.get(e.pointerId);
			if (last === undefined) {
				this.hover(d, e, place(e));
				return;
			}
			const dx = e.clientX - last.clientX, dy = e.clientY - last.clientY;
			pointers.set(e.pointerId, e);
			if (pointers.size === 2) {
				const [a, b] = [...pointers.values()];
				const distance = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
				const [x] = place({ clientX: (a.clientX + b.clientX) / 2, clientY: 0 });
				if (pinch > 0 && distance > 0) this.zoom(pinch / distance, d.time(x));
				pinch = distance;
				moved = 100;
				return;
			}
			moved += Math.abs(dx) + Math.abs(dy);
			if (moved < 4) return;
			canvas.classList.add("dragging");
			const long = this.window.t1 - this.window.t0;
			const by = -dx / Math.max(1, canvas.clientWidth - d.gutter) * long;
			this.active = this.diagrams.indexOf(d);
			if (e.pointerType !== "touch") d.scroll -= dy;
			this.show(this.window.t0 + by, this.window.t1 + by);
		});
		const up = (e: PointerEvent): void => {
			if (!pointers.delete(e.pointerId)) return;
			pinch = 0;
			canvas.classList.remove("dragging");
			if (e.type !== "pointerup" || moved >= 4) return;
			const [x, y] = place(e);
			this.active = this.diagrams.indexOf(d);
			const i = d.hit(x, y);
			const lane = d.laneAt(y);
			if (i >= 0) this.select(d.run, i);
			else {
				if (lane >= 0) d.run.lane = lane;
				this.panels();
				this.redraw();
			}
		};
		canvas.addEventListener("pointerup", up);
		canvas.addEventListener("pointercancel", up);
		canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
		canvas.addEventListener("dblclick", e => this.zoom(.33, d.time(place(e)[0])));
		canvas.addEventListener("wheel", e => {
			e.preventDefault();
			tip.hidden = true;
			const unit = e.deltaMode === 1 ? 20 : e.deltaMode === 2 ? 300 : 1;
			const dx = e.deltaX * unit, dy = e.deltaY * unit;
			if (e.shiftKey || Math.abs(dx) > Math.abs(dy)) this.pan((dx || dy) / Math.max(1, canvas.clientWidth));
			else this.zoom(Math.exp(Math.max(-240, Math.min(240, dy)) * .0025), d.time(place(e)[0]));
		}, { passive: false });
	}

	private hover(d: Diagram, e: PointerEvent, [x, y]: [number, number]): void {
		const tip = byId("tip");
		const i = e.pointerType === "touch" ? -1 : d.hit(x, y);
		d.canvas.style.cursor = i >= 0 ? "pointer" : "";
		tip.hidden = i < 0;
		if (i < 0) return;
		tip.textContent = `${seconds(d.run.log.at(i))}  ${shortened(sentence(d.run.model, i), 240)}`;
		const { width, height } = tip.getBoundingClientRect();
		tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - width - 6)) + "px";
		tip.style.top = (e.clientY + 18 + height > innerHeight ? e.clientY - height - 10 : e.clientY + 18) + "px";
	}

	private brush(s: Strip): void {
		const { canvas } = s;
		let from = -1, what: "move" | "left" | "right" | "new" = "new", t0 = 0, t1 = 0, moved = false;
		const x = (e: PointerEvent): number => e.clientX - canvas.getBoundingClientRect().left;
		canvas.addEventListener("pointerdown", e => {
			if (e.button !== 0) return;
			canvas.setPointerCapture(e.pointerId);
			from = x(e);
			moved = false;
			({ t0, t1 } = this.window);
			const l = s.x(t0), r = s.x(t1);
			const wide = r - l > 18;
			what = wide && Math.abs(from - l) < 6 ? "left" : wide && Math.abs(from - r) < 6 ? "right" : from > l - 5 && from < r + 5 && (wide || Math.abs(from - (l + r) / 2) < 8) ? "move" : "new";
		});
		canvas.addEventListener("pointermove", e => {
			if (from < 0) return;
			const by = s.time(x(e)) - s.time(from);
			if (Math.abs(x(e) - from) > 3) moved = true;
			if (!moved) return;
			switch (what) {
			case "move": this.show(t0 + by, t1 + by); break;
			case "left": this.show(Math.min(t0 + by, t1 - shortest), t1); break;
			case "right": this.show(t0, Math.max(t1 + by, t0 + shortest)); break;
			case "new": this.show(Math.min(s.time(from), s.time(x(e))), Math.max(s.time(from), s.time(x(e)))); break;
			}
		});
		canvas.addEventListener("pointerup", () => {
			if (from >= 0 && !moved) this.center(s.time(from), this.window.t1 - this.window.t0);
			from = -1;
		});
		canvas.addEventListener("pointercancel", () => { from = -1; });
		canvas.addEventListener("wheel", e => {
			e.preventDefault();
			this.zoom(Math.exp(Math.max(-240, Math.min(240, e.deltaY)) * .0025));
		}, { passive: false });
	}

	private key(e: KeyboardEvent): void {
		if (e.ctrlKey || e.metaKey || e.altKey || byId<HTMLDialogElement>("help").open) return;
		const t = e.target;
		if (t instanceof HTMLInputElement && t.type !== "checkbox") {
			if (e.key === "Escape") t.blur();
			return;
		}
		const free = t === document.body || t instanceof HTMLCanvasElement;
		switch (e.key) {
		case "j": this.step(1, false); break;
		case "k": this.step(-1, false); break;
		case "J": this.step(1, true); break;
		case "K": this.step(-1, true); break;
		case "v": this.toViolation(); break;
		case "p": this.toParting(); break;
		case "r": if (this.other !== undefined) { this.active = 1 - this.active; this.panels(); this.redraw(); } break;
		case "f": if (this.run.selected >= 0) this.follow(this.run, this.run.selected); break;
		case "+": case "=": this.zoom(.5); break;
		case "-": this.zoom(2); break;
		case "0": this.show(this.whole.t0, this.whole.t1); break;
		case "/": byId("search").focus(); break;
		case "?": byId<HTMLDialogElement>("help").showModal(); break;
		case "Escape": this.unfollow(); break;
		case "ArrowLeft": if (!free) return; this.pan(-.12); break;
		case "ArrowRight": if (!free) return; this.pan(.12); break;
		case "ArrowUp": if (!free) return; this.diagram.scroll -= 40; this.redraw(); break;
		case "ArrowDown": if (!free) return; this.diagram.scroll += 40; this.redraw(); break;
		default: return;
		}
		e.preventDefault();
	}
}

// notes say what a page lacks of a run.
function notes(log: Log): string[] {
	const all: string[] = [];
	if (log.before > 0) all.push(`The page shows the end of the run only: ${log.before.toLocaleString("en")} events before ${seconds(log.begin)} are left out. The states of machines are right from there on.`);
	if (log.after > 0) all.push(`${log.after.toLocaleString("en")} events after ${seconds(log.end)} are left out.`);
	if (log.unfinished > 0) all.push(`The log ends in the middle of event ${log.unfinished}: what comes after is not in the file.`);
	return all;
}

async function start(): Promise<void> {
	const loading = byId("loading");
	try {
		const runs: Run[] = [];
		const packed = document.querySelectorAll("script.log");
		if (packed.length === 0) throw new Error("it holds no log: lab view makes the page");
		for (const s of packed) {
			const log = await unpack(s.textContent?.trim() ?? "");
			s.remove();
			if (log.count === 0) throw new Error("the log has no events");
			runs.push(new Run(log, "AB"[runs.length]));
		}
		loading.hidden = true;
		byId("app").hidden = false;
		new App(runs);
		performance.mark("shown");
	} catch (e) {
		loading.hidden = false;
		byId("app").hidden = true;
		loading.className = "failed";
		loading.textContent = "This page cannot be shown: " + (e instanceof Error ? e.message : String(e));
	}
}

void start();
