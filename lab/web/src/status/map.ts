// The map of the key space: a column for each region in the order of keys, a row for each
// store, and a cell where the store has a peer.

import { el, keyed, setText } from "./dom";
import { keyText, Model, Region, Store } from "./model";
import { bytes } from "./text";

/** A cell moves towards what it is to be: there or not, a leader or not. */
interface Cell { there: number; leads: number; wantThere: number; wantLeads: number; state: string }

interface Column {
	key: string;
	region: Region | null; // null: keys of no region that is known
	x: number; width: number; // of the whole, from 0 to 1
	wantX: number; wantWidth: number;
	cells: Map<number, Cell>; // by store
	changed: number; // when, by performance.now()
}

const strip = 26, axis = 20, gap = 2;
const flash = 2500; // how long a change shows, in milliseconds

interface Colours { accent: string; tint: string; warn: string; bad: string; badTint: string; gone: string; track: string; faint: string; card: string; text: string }

export class RegionMap {
	private columns = new Map<string, Column>();
	private order: Column[] = [];
	private stores: Store[] = [];
	private readonly canvas = el("canvas", { tabindex: "0", role: "slider", "aria-label": "Regions, in the order of their keys", "aria-valuemin": "1" });
	private readonly names = el("ul", { class: "names", "aria-label": "Stores, from top to bottom" });
	private readonly space = el("div");
	private readonly scroll = el("div", { class: "scroll" });
	private readonly out = el("button", { type: "button", "aria-label": "show more regions" }, "−");
	private readonly closer = el("button", { type: "button", "aria-label": "show fewer regions, larger" }, "+");
	private colours!: Colours;
	private zoom = 1;
	private row = 30;
	private frame = 0;
	private last = 0;
	private pointed: string | null = null;
	private chosen: string | null = null;
	private readonly still = matchMedia("(prefers-reduced-motion: reduce)");

