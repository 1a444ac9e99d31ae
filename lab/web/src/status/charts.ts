// Charts of the last minutes, as SVG.

import { svg, el, setText } from "./dom";
import { Sample, span } from "./model";
import { clock } from "./text";

export interface Series { name: string; value: (s: Sample) => number | undefined; area?: boolean }

const height = 130, left = 44, bottom = 18, top = 6;

/** The least round number that is not less than n. */
function nice(n: number): number {
	const power = 10 ** Math.floor(Math.log10(n));
	return [1, 2, 2.5, 5, 10].map(m => m * power).find(m => m >= n) ?? 10 * power;
}

export class Chart {
	readonly element: HTMLElement;
	private readonly svg = svg("svg", { class: "chart", role: "img" });
	private readonly values: HTMLElement[] = [];
	private readonly time = el("span");
	private samples: Sample[] = [];
	private now = 0;
	private hover: number | null = null;

	constructor(private readonly title: string, private readonly series: Series[], private readonly format: (n: number) => string) {
		const caption = el("figcaption", {}, el("b", {}, title));
		series.forEach((s, i) => {
			const value = el("b");
			this.values.push(value);
			caption.append(el("span", {}, el("i", { class: `key s${i}` }), s.name + " ", value));
		});
		caption.append(this.time);
		this.element = el("figure", {}, caption, this.svg);
		this.svg.addEventListener("pointermove", e => { this.hover = (e as PointerEvent).clientX - this.svg.getBoundingClientRect().left; this.draw(); });
		this.svg.addEventListener("pointerleave", () => { this.hover = null; this.draw(); });
		new ResizeObserver(() => this.draw()).observe(this.svg);
	}

	update(samples: Sample[], now: number): void {
		this.samples = samples;
		this.now = now;
		this.draw();
	}

	private draw(): void {
		const width = this.svg.clientWidth || 400;
		const x = (at: number) => left + (width - left) * (1 - (this.now - at) / span);
		let most = 0;
		for (const s of this.samples) for (const line of this.series) most = Math.max(most, line.value(s) ?? 0);
		const max = most > 0 ? nice(most) : 1;
		const y = (v: number) => top + (height - top - bottom) * (1 - v / max);
		const parts: SVGElement[] = [];
		const text = (at: number, where: number, anchor: string, words: string) => {
			const t = svg("text", { x: String(at), y: String(where), "text-anchor": anchor });
			t.textContent = words;
			parts.push(t);
		};
		for (const share of [0, 0.5, 1]) {
			const at = y(max * share);
			parts.push(svg("line", { class: "grid", x1: String(left), x2: String(width), y1: String(at), y2: String(at) }));
			text(left - 6, at + 4, "end", share === 0 ? "0" : this.format(max * share));
		}
		for (const minutes of width < 420 ? [4, 2, 0] : [5, 4, 3, 2, 1, 0]) {
			const at = x(this.now - minutes * 60_000);
			text(at, height - 3, minutes === 0 ? "end" : minutes === 5 ? "start" : "middle", minutes === 0 ? "now" : `−${minutes} min`);
		}
		this.series.forEach((line, i) => {
			let d = "", area = "", begin = 0, end = 0, last = 0;
			for (const s of this.samples) {
				const v = line.value(s), at = x(s.at);
				if (v === undefined || at < left) continue;
				// Where nothing was measured there is no line.
				const first = d === "" || s.at - last > 12_000;
				if (first && d !== "") area += `L${end} ${y(0)}L${begin} ${y(0)}Z`;
				if (first) begin = at;
				// Without neighbors it is a dot.
				d += first ? `M${at.toFixed(1)} ${y(v).toFixed(1)}h0` : `L${at.toFixed(1)} ${y(v).toFixed(1)}`;
				area += `${first ? "M" : "L"}${at.toFixed(1)} ${y(v).toFixed(1)}`;
				end = at;
				last = s.at;
			}
			if (d === "") return;
			if (line.area) parts.push(svg("path", { class: `area s${i}`, d: `${area}L${end} ${y(0)}L${begin} ${y(0)}Z` }));
			parts.push(svg("path", { class: `s${i}`, d }));
		});
		let shown: Sample | undefined = this.samples[this.samples.length - 1];
		if (this.hover !== null) {
			for (const s of this.samples) if (Math.abs(x(s.at) - this.hover) < Math.abs(x(shown.at) - this.hover)) shown = s;
			if (shown) parts.push(svg("line", { class: "at", x1: String(x(shown.at)), x2: String(x(shown.at)), y1: String(top), y2: String(height - bottom) }));
		}
		this.svg.replaceChildren(...parts);
		const words: string[] = [];
		this.series.forEach((line, i) => {
			const v = shown && line.value(shown);
			setText(this.values[i], v === undefined ? "–" : this.format(v));
			words.push(`${line.name} ${v === undefined ? "none" : this.format(v)}`);
		});
		setText(this.time, this.hover !== null && shown ? "at " + clock(shown.at) : "");
		this.svg.setAttribute("aria-label", `${this.title} of the last five minutes; now ${words.join(", ")}`);
	}
}

/** Draws the load of one store into a small picture. */
export function spark(into: SVGElement, samples: Sample[], store: number, most: number, now: number): void {
	const width = 84, high = 20;
	let d = "";
	for (const s of samples) {
		const at = width * (1 - (now - s.at) / 60_000);
		if (at < 0) continue;
		d += `${d === "" ? "M" : "L"}${at.toFixed(1)} ${(high - 1 - (high - 3) * (s.stores[store] ?? 0) / (most || 1)).toFixed(1)}`;
	}
	const path = into.firstElementChild ?? into.appendChild(svg("path"));
	if (path.getAttribute("d") !== d) path.setAttribute("d", d);
}
