// The operators of the scheduler: those under way, and the last that have ended.

import { el, keyed, setClass, setText } from "./dom";
import { Operator } from "./model";
import { duration } from "./text";

const columns = ["region", "kind", "step", "why", "age"];

export class Operators {
	private readonly empty = el("p", { class: "empty" }, "None. The scheduler has nothing to change.");
	private readonly table = el("table");
	private readonly body = el("tbody");

	constructor(private readonly into: HTMLElement) {
		const head = el("tr");
		for (const c of columns) head.append(el("th", { scope: "col" }, c));
		this.table.append(el("thead", {}, head), this.body);
		this.into.append(this.empty, this.table);
		this.into.tabIndex = 0; // it scrolls
		this.into.setAttribute("role", "group");
		this.into.setAttribute("aria-label", "Operators under way, and the last that have ended");
	}

	update(operators: Operator[], now: number): void {
		this.empty.hidden = operators.length > 0;
		this.table.hidden = operators.length === 0;
		keyed(this.body, operators, o => `${o.region} ${o.created} ${o.kind} ${o.desc}`, () => {
			const tr = el("tr");
			for (const c of columns) tr.append(el("td", { "data-label": c }));
			tr.children[2].append(el("span", { class: "steps", "aria-hidden": "true" }), el("span"));
			(tr.children[2] as HTMLElement).className = (tr.children[3] as HTMLElement).className = "wide";
			return tr;
		}, (tr, o) => {
			const running = o.status === "running", steps = o.steps ?? [];
			setClass(tr, running ? "" : "dim");
			setText(tr.children[0], String(o.region));
			setText(tr.children[1], o.kind);
			keyed(tr.children[2].children[0], steps.map((s, i) => ({ s, i })), x => String(x.i), () => el("i"), (e, x) => setClass(e, x.i < o.done ? "done" : ""));
			setText(tr.children[2].children[1], running ? `${Math.min(o.done + 1, steps.length)}/${steps.length} ${steps[o.done] ?? "done"}` : o.reason ? `${o.status}: ${o.reason}` : o.status);
			setClass(tr.children[2].children[1], running || o.status === "success" ? "" : "failed");
			setText(tr.children[3], o.desc);
			setText(tr.children[4], running ? duration(now - o.created) : `${duration(now - (o.ended ?? now))} ago`);
		});
	}
}