	/** show is called with the region to describe, or null. */
	constructor(into: HTMLElement, tools: HTMLElement, private readonly model: Model, private readonly show: (r: Region | null) => void) {
		this.canvas.style.position = "sticky";
		this.canvas.style.left = "0";
		this.space.append(this.canvas);
		this.scroll.append(this.space);
		const legend = el("div", { class: "legend", "aria-hidden": "true" });
		for (const [colour, words] of [["accent", "leader"], ["tint", "peer"], ["warn", "new, behind or installing a snapshot"], ["gone", "its store does not answer"], ["bad", "no leader"]]) {
			const i = el("i");
			i.style.background = `var(--${colour})`;
			legend.append(el("span", {}, i, words));
		}
		legend.append(el("span", {}, "the bars on top are sizes"));
		into.append(this.names, this.scroll, legend);
		const zoom = el("span", { role: "group", "aria-label": "Zoom" }, this.out, this.closer);
		this.out.style.minWidth = this.closer.style.minWidth = "28px";
		tools.append(" ", zoom);
		this.out.addEventListener("click", () => this.zoomTo(this.zoom / 2));
		this.closer.addEventListener("click", () => this.zoomTo(this.zoom * 2));
		this.readColours();
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.readColours(); this.draw(); });
		new ResizeObserver(() => this.resize()).observe(this.scroll);
		this.scroll.addEventListener("scroll", () => this.draw());
		this.canvas.addEventListener("pointermove", e => this.point(this.at(e)));
		this.canvas.addEventListener("pointerleave", () => this.point(null));
		this.canvas.addEventListener("click", e => this.choose(this.at(e)));
		this.canvas.addEventListener("keydown", e => this.pressed(e));
		this.canvas.addEventListener("focus", () => { if (this.chosen === null && this.order.length > 0) this.choose(this.order[0]); });
		this.zoomTo(1);
	}

	private readColours(): void {
		const style = getComputedStyle(document.documentElement);
		const of = (name: string) => style.getPropertyValue("--" + name).trim();
		this.colours = {
			accent: of("accent"), tint: of("tint"), warn: of("warn"), bad: of("bad"), badTint: of("bad-tint"),
			gone: of("gone"), track: of("track"), faint: of("faint"), card: of("card"), text: of("text"),
		};
	}

	private zoomTo(z: number): void {
		this.zoom = Math.min(64, Math.max(1, z));
		this.out.disabled = this.zoom === 1;
		this.closer.disabled = this.zoom === 64;
		this.resize();
		this.reveal();
	}

	/** Shows the columns of the model as it is now. */
	update(): void {
		this.stores = this.model.stores().filter(s => s.id !== 0);
		const n = Math.max(1, this.stores.length);
		const row = n <= 6 ? 30 : Math.max(11, Math.min(30, Math.floor(560 / n)));
		if (row !== this.row) this.row = row;
		keyed(this.names, this.stores, s => String(s.id), () => {
			const li = el("li", {}, el("span", { class: "dot" }), el("span"));
			return li;
		}, (li, s) => {
			li.style.height = `${this.row}px`;
			li.style.fontSize = this.row < 16 ? "10px" : "";
			li.children[0].setAttribute("class", `dot ${s.state}`);
			setText(li.children[1], `store ${s.id}`);
		});
		this.names.style.paddingTop = `${strip + gap}px`;

		const wanted: { key: string; region: Region | null }[] = [];
		let end: string | null = "";
		for (const r of this.model.regions) {
			if (end !== null && end < r.start) wanted.push({ key: "gap " + end, region: null });
			wanted.push({ key: String(r.id), region: r });
			end = r.end === "" ? null : r.end;
		}
		if (end !== null && this.model.regions.length > 0) wanted.push({ key: "gap " + end, region: null });
		const columns = new Map<string, Column>();
		const fresh = this.columns.size === 0;
		this.order = [];
		let before: Column | null = null;
		wanted.forEach((w, i) => {
			const wantX = i / wanted.length, wantWidth = 1 / wanted.length;
			let c = this.columns.get(w.key);
			if (!c) {
				// A region comes out of the right side of the one before it.
				const x: number = fresh ? wantX : before ? before.x + before.width : 0;
				c = { key: w.key, region: w.region, x, width: fresh ? wantWidth : 0, wantX, wantWidth, cells: new Map(), changed: fresh ? -flash : performance.now() };
			}
			c.wantX = wantX;
			c.wantWidth = wantWidth;
			this.cells(c, w.region, fresh);
			columns.set(w.key, c);
			this.order.push(c);
			before = c;
		});
		this.columns = columns;
		this.canvas.setAttribute("aria-valuemax", String(this.order.length));
		this.resize();
		this.tell();
	}

	private cells(c: Column, r: Region | null, fresh: boolean): void {
		const isNew = c.cells.size === 0;
		if (r !== c.region && !isNew) {
			const had = c.region, stores = (x: Region | null) => x?.peers.map(p => p.store).join(" ");
			if (had?.leader !== r?.leader || stores(had) !== stores(r) || had?.version !== r?.version) c.changed = performance.now();
		}
		c.region = r;
		for (const cell of c.cells.values()) cell.wantThere = 0;
		for (const p of r?.peers ?? []) {
			let cell = c.cells.get(p.store);
			if (!cell) {
				const there = fresh || isNew ? 1 : 0;
				c.cells.set(p.store, cell = { there, leads: fresh && p.store === r?.leader ? 1 : 0, wantThere: 1, wantLeads: 0, state: p.state });
			}
			cell.wantThere = 1;
			cell.wantLeads = p.store === r?.leader ? 1 : 0;
			cell.state = p.state;
		}
		for (const [store, cell] of c.cells) if (cell.wantThere === 0 && cell.there < 0.01) c.cells.delete(store);
	}

	private get height(): number { return strip + gap + this.row * Math.max(1, this.stores.length) + axis; }

	private resize(): void {
		const width = this.scroll.clientWidth;
		if (width === 0) return;
		this.space.style.width = `${width * this.zoom}px`;
		const ratio = window.devicePixelRatio || 1;
		const w = Math.round(width * ratio), h = Math.round(this.height * ratio);
		if (this.canvas.width !== w || this.canvas.height !== h) {
			this.canvas.width = w;
			this.canvas.height = h;
			this.canvas.style.width = `${width}px`;
			this.canvas.style.height = `${this.height}px`;
		}
		this.draw();
	}

	private draw(): void {
		if (this.frame === 0) {
			this.last = performance.now();
			this.frame = requestAnimationFrame(now => this.animate(now));
		}
	}

	/** Moves everything a little, and draws it; again, as long as something moves. */
	private animate(now: number): void {
		this.frame = 0;
		const step = this.still.matches ? 1 : 1 - Math.exp(-Math.max(0, now - this.last) / 130);
		this.last = now;
		let moving = false;
		const towards = (x: number, want: number) => {
			const d = want - x;
			if (Math.abs(d) < 0.0005) return want;
			moving = true;
			return x + d * step;
		};
		for (const c of this.order) {
			c.x = towards(c.x, c.wantX);
			c.width = towards(c.width, c.wantWidth);
			if (now - c.changed < flash) moving = true;
			for (const cell of c.cells.values()) {
				cell.there = towards(cell.there, cell.wantThere);
				cell.leads = towards(cell.leads, cell.wantLeads);
			}
		}
		this.paint(now);
		if (moving) this.frame = requestAnimationFrame(then => this.animate(then));
	}

	private paint(now: number): void {
		const g = this.canvas.getContext("2d");
		if (!g) return;
		const ratio = window.devicePixelRatio || 1, width = this.canvas.width / ratio, colours = this.colours;
		const whole = width * this.zoom, from = this.scroll.scrollLeft;
		g.setTransform(ratio, 0, 0, ratio, 0, 0);
		g.clearRect(0, 0, width, this.height);
		const rows = new Map(this.stores.map((s, i) => [s.id, strip + gap + i * this.row]));
		g.fillStyle = colours.track;
		for (const y of rows.values()) g.fillRect(0, y + 1, width, this.row - 2);
		let largest = 1;
		for (const c of this.order) largest = Math.max(largest, c.region?.size ?? 0);
		g.font = "11px system-ui, sans-serif";
		let free = -1; // from where on there is room for a label
		for (const c of this.order) {
			const x = c.x * whole - from, w = c.width * whole;
			if (x + w < 0 || x > width) continue;
			const inner = w > 4 ? w - 1 : Math.max(w, 0.6);
			if (!c.region) {
				g.fillStyle = colours.badTint;
				g.fillRect(x, strip + gap, inner, this.row * this.stores.length);
				continue;
			}
			const high = Math.max(2, (strip - 4) * c.region.size / largest);
			g.fillStyle = c.region.leader ? colours.faint : colours.bad;
			g.globalAlpha = c.region.leader ? 0.55 : 1;
			if (c.region.leader) g.fillRect(x, strip - high, inner, high);
			else g.fillRect(x, 2, inner, strip - 2);
			for (const [store, cell] of c.cells) {
				const y = rows.get(store);
				if (y === undefined || cell.there <= 0) continue;
				const box = () => g.fillRect(x, y + 1, inner, this.row - 2);
				g.globalAlpha = cell.there;
				if (cell.state === "down") {
					g.fillStyle = colours.gone;
					box();
				} else if (cell.state !== "ok") {
					g.fillStyle = colours.warn;
					box();
				} else {
					g.fillStyle = colours.tint;
					box();
					if (cell.leads > 0) {
						g.globalAlpha = cell.there * cell.leads;
						g.fillStyle = colours.accent;
						box();
					}
				}
			}
			const age = now - c.changed;
			if (age < flash) {
				g.globalAlpha = 1 - age / flash;
				g.fillStyle = colours.accent;
				g.fillRect(x - 1, strip - 1, Math.max(inner, 3) + 2, 3);
				g.fillRect(x - 1, strip + gap + this.row * this.stores.length + 1, Math.max(inner, 3) + 2, 3);
			}
			g.globalAlpha = 1;
			if (x >= free && x < width - 24) {
				const label = short(keyText(c.region.start)) || "first key";
				const end = x + g.measureText(label).width;
				if (end < width) {
					g.fillStyle = colours.faint;
					g.fillRect(x, this.height - axis + 3, 1, 4);
					g.fillText(label, x, this.height - 2);
					free = end + 18;
				}
			}
		}
		this.frameOf(g, this.pointed, 1);
		this.frameOf(g, this.chosen, 2);
	}

	/** Draws a frame around a column. */
	private frameOf(g: CanvasRenderingContext2D, key: string | null, line: number): void {
		const c = key === null ? undefined : this.columns.get(key);
		if (!c) return;
		const whole = this.scroll.clientWidth * this.zoom;
		g.strokeStyle = this.colours.text;
		g.lineWidth = line;
		g.strokeRect(c.x * whole - this.scroll.scrollLeft - 1, strip, Math.max(c.width * whole, 3) + 1, this.row * this.stores.length + 3);
	}

	private at(e: MouseEvent): Column | null {
		const x = (e.clientX - this.canvas.getBoundingClientRect().left + this.scroll.scrollLeft) / (this.scroll.clientWidth * this.zoom);
		return this.order.find(c => x >= c.x && x < c.x + c.width) ?? null;
	}

	private point(c: Column | null): void {
		if (this.pointed === (c?.key ?? null)) return;
		this.pointed = c?.key ?? null;
		this.tell();
		this.draw();
	}

	private choose(c: Column | null): void {
		this.chosen = c?.key ?? null;
		this.reveal();
		this.tell();
		this.draw();
	}

	/** Chooses a region, and reports whether there is one. */
	find(r: Region | undefined): boolean {
		if (!r) return false;
		this.pointed = null;
		this.choose(this.columns.get(String(r.id)) ?? null);
		return true;
	}

	private reveal(): void {
		const c = this.chosen === null ? undefined : this.columns.get(this.chosen);
		if (!c) return;
		const width = this.scroll.clientWidth, x = c.wantX * width * this.zoom;
		if (x < this.scroll.scrollLeft || x + c.wantWidth * width * this.zoom > this.scroll.scrollLeft + width) this.scroll.scrollLeft = x - width / 2;
	}

	private pressed(e: KeyboardEvent): void {
		const i = this.order.findIndex(c => c.key === this.chosen), last = this.order.length - 1;
		const to: Record<string, number> = { ArrowRight: i + 1, ArrowUp: i + 1, ArrowLeft: i - 1, ArrowDown: i - 1, PageDown: i - 10, PageUp: i + 10, Home: 0, End: last };
		if (e.key === "Escape") this.choose(null);
		else if (e.key in to && last >= 0) this.choose(this.order[Math.min(last, Math.max(0, to[e.key]))]);
		else return;
		e.preventDefault();
	}

	private tell(): void {
		const key = this.pointed ?? this.chosen;
		const c = key === null ? undefined : this.columns.get(key);
		const i = this.order.findIndex(c => c.key === this.chosen);
		this.canvas.setAttribute("aria-valuenow", String(i + 1));
		this.canvas.setAttribute("aria-valuetext", i < 0 ? "none chosen" : inWords(this.order[i].region));
		this.show(c?.region ?? null);
	}
}

function short(text: string): string { return text.length > 16 ? text.slice(0, 15) + "…" : text; }

function inWords(r: Region | null): string {
	if (!r) return "keys of a region that no store which answers knows";
	const peers = r.peers.map(p => p.store + (p.state === "ok" ? "" : ` (${p.state})`)).join(", ");
	return `region ${r.id}, from ${keyText(r.start) || "the first key"} to ${keyText(r.end) || "the last key"}, ` +
		`${r.leader ? "led by store " + r.leader : "without a leader"}, on stores ${peers}, ${bytes(r.size)}`;
}
