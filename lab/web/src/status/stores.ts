// The table of stores, with what may be done to their processes.

import { el, keyed, setClass, setText, svg } from "./dom";
import { spark } from "./charts";
import { Model, nameOf, Process, Scheduler, Store } from "./model";
import { bytes, count, duration, milliseconds, rate } from "./text";

type Row = { key: string; name: string; state: string; since: number; reason?: string; offline?: boolean; addr: string; store?: Store; process?: Process };

const columns = ["store", "state", "regions", "leads", "size", "disk free", "requests/s", "reads p50, p99", "writes p50, p99", ""];

export class Stores {
	private readonly table = el("table");
	private readonly body = el("tbody");
	/** Processes to which something is being done. */
	private readonly busy = new Set<string>();

	/** act does something to a process, and returns when that is done. */
	constructor(into: HTMLElement, private readonly model: Model, private readonly act: (process: string, action: string) => Promise<void>) {
		const head = el("tr");
		for (const c of columns) head.append(el("th", { scope: "col" }, c === "" ? el("span", { class: "hidden" }, "what may be done") : c));
		this.table.append(el("thead", {}, head), this.body);
		into.append(this.table);
	}

	update(): void {
		const u = this.model.latest;
		if (!u) return;
		const rows: Row[] = [];
		if (u.scheduler) {
			const s: Scheduler = u.scheduler;
			rows.push({ key: "scheduler", name: "scheduler", state: s.state, since: s.since, reason: s.reason, addr: s.addr, process: s.process });
		}
		for (const s of u.stores) rows.push({ ...s, key: s.addr + (s.state === "removed" ? " removed " + s.id : ""), name: nameOf(s), store: s, process: s.process });
		const most = Math.max(1, ...u.stores.map(s => s.leaders));
		let busiest = 1;
		for (const s of this.model.samples) for (const v of Object.values(s.stores)) busiest = Math.max(busiest, v);
		const managed = rows.some(r => r.process);
		keyed(this.body, rows, r => r.key, r => this.make(r), (tr, r) => this.fill(tr, r, most, busiest, managed));
	}

	private make(r: Row): HTMLTableRowElement {
		const tr = el("tr");
		for (const c of columns) tr.append(el("td", c === "" ? { class: "buttons" } : { "data-label": c }));
		const cell = (i: number) => tr.children[i];
		cell(0).append(el("b"), " ", el("small"), el("small", { class: "line" }));
		cell(1).append(el("span", { class: "state" }, el("span", { class: "dot" }), el("span"), " ", el("small")), el("span", { class: "why" }));
		cell(3).append(el("span"), el("span", { class: "bar", "aria-hidden": "true" }, el("i")));
		cell(5).append(el("span"), el("span", { class: "bar", "aria-hidden": "true" }, el("i")));
		cell(6).append(el("div", { class: "load" }, el("span"), svg("svg", { class: "spark", viewBox: "0 0 84 20", "aria-hidden": "true" })));
		if (r.process) {
			for (const action of ["kill", "pause", "restart"]) {
				const b = el("button", { type: "button", class: action });
				b.addEventListener("click", () => this.press(r.process?.name ?? "", b.dataset.action ?? ""));
				cell(9).append(b);
			}
		}
		return tr;
	}

	private press(process: string, action: string): void {
		this.busy.add(process);
		this.update();
		void this.act(process, action).finally(() => {
			this.busy.delete(process);
			this.update();
		});
	}

	private fill(tr: HTMLTableRowElement, r: Row, most: number, busiest: number, managed: boolean): void {
		const now = this.model.now(), s = r.store, cell = (i: number) => tr.children[i] as HTMLElement;
		setClass(tr, r.state === "removed" ? "dim" : "");
		setText(cell(0).children[0], r.name);
		setText(cell(0).children[1], r.addr);
		const state = cell(1).children[0];
		setClass(state.children[0], `dot ${r.state}`);
		setText(state.children[1], r.offline ? `${r.state}, being emptied` : r.state);
		setText(state.children[2], r.since > 0 ? duration(now - r.since) : "");
		let why = r.reason ?? "";
		if (r.process?.restart) why += `; starts again in ${duration(r.process.restart - now + 999)}`;
		setText(cell(1).children[1], why);
		(cell(1).children[1] as HTMLElement).hidden = why === "";
		const alive = s !== undefined && s.state !== "removed";
		setText(cell(2), alive ? count(s.peers) : "");
		setText(cell(3).children[0], alive ? count(s.leaders) : "");
		this.bar(cell(3).children[1] as HTMLElement, alive ? s.leaders / most : null);
		setText(cell(4), alive ? bytes(s.size) : "");
		setText(cell(5).children[0], s?.capacity ? bytes(s.available) : "");
		const used = s?.capacity ? 1 - s.available / s.capacity : null;
		this.bar(cell(5).children[1] as HTMLElement, used);
		setClass(cell(5).children[1], used !== null && used > 0.9 ? "bar full" : "bar");
		const load = cell(6).children[0];
		setText(load.children[0], alive ? rate(s.load.reads + s.load.writes) : "");
		if (alive && s.id) spark(load.children[1] as SVGElement, this.model.samples, s.id, busiest, now);
		const latency = (l?: { p50: number; p99: number }) => l ? `${milliseconds(l.p50)}, ${milliseconds(l.p99)}` : alive ? "–" : "";
		setText(cell(7), latency(s?.load.read));
		setText(cell(8), latency(s?.load.write));
		setText(cell(0).children[2], !r.process ? "" : r.key === "scheduler" ? `process ${r.process.pid}` : `${r.process.name}, process ${r.process.pid}`);
		cell(9).hidden = (this.table.tHead?.rows[0].cells[9] as HTMLElement).hidden = !managed;
		for (let i = 2; i < 9; i++) cell(i).classList.toggle("blank", !alive);
		if (r.process) this.buttons(cell(9), r.process);
	}

	private bar(e: HTMLElement, share: number | null): void {
		e.style.display = share === null ? "none" : "";
		(e.firstElementChild as HTMLElement).style.width = `${Math.round(100 * (share ?? 0))}%`;
	}

	private buttons(cell: HTMLElement, p: Process): void {
		const [kill, pause, restart] = cell.children as unknown as HTMLButtonElement[];
		const set = (b: HTMLButtonElement, action: string, words: string, enabled: boolean) => {
			b.dataset.action = action;
			setText(b, words);
			b.setAttribute("aria-label", `${words} ${p.name}`);
			b.disabled = !enabled || this.busy.has(p.name);
		};
		const there = p.state !== "ended";
		set(kill, "kill", "kill", there);
		set(pause, p.state === "paused" ? "resume" : "pause", p.state === "paused" ? "resume" : "pause", there);
		set(restart, "restart", there ? "restart" : "start", true);
		kill.title = "end it at once (kill -9); it stays down until it is started";
		pause.title = p.state === "paused" ? "let it go on (kill -CONT)" : "stop it where it is (kill -STOP)";
		restart.title = there ? "stop it in order, and start it again" : "start it";
	}
}
