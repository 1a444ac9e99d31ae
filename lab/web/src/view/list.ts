// The list of the events that the diagram shows. Only the rows in sight are in the page.

import type { Run } from "./run";
import { place, sentence, shortened, typeOf } from "./text";

const rowHeight = 24;
// A browser bounds the height of an element. A list that is longer scrolls faster than its
// rows.
const mostHeight = 15_000_000;

export class List {
	private run!: Run;
	private lo = 0;
	private hi = 0;
	private readonly rows = new Map<number, HTMLElement>();
	private readonly spacer = document.createElement("div");
	private version = "";

	constructor(private readonly box: HTMLElement, private readonly note: HTMLElement, private readonly select: (i: number) => void) {
		this.spacer.className = "spacer";
		this.spacer.setAttribute("role", "presentation");
		box.append(this.spacer);
		box.addEventListener("scroll", () => this.render(), { passive: true });
		box.addEventListener("click", e => {
			const row = e.target instanceof Element ? e.target.closest<HTMLElement>("[data-event]") : null;
			if (row !== null) this.select(Number(row.dataset.event));
		});
		box.addEventListener("keydown", e => this.key(e));
	}

	private get count(): number { return this.hi - this.lo; }
	private get page(): number { return Math.max(1, Math.floor(this.box.clientHeight / rowHeight)); }
	private get height(): number { return Math.min(mostHeight, this.count * rowHeight); }

	// show makes the list that of a part of the shown events of a run.
	show(run: Run, lo: number, hi: number): void {
		const version = `${run.name} ${lo} ${hi} ${run.selected} ${run.path?.title ?? ""} ${run.shown.length}`;
		if (run === this.run && version === this.version) return;
		this.version = version;
		this.run = run;
		this.lo = lo;
		this.hi = hi;
		this.spacer.style.height = this.height + "px";
		this.note.textContent = `${this.count.toLocaleString("en")} event${this.count === 1 ? "" : "s"} in sight`;
		for (const row of this.rows.values()) row.remove();
		this.rows.clear();
		this.reveal();
		this.render();
	}

	// forget makes the next show build all rows again.
	forget(): void { this.version = ""; }

	private placeOf(i: number): number {
		let lo = this.lo, hi = this.hi;
		while (lo < hi) {
			const mid = (lo + hi) >>> 1;
			if (this.run.shown[mid] < i) lo = mid + 1; else hi = mid;
		}
		return lo;
	}

	private top(): number {
		const most = Math.max(0, this.height - this.box.clientHeight);
		const last = Math.max(0, this.count - this.box.clientHeight / rowHeight);
		return most === 0 ? 0 : this.box.scrollTop / most * last;
	}

	private reveal(): void {
		const at = this.placeOf(this.run.selected) - this.lo;
		if (this.run.selected < 0 || at >= this.count) return;
		const top = this.top();
		if (at >= top && at <= top + this.page - 1) return;
		const last = Math.max(1, this.count - this.box.clientHeight / rowHeight);
		const want = Math.max(0, Math.min(last, at - this.page / 3));
		this.box.scrollTop = want / last * Math.max(0, this.height - this.box.clientHeight);
	}

	private render(): void {
		if (this.run === undefined) return;
		const top = this.top();
		const from = Math.max(0, Math.floor(top) - 4), until = Math.min(this.count, Math.ceil(top) + this.page + 5);
		for (const [k, row] of this.rows) {
			if (k < from || k >= until) {
				row.remove();
				this.rows.delete(k);
			}
		}
		for (let k = from; k < until; k++) {
			let row = this.rows.get(k);
			if (row === undefined) {
				row = this.row(this.run.shown[this.lo + k], k);
				this.rows.set(k, row);
				this.box.append(row);
			}
			row.style.transform = `translateY(${this.box.scrollTop + (k - top) * rowHeight}px)`;
		}
		const selected = this.run.selected >= 0 ? document.getElementById("event-" + this.run.selected) : null;
		if (selected !== null) this.box.setAttribute("aria-activedescendant", selected.id); else this.box.removeAttribute("aria-activedescendant");
	}

	private row(i: number, k: number): HTMLElement {
		const { log, model } = this.run;
		const row = document.createElement("div");
		row.setAttribute("role", "option");
		row.id = "event-" + i;
		row.dataset.event = String(i);
		row.className = "row";
		row.setAttribute("aria-posinset", String(k + 1));
		row.setAttribute("aria-setsize", String(this.count));
		row.setAttribute("aria-selected", String(i === this.run.selected));
		if (this.run.path !== undefined && !this.run.path.events.has(i)) row.classList.add("dim");
		if (i === this.run.model.violation) row.classList.add("bad");
		if (i === this.run.parts) row.classList.add("parts");
		const cell = (name: string, text: string): void => {
			const c = document.createElement("span");
			c.className = name;
			c.textContent = text;
			row.append(c);
		};
		cell("time", (log.at(i) / 1e9).toFixed(6));
		cell("place", place(model, i));
		cell("type", typeOf(log, i));
		cell("text", shortened(sentence(model, i), 300));
		return row;
	}

	private key(e: KeyboardEvent): void {
		const at = this.run.selected < 0 ? -1 : this.placeOf(this.run.selected) - this.lo;
		let to: number;
		switch (e.key) {
		case "ArrowDown": to = at + 1; break;
		case "ArrowUp": to = at < 0 ? 0 : at - 1; break;
		case "PageDown": to = at + this.page; break;
		case "PageUp": to = at - this.page; break;
		case "Home": to = 0; break;
		case "End": to = this.count - 1; break;
		default: return;
		}
		e.preventDefault();
		e.stopPropagation();
		to = Math.max(0, Math.min(this.count - 1, to));
		if (this.count > 0) this.select(this.run.shown[this.lo + to]);
	}
}
