// One of the runs on the page: its log, what the filters leave of it, what is selected.

import { Class, classOf } from "./diagram";
import { apply, type Filters } from "./filter";
import type { Path } from "./follow";
import { K, kindNames, type Log, lower, upper } from "./log";
import { type Arrows, Model, type Operation } from "./model";

// An ArrowIndex is some of the arrows, in the order of their beginnings.
export class ArrowIndex {
	private readonly t0: Float64Array;
	private readonly latest: Float64Array; // the end of the last one in each block

	constructor(private readonly arrows: Arrows, private readonly ids: Uint32Array) {
		this.t0 = Float64Array.from(ids, a => arrows.t0[a]);
		this.latest = new Float64Array(Math.ceil(ids.length / block));
		ids.forEach((a, k) => {
			const b = Math.floor(k / block);
			this.latest[b] = Math.max(this.latest[b], arrows.t1[a]);
		});
	}

	// count returns about how many arrows there are in a window.
	count(from: number, until: number): number { return upper(this.t0, until) - lower(this.t0, from); }

	within(from: number, until: number, f: (a: number) => void): void {
		const hi = upper(this.t0, until);
		for (let b = 0; b * block < hi; b++) {
			if (this.latest[b] < from) continue;
			const end = Math.min(hi, (b + 1) * block);
			for (let k = b * block; k < end; k++) if (this.arrows.t1[this.ids[k]] >= from) f(this.ids[k]);
		}
	}
}

const block = 256;

export class Run {
	readonly model: Model;
	// classes is the class of each string, as the type of a message.
	readonly classes: Uint8Array;
	private readonly operationsOf = new Map<number, Operation[]>();

	// What the filters leave: events, those of them that have a glyph, arrows, the rare
	// ones among these, and the times of what happens on each lane.
	shown = new Uint32Array(0);
	passes: Uint8Array = new Uint8Array(0);
	glyphs = new Uint32Array(0);
	arrows!: ArrowIndex;
	rareArrows!: ArrowIndex;
	laneTimes: Float64Array[] = [];
	filters!: Filters;

	selected = -1;
	lane = -1; // the selected one
	path: Path | undefined;
	// parts is the first event that the other run does not have, or -1.
	parts = -1;

	constructor(readonly log: Log, readonly name: string) {
		this.model = new Model(log);
		this.classes = Uint8Array.from(log.strings, classOf);
		for (const o of this.model.operations) {
			const all = this.operationsOf.get(o.client) ?? [];
			all.push(o);
			this.operationsOf.set(o.client, all);
		}
	}

	operations(client: number): Operation[] { return this.operationsOf.get(client) ?? []; }

	filter(f: Filters): void {
		const { log, model } = this;
		this.filters = f;
		const passes = this.passes = apply(model, f);
		const shown = new Uint32Array(log.count), glyphs = new Uint32Array(log.count);
		const counts = new Uint32Array(model.lanes.length);
		let n = 0, g = 0;
		for (let i = 0; i < log.count; i++) {
			if (passes[i] === 0) continue;
			shown[n++] = i;
			if (model.lane[i] >= 0) counts[model.lane[i]]++;
			switch (log.code[i]) {
			case K.message: case K.call: case K.state: case K.operation: case K.faultBegins: case K.faultEnds: case K.heal: break;
			default: glyphs[g++] = i;
			}
		}
		this.shown = shown.slice(0, n);
		this.glyphs = glyphs.slice(0, g);
		this.laneTimes = Array.from(counts, c => new Float64Array(c));
		counts.fill(0);
		for (const i of this.shown) {
			const l = model.lane[i];
			if (l >= 0) this.laneTimes[l][counts[l]++] = log.at(i);
		}
		const all: number[] = [], rare: number[] = [];
		const { arrows } = model;
		for (let a = 0; a < arrows.count; a++) {
			const first = arrows.first[a], last = arrows.last[a];
			if ((first < 0 || passes[first] === 0) && (last < 0 || passes[last] === 0)) continue;
			all.push(a);
			const kind = this.classes[log.columns.type[arrows.event(a)]];
			if (kind === Class.vote || kind === Class.snapshot) rare.push(a);
		}
		this.arrows = new ArrowIndex(arrows, Uint32Array.from(all));
		this.rareArrows = new ArrowIndex(arrows, Uint32Array.from(rare));
	}

	// shownIn returns which of the shown events are in a window, as places in shown.
	shownIn(t0: number, t1: number): [number, number] {
		const { log } = this;
		return [lower(this.shown, log.firstAt(t0)), lower(this.shown, upper(log.columns.at, t1))];
	}

	// step returns the shown event that comes after event i, or before it, on a lane if one
	// is given; -1 if there is none.
	step(i: number, by: 1 | -1, lane = -1): number {
		let k = by > 0 ? upper(this.shown, i) : lower(this.shown, i) - 1;
		for (; k >= 0 && k < this.shown.length; k += by) {
			const e = this.shown[k];
			if (lane < 0 || this.model.lane[e] === lane) return e;
		}
		return -1;
	}

	// sign names the glyph of an event.
	sign(i: number): string {
		return this.log.code[i] === K.log ? this.log.str("fate", i) : kindNames[this.log.code[i]];
	}
}
