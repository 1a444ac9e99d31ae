// The space-time diagram of one run.

import { K, lower, upper } from "./log";
import { covering, End, type Fault, type Lane, type Replica, roleOf, Sort } from "./model";
import { fit, glyph, hatch, type Theme } from "./paint";
import type { Run } from "./run";
import { seconds, shortened, span } from "./text";

// How many messages and events are drawn one by one, for each pixel of width, before only
// density is: more of them cannot be told apart.
const arrowsPerPixel = .6;
const glyphsPerPixel = .35;
const mostLabels = 50;

interface Box {
	lane: Lane;
	top: number; bottom: number;
	bands: { replica: Replica; top: number; bottom: number }[];
}

export interface Window { t0: number; t1: number }

// classOf sorts messages by what they are for.
export const enum Class { other, append, vote, snapshot, quiet }

export function classOf(type: string): Class {
	if (/heartbeat/i.test(type)) return Class.quiet;
	if (/vote|timeoutnow|hup|transfer/i.test(type)) return Class.vote;
	if (/snap/i.test(type)) return Class.snapshot;
	if (/append/i.test(type)) return Class.append;
	return Class.other;
}

export class Diagram {
	scroll = 0;
	private boxes: Box[] = [];
	private box: (Box | undefined)[] = [];
	private width = 0;
	private height = 0;
	private content = 0;
	gutter = 120;
	private top = 22;
	private drawnArrows: number[] = [];
	private taken: [number, number, number, number][] = []; // by labels of arrows
	private drawnGlyphs: { x: number; y: number; event: number }[] = [];
	private theme!: Theme;
	private candidate: CanvasPattern | string = "";
	private pre: CanvasPattern | string = "";
	private down: CanvasPattern | string = "";
	private pausing: CanvasPattern | string = "";
	// dense says whether the last picture left out single messages or events.
	dense = false;

	constructor(readonly canvas: HTMLCanvasElement, readonly run: Run, readonly window: Window) {}

	restyle(theme: Theme): void {
		this.theme = theme;
		const ctx = this.canvas.getContext("2d", { alpha: false });
		if (ctx === null) return;
		this.candidate = hatch(ctx, theme.warn, 6, true, 2);
		this.pre = hatch(ctx, theme.warn, 8, false, 1);
		this.down = hatch(ctx, theme.soft, 7, true, 1);
		this.pausing = hatch(ctx, theme.soft, 5, false, .8);
	}

	x(t: number): number {
		const { t0, t1 } = this.window;
		return this.gutter + (t - t0) / (t1 - t0) * (this.width - this.gutter);
	}

	time(x: number): number {
		const { t0, t1 } = this.window;
		return t0 + (x - this.gutter) / (this.width - this.gutter) * (t1 - t0);
	}

	private layout(): void {
		const { model, filters } = this.run;
		this.gutter = this.width < 520 ? 46 : 104;
		// Where there is little room, as beside another run, only the faults in sight have it.
		const small = this.height < 320;
		const { t0, t1 } = this.window;
		const rows = small ? model.faults.reduce((n, f) => f.from <= t1 && f.until >= t0 ? Math.max(n, f.row + 1) : n, 0) : model.faultRows;
		this.top = 24 + rows * 15;
		const least = small ? 14 : 20;
		const lanes = model.lanes.filter(l => !filters.lanes.has(l.label));
		const replicas = new Map<number, Replica[]>();
		for (const r of model.replicas) {
			if (filters.regions.has(r.region)) continue;
			const all = replicas.get(r.lane) ?? [];
			all.push(r);
			replicas.set(r.lane, all);
		}
		for (const all of replicas.values()) all.sort((a, b) => a.region - b.region);
		const most = Math.max(1, ...[...replicas.values()].map(r => r.length));
		const clients = lanes.filter(l => l.kind === "client").length;
		const gapOf = (i: number, gap: number): number => lanes[i].kind === "client" && lanes[i + 1]?.kind === "client" ? Math.min(gap, small ? 2 : 5) : gap;
		const gaps = lanes.filter((_, i) => gapOf(i, 100) === 100).length;
		const bodiesWith = (band: number): number[] => lanes.map(l => l.kind === "store" ? Math.max(16, (replicas.get(l.index)?.length ?? 0) * band) : l.kind === "client" && (clients > 6 || small) ? 12 : 16);
		const roomWith = (bodies: number[]): number => this.height - this.top - bodies.reduce((a, b) => a + b, 0) - (lanes.length - gaps) * (small ? 2 : 5) - 14;
		// The bands are as high as fits, and at least so high that they can be told apart.
		const heights = small ? [20, 13, 9, 5] : most <= 3 ? [24, 20] : most <= 6 ? [20, 13] : most <= 12 ? [13, 9, 6] : [9, 5];
		const band = heights.find(h => roomWith(bodiesWith(h)) >= least * gaps) ?? heights[heights.length - 1];
		const bodies = bodiesWith(band);
		const gap = Math.max(least, Math.min(130, roomWith(bodies) / Math.max(1, gaps)));
		let y = this.top + 10;
		this.boxes = [];
		this.box = new Array<Box | undefined>(model.lanes.length);
		lanes.forEach((lane, i) => {
			const box: Box = { lane, top: y, bottom: y + bodies[i], bands: [] };
			const held = replicas.get(lane.index) ?? [];
			const each = (box.bottom - box.top) / Math.max(1, held.length);
			held.forEach((replica, n) => box.bands.push({ replica, top: y + n * each, bottom: y + (n + 1) * each }));
			this.boxes.push(box);
			this.box[lane.index] = box;
			y += bodies[i] + gapOf(i, gap);
		});
		this.content = y - gap + 14;
		this.scroll = Math.max(0, Math.min(this.scroll, this.content - this.height));
		for (const b of this.boxes) {
			b.top -= this.scroll;
			b.bottom -= this.scroll;
			for (const n of b.bands) { n.top -= this.scroll; n.bottom -= this.scroll; }
		}
	}

	draw(width: number, height: number): void {
		this.width = width;
		this.height = height;
		const ctx = fit(this.canvas, width, height);
		if (ctx === null) return;
		this.layout();
		const { theme, run } = this;
		ctx.fillStyle = theme.bg;
		ctx.fillRect(0, 0, width, height);
		ctx.save();
		ctx.beginPath();
		ctx.rect(this.gutter, this.top, width - this.gutter, height - this.top);
		ctx.clip();
		this.drawGrid(ctx);
		for (const b of this.boxes) if (b.bottom > this.top && b.top < height) this.drawLane(ctx, b);
		this.drawFaultShades(ctx);
		this.dense = false;
		this.drawArrows(ctx);
		this.drawGlyphs(ctx);
		this.drawTexts(ctx);
		this.drawViolation(ctx);
		this.drawMark(ctx, run.selected, theme.accent);
		if (run.parts >= 0 && run.parts !== run.selected) this.drawMark(ctx, run.parts, theme.violet);
		ctx.restore();
		this.drawAxis(ctx);
		this.drawLabels(ctx);
	}

	private ticks(): { step: number; digits: number } {
		const { t0, t1 } = this.window;
		const rough = (t1 - t0) / Math.max(2, (this.width - this.gutter) / 110);
		const power = 10 ** Math.floor(Math.log10(rough));
		const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough) ?? rough;
		return { step, digits: Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(step) - 1e-9))) };
	}

	private eachTick(f: (t: number, digits: number) => void): void {
		const { step, digits } = this.ticks();
		for (let k = Math.ceil(this.window.t0 / step); k * step <= this.window.t1; k++) f(k * step, digits);
	}

	private drawGrid(ctx: CanvasRenderingContext2D): void {
		ctx.strokeStyle = this.theme.line;
		ctx.lineWidth = 1;
		ctx.globalAlpha = .6;
		ctx.beginPath();
		this.eachTick(t => {
			const x = Math.round(this.x(t)) + .5;
			ctx.moveTo(x, this.top);
			ctx.lineTo(x, this.height);
		});
		ctx.stroke();
		ctx.globalAlpha = 1;
	}

	private drawAxis(ctx: CanvasRenderingContext2D): void {
		const { theme, width } = this;
		ctx.fillStyle = theme.bg;
		ctx.fillRect(0, 0, width, this.top);
		ctx.font = `11px ${theme.font}`;
		ctx.textBaseline = "middle";
		ctx.fillStyle = theme.soft;
		ctx.textAlign = "center";
		this.eachTick((t, digits) => {
			const x = this.x(t);
			if (x > this.gutter + 26 && x < width - 26) ctx.fillText(seconds(t, digits), x, 11);
		});
		ctx.textAlign = "left";
		const taken: number[] = []; // by texts, in each row
		this.run.model.faults.forEach(f => {
			const x0 = Math.max(this.gutter, this.x(f.from)), x1 = Math.min(width, this.x(f.until));
			if (x1 < this.gutter || x0 > width) return;
			const y = 21 + f.row * 15;
			ctx.fillStyle = theme.shade;
			ctx.fillRect(x0, y, Math.max(2, x1 - x0), 13);
			ctx.fillStyle = theme.warn;
			ctx.fillRect(x0, y, 2, 13);
			if (x1 - x0 > 40 && x0 >= (taken[f.row] ?? 0)) {
				taken[f.row] = Math.min(x1, x0 + 8 + ctx.measureText(faultText(f)).width);
				ctx.save();
				ctx.beginPath();
				ctx.rect(x0, y, x1 - x0, 13);
				ctx.clip();
				ctx.fillStyle = theme.ink;
				ctx.fillText(faultText(f), x0 + 6, y + 7);
				ctx.restore();
			}
		});
		ctx.strokeStyle = theme.line;
		ctx.beginPath();
		ctx.moveTo(0, this.top - .5);
		ctx.lineTo(width, this.top - .5);
		ctx.stroke();
		ctx.fillStyle = theme.soft;
		if (this.top > 24) ctx.fillText("faults", 8, 28);
	}

	private drawFaultShades(ctx: CanvasRenderingContext2D): void {
		ctx.fillStyle = this.theme.shade;
		for (const b of this.boxes) {
			this.eachSpan(this.run.model.faulty[b.lane.index], (_, x0, x1) => ctx.fillRect(x0, b.top - 6, x1 - x0, b.bottom - b.top + 12));
		}
	}

	private eachSpan<T extends { from: number; until: number }>(spans: T[], f: (s: T, x0: number, x1: number) => void): void {
		const { t0, t1 } = this.window;
		for (let i = Math.max(0, covering(spans, t0)); i < spans.length && spans[i].from <= t1; i++) {
			if (spans[i].until < t0) continue;
			const x0 = Math.max(this.gutter - 2, this.x(spans[i].from)), x1 = Math.min(this.width + 2, this.x(spans[i].until));
			f(spans[i], x0, Math.max(x1, x0 + .75));
		}
	}

	private drawLane(ctx: CanvasRenderingContext2D, b: Box): void {
		const { theme, run } = this;
		const { log, model } = run;
		const right = this.width;
		if (run.lane === b.lane.index) {
			ctx.fillStyle = theme.lane;
			ctx.fillRect(this.gutter, b.top - 5, right - this.gutter, b.bottom - b.top + 10);
		}
		const mid = Math.round((b.top + b.bottom) / 2) + .5;
		ctx.strokeStyle = theme.line;
		ctx.lineWidth = 1;
		ctx.beginPath();
		if (b.bands.length === 0) {
			ctx.moveTo(this.gutter, mid);
			ctx.lineTo(right, mid);
		}
		for (const n of b.bands) {
			ctx.moveTo(this.gutter, Math.round(n.bottom) - .5);
			ctx.lineTo(right, Math.round(n.bottom) - .5);
		}
		ctx.stroke();
		for (const n of b.bands) {
			this.eachSpan(n.replica.roles, (s, x0, x1) => {
				const y = n.top + .5, h = n.bottom - n.top - 1.5;
				switch (s.role) {
				case "leader": ctx.fillStyle = theme.accent; break;
				case "follower": ctx.fillStyle = theme.follower; break;
				case "candidate": ctx.fillStyle = this.candidate; break;
				default: ctx.fillStyle = this.pre;
				}
				ctx.fillRect(x0, y, x1 - x0, h);
				if (s.role === "candidate" && x1 - x0 > 3) {
					ctx.strokeStyle = theme.warn;
					ctx.strokeRect(x0 + .5, y + .5, x1 - x0 - 1, h - 1);
				}
			});
		}
		const life = model.lives.get(b.lane.id);
		if (life !== undefined && b.lane.kind !== "client") {
			this.eachSpan(life.down, (_, x0, x1) => {
				ctx.fillStyle = theme.bg;
				ctx.fillRect(x0, b.top, x1 - x0, b.bottom - b.top);
				ctx.fillStyle = this.down;
				ctx.fillRect(x0, b.top, x1 - x0, b.bottom - b.top);
				ctx.strokeStyle = theme.soft;
				ctx.strokeRect(x0 + .5, b.top + .5, x1 - x0 - 1, b.bottom - b.top - 1);
				if (x1 - x0 > 44) this.tag(ctx, "down", (Math.max(x0, this.gutter) + x1) / 2, (b.top + b.bottom) / 2, theme.ink, theme.bg);
			});
			this.eachSpan(life.paused, (_, x0, x1) => {
				ctx.fillStyle = this.pausing;
				ctx.fillRect(x0, b.top, x1 - x0, b.bottom - b.top);
				if (x1 - x0 > 54) this.tag(ctx, "paused", (Math.max(x0, this.gutter) + x1) / 2, (b.top + b.bottom) / 2, theme.ink, theme.bg);
			});
		}
		if (b.lane.kind === "client") {
			this.eachSpan(run.operations(b.lane.id), (o, x0, x1) => {
				const fate = o.finish < 0 ? "" : log.str("fate", o.finish);
				const dim = run.path !== undefined && !run.path.events.has(o.begin);
				ctx.globalAlpha = dim ? .25 : 1;
				ctx.fillStyle = fate === "done" || fate === "" ? theme.follower : theme.shade;
				ctx.fillRect(x0, b.top, x1 - x0, b.bottom - b.top);
				ctx.strokeStyle = fate === "unknown" ? theme.warn : fate === "refused" ? theme.bad : theme.soft;
				if (x1 - x0 > 3) ctx.strokeRect(x0 + .5, b.top + .5, x1 - x0 - 1, b.bottom - b.top - 1);
				if (x1 - x0 > 36 && b.bottom - b.top > 10) {
					ctx.save();
					ctx.beginPath();
					ctx.rect(x0, b.top, x1 - x0 - 2, b.bottom - b.top);
					ctx.clip();
					ctx.fillStyle = theme.ink;
					ctx.font = `11px ${theme.font}`;
					ctx.textBaseline = "middle";
					const text = log.show("text", o.finish >= 0 ? o.finish : o.begin);
					ctx.fillText(shortened(text, 120), Math.max(x0, this.gutter) + 4, (b.top + b.bottom) / 2 + .5);
					ctx.restore();
				}
				ctx.globalAlpha = 1;
			});
		}
	}

	private tag(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, ink: string, ground: string): void {
		ctx.font = `11px ${this.theme.font}`;
		ctx.textAlign = "center";
		ctx.textBaseline = "middle";
		const w = ctx.measureText(text).width;
		ctx.fillStyle = ground;
		ctx.fillRect(x - w / 2 - 3, y - 7, w + 6, 14);
		ctx.fillStyle = ink;
		ctx.fillText(text, x, y + .5);
		ctx.textAlign = "left";
	}

	// ends returns where an arrow begins and ends, if both lanes are shown.
	private ends(a: number): [number, number, number, number] | undefined {
		const { arrows } = this.run.model;
		const from = this.box[arrows.from[a]], to = this.box[arrows.to[a]];
		if (from === undefined || to === undefined) return undefined;
		const downward = from.top < to.top;
		const x0 = this.x(arrows.t0[a]), y0 = downward ? from.bottom : from.top;
		let x1 = this.x(arrows.t1[a]), y1 = downward ? to.top : to.bottom;
		if (arrows.end[a] === End.lost) { x1 = x0 + (x1 - x0) * .6; y1 = y0 + (y1 - y0) * .6; }
		return [x0, y0, x1, y1];
	}

	private drawArrows(ctx: CanvasRenderingContext2D): void {
		const { theme, run } = this;
		const { t0, t1 } = this.window;
		this.drawnArrows = [];
		this.taken = [];
		let index = run.arrows;
		const most = arrowsPerPixel * (this.width - this.gutter);
		if (index.count(t0, t1) > most) {
			this.dense = true;
			this.drawDensity(ctx);
			index = run.rareArrows;
			if (index.count(t0, t1) > most) return this.drawPath(ctx);
		}
		const path = run.path;
		const groups = new Map<string, number[]>();
		index.within(t0, t1, a => {
			if (path?.arrows.has(a)) return;
			const { arrows } = run.model;
			const lost = arrows.end[a] === End.lost || arrows.end[a] === End.cut || arrows.end[a] === End.nobody;
			const kind = arrows.sort[a] === Sort.message ? run.classes[run.log.columns.type[arrows.event(a)]] : 5 + arrows.sort[a];
			const key = (lost ? "x" : "") + kind;
			const group = groups.get(key);
			if (group === undefined) groups.set(key, [a]); else group.push(a);
			this.drawnArrows.push(a);
		});
		for (const [key, group] of groups) {
			const lost = key[0] === "x";
			const [colour, alpha, dash] = this.strokeOf(Number(lost ? key.slice(1) : key));
			ctx.globalAlpha = (lost ? .75 : alpha) * (path === undefined ? 1 : .15);
			this.strokeArrows(ctx, group, lost ? theme.bad : colour, lost ? [3, 3] : dash, 1, this.drawnArrows.length < 800);
		}
		ctx.globalAlpha = 1;
		if (this.drawnArrows.length <= mostLabels && path === undefined) for (const a of this.drawnArrows) this.labelArrow(ctx, a);
		this.drawPath(ctx);
	}

	private strokeOf(kind: number): [string, number, number[]] {
		const { theme } = this;
		switch (kind) {
		case Class.append: return [theme.accent, .8, []];
		case Class.vote: return [theme.warn, .95, []];
		case Class.snapshot: return [theme.violet, .95, []];
		case Class.quiet: return [theme.soft, .45, []];
		case 5 + Sort.request: return [theme.ink, .65, []];
		case 5 + Sort.reply: return [theme.ink, .5, [6, 3]];
		default: return [theme.soft, .8, []];
		}
	}

	private strokeArrows(ctx: CanvasRenderingContext2D, group: number[], colour: string, dash: number[], width: number, heads: boolean): void {
		const { arrows } = this.run.model;
		ctx.strokeStyle = ctx.fillStyle = colour;
		ctx.lineWidth = width;
		ctx.setLineDash(dash);
		ctx.beginPath();
		for (const a of group) {
			const e = this.ends(a);
			if (e === undefined) continue;
			ctx.moveTo(e[0], e[1]);
			ctx.lineTo(e[2], e[3]);
		}
		ctx.stroke();
		ctx.setLineDash([]);
		const marks = new Path2D(), crosses = new Path2D();
		for (const a of group) {
			const e = this.ends(a);
			if (e === undefined) continue;
			const [x0, y0, x1, y1] = e;
			const d = Math.hypot(x1 - x0, y1 - y0) || 1;
			const ux = (x1 - x0) / d, uy = (y1 - y0) / d;
			if (arrows.end[a] === End.arrives) {
				if (!heads) continue;
				marks.moveTo(x1, y1);
				marks.lineTo(x1 - 7 * ux + 2.7 * uy, y1 - 7 * uy - 2.7 * ux);
				marks.lineTo(x1 - 7 * ux - 2.7 * uy, y1 - 7 * uy + 2.7 * ux);
				marks.closePath();
			} else if (arrows.end[a] !== End.open) {
				crosses.moveTo(x1 - 3.5, y1 - 3.5); crosses.lineTo(x1 + 3.5, y1 + 3.5);
				crosses.moveTo(x1 + 3.5, y1 - 3.5); crosses.lineTo(x1 - 3.5, y1 + 3.5);
			}
			if (arrows.copy[a] !== 0) {
				// Two strokes across: it is the second copy.
				const mx = (x0 + x1) / 2, my = (y0 + y1) / 2;
				for (const s of [-2, 2]) {
					crosses.moveTo(mx + s * ux - 4 * uy, my + s * uy + 4 * ux);
					crosses.lineTo(mx + s * ux + 4 * uy, my + s * uy - 4 * ux);
				}
			}
		}
		ctx.fill(marks);
		ctx.lineWidth = width + .6;
		ctx.stroke(crosses);
	}

	private labelArrow(ctx: CanvasRenderingContext2D, a: number): void {
		const e = this.ends(a);
		if (e === undefined || Math.hypot(e[2] - e[0], e[3] - e[1]) < 26) return;
		const { model, log } = this.run;
		const i = model.arrows.event(a);
		let text = log.show("type", i).replace(/^Msg/, "");
		if (model.arrows.sort[a] === Sort.reply) text = "answer";
		if (model.arrows.copy[a] !== 0) text += " (copy)";
		const at = .45 + .12 * ((a % 3) - 1);
		const x = e[0] + (e[2] - e[0]) * at, y = e[1] + (e[3] - e[1]) * at;
		text = shortened(text, 24);
		ctx.font = `10px ${this.theme.font}`;
		const right = x + 4 + ctx.measureText(text).width;
		if (this.taken.some(([l, t, r, b]) => x < r && right > l && y - 6 < b && y + 6 > t)) return;
		this.taken.push([x, y - 6, right, y + 6]);
		ctx.textBaseline = "middle";
		ctx.lineWidth = 3;
		ctx.strokeStyle = this.theme.bg;
		ctx.strokeText(text, x + 4, y);
		ctx.fillStyle = this.theme.ink;
		ctx.fillText(text, x + 4, y);
	}

	private drawPath(ctx: CanvasRenderingContext2D): void {
		const path = this.run.path;
		if (path === undefined) return;
		const { t0, t1 } = this.window;
		const { arrows } = this.run.model;
		const visible = [...path.arrows].filter(a => arrows.t1[a] >= t0 && arrows.t0[a] <= t1);
		this.strokeArrows(ctx, visible.filter(a => arrows.end[a] === End.arrives || arrows.end[a] === End.open), this.theme.accent, [], 2.2, true);
		this.strokeArrows(ctx, visible.filter(a => arrows.end[a] !== End.arrives && arrows.end[a] !== End.open), this.theme.bad, [4, 3], 2, true);
		this.drawnArrows.push(...visible);
		if (visible.length <= mostLabels) for (const a of visible) this.labelArrow(ctx, a);
	}

	private drawDensity(ctx: CanvasRenderingContext2D): void {
		const { t0, t1 } = this.window;
		const step = 3;
		ctx.fillStyle = this.theme.ink;
		const perPixel = (t1 - t0) / (this.width - this.gutter);
		for (const b of this.boxes) {
			const times = this.run.laneTimes[b.lane.index];
			if (times === undefined || times.length === 0) continue;
			let from = lower(times, t0);
			for (let x = this.gutter; x < this.width; x += step) {
				const to = upper(times, t0 + (x + step - this.gutter) * perPixel, from);
				if (to > from) {
					ctx.globalAlpha = Math.min(.85, .12 + .16 * Math.log2(to - from));
					ctx.fillRect(x, b.bottom + 2, step - .5, 5);
				}
				from = to;
			}
		}
		ctx.globalAlpha = 1;
	}

	// band returns the middle of what an event happens on: the band of its region, or the
	// lane.
	y(i: number): number | undefined {
		const { log, model } = this.run;
		const b = this.box[model.lane[i]];
		if (b === undefined) return undefined;
		const a = model.arrowOf[i];
		if (a >= 0) {
			const e = this.ends(a);
			if (e !== undefined) return model.arrows.first[a] === i || model.arrows.end[a] === End.lost ? e[1] : e[3];
		}
		const region = log.num("region", i);
		const n = region > 0 ? b.bands.find(n => n.replica.region === region) : undefined;
		if (n !== undefined) return n.bottom - n.top >= 20 ? n.bottom - 6 : (n.top + n.bottom) / 2;
		return (b.top + b.bottom) / 2;
	}

	private drawGlyphs(ctx: CanvasRenderingContext2D): void {
		const { run, theme } = this;
		const { log } = run;
		const { t0, t1 } = this.window;
		this.drawnGlyphs = [];
		const lo = lower(run.glyphs, log.firstAt(t0)), hi = lower(run.glyphs, upper(log.columns.at, t1));
		const path = run.path;
		if (hi - lo > glyphsPerPixel * (this.width - this.gutter)) {
			if (!this.dense) this.drawDensity(ctx);
			this.dense = true;
		} else {
			for (let k = lo; k < hi; k++) {
				const i = run.glyphs[k];
				if (path?.events.has(i)) continue;
				ctx.globalAlpha = path === undefined ? 1 : .15;
				this.drawGlyph(ctx, i, 3.6);
			}
		}
		ctx.globalAlpha = 1;
		if (path !== undefined) {
			for (const s of path.steps) {
				if (log.at(s.event) < t0 || log.at(s.event) > t1 || log.code[s.event] === K.message || log.code[s.event] === K.call) continue;
				this.drawGlyph(ctx, s.event, 4.8);
			}
		}
		ctx.fillStyle = theme.ink;
	}

	private drawGlyph(ctx: CanvasRenderingContext2D, i: number, r: number): void {
		const y = this.y(i);
		if (y === undefined || y < this.top - 10 || y > this.height + 10) return;
		// What happens at once on one band stands side by side.
		let x = this.x(this.run.log.at(i));
		const last = this.drawnGlyphs[this.drawnGlyphs.length - 1];
		if (last !== undefined && last.y === y && x < last.x + 2 * r && x > last.x - 5 * r) x = last.x + 2 * r;
		glyph(ctx, this.run.sign(i), x, y, r, this.theme);
		this.drawnGlyphs.push({ x, y, event: i });
	}

	// drawTexts writes role, term, commit and applied along the band of each replica.
	private drawTexts(ctx: CanvasRenderingContext2D): void {
		const { theme, run } = this;
		const { log } = run;
		const c = log.columns;
		ctx.textBaseline = "middle";
		for (const b of this.boxes) {
			if (b.bottom < this.top || b.top > this.height) continue;
			for (const n of b.bands) {
				if (n.bottom - n.top < 12) continue;
				const y = n.bottom - n.top >= 20 ? n.top + 7 : (n.top + n.bottom) / 2;
				const r = n.replica;
				let free = this.gutter + 3; // where the next text may begin
				let shown = -1;
				// A text is the state at its left edge.
				for (; ;) {
					let k = upper(r.at, this.time(free)) - 1;
					let x = free;
					if (k < 0 || shown >= 0 && this.same(r.states[k], shown)) {
						do k++; while (k < r.states.length && shown >= 0 && this.same(r.states[k], shown));
						if (k >= r.states.length) break;
						x = Math.max(free, this.x(r.at[k]) + 3);
					}
					if (x > this.width - 30 || this.time(x) > log.end) break;
					shown = r.states[k];
					const up = this.upAgain(r.store, this.time(x));
					if (up > 0 || log.str("fate", shown) === "removed") {
						free = Math.max(x + 1, this.x(up) + 3);
						shown = up > 0 ? -1 : shown;
						continue;
					}
					const role = roleOf(log.str("role", shown));
					const letter = role === "leader" ? "L" : role === "candidate" ? "C" : role === "follower" ? "F" : role === "" ? "" : "P";
					const text = ` t${c.term[shown]} c${c.commit[shown]} a${c.applied[shown]}`;
					ctx.font = `bold 10px ${theme.font}`;
					const w = ctx.measureText(letter).width;
					ctx.font = `10px ${theme.font}`;
					const all = w + ctx.measureText(text).width;
					if (this.downBetween(r.store, this.time(x), this.time(x + all))) {
						free = x + all;
						continue;
					}
					// A text that does not fit on the colour of its band has a ground of its own.
					const held = r.roles[covering(r.roles, this.time(x))];
					const fits = role === "follower" || role === "leader" && held !== undefined && this.x(held.until) >= x + all;
					if (!fits) {
						ctx.fillStyle = theme.bg;
						ctx.fillRect(x - 2, y - 6, all + 4, 12);
					}
					ctx.fillStyle = fits && role === "leader" ? theme.onAccent : theme.ink;
					ctx.fillText(text, x + w, y + .5);
					ctx.font = `bold 10px ${theme.font}`;
					ctx.fillText(letter, x, y + .5);
					free = x + all + 12;
				}
			}
		}
	}

	private same(a: number, b: number): boolean {
		const c = this.run.log.columns;
		return c.term[a] === c.term[b] && c.commit[a] === c.commit[b] && c.applied[a] === c.applied[b] && c.role[a] === c.role[b];
	}

	// upAgain returns when a store that is down at time t starts again, 0 if it is not down.
	private upAgain(store: number, t: number): number {
		const down = this.run.model.lives.get(store)?.down;
		if (down === undefined) return 0;
		const k = covering(down, t);
		return k >= 0 && down[k].until > t ? down[k].until : 0;
	}

	private downBetween(store: number, from: number, until: number): boolean {
		const down = this.run.model.lives.get(store)?.down;
		if (down === undefined) return false;
		const k = covering(down, until);
		return k >= 0 && down[k].from > from;
	}

	private drawViolation(ctx: CanvasRenderingContext2D): void {
		const { run, theme } = this;
		const v = run.model.violation;
		if (v < 0) return;
		const x = this.x(run.log.at(v));
		if (x < this.gutter - 4 || x > this.width + 4) return;
		ctx.strokeStyle = theme.bad;
		ctx.lineWidth = 2;
		ctx.beginPath();
		ctx.moveTo(x, this.top);
		ctx.lineTo(x, this.height);
		ctx.stroke();
		const y = this.y(v);
		if (y !== undefined) glyph(ctx, "violation", x, y, 5, theme);
		const text = shortened(run.log.show("text", v) || run.log.header.found || "violation", 200);
		ctx.font = `bold 11px ${theme.font}`;
		ctx.textBaseline = "middle";
		// The sentence stands on the side that has room, in as many lines as it needs.
		const room = Math.max(140, Math.min(300, Math.max(x - this.gutter, this.width - x) - 16));
		const lines = wrap(ctx, text, room, this.width < 520 ? 1 : 4);
		const w = Math.max(...lines.map(l => ctx.measureText(l).width));
		const left = x - this.gutter > this.width - x ? Math.max(this.gutter + 2, x - w - 14) : x + 4;
		const top = this.top + 4;
		ctx.fillStyle = theme.bad;
		ctx.fillRect(left, top, w + 10, lines.length * 14 + 5);
		ctx.fillStyle = theme.bg;
		lines.forEach((l, i) => ctx.fillText(l, left + 5, top + 10 + i * 14));
	}

	private drawMark(ctx: CanvasRenderingContext2D, i: number, colour: string): void {
		if (i < 0) return;
		const { log } = this.run;
		const x = this.x(log.at(i));
		if (x < this.gutter - 8 || x > this.width + 8) return;
		ctx.strokeStyle = colour;
		ctx.lineWidth = 1;
		ctx.setLineDash([2, 3]);
		ctx.beginPath();
		ctx.moveTo(Math.round(x) + .5, this.top);
		ctx.lineTo(Math.round(x) + .5, this.height);
		ctx.stroke();
		ctx.setLineDash([]);
		const a = this.run.model.arrowOf[i];
		if (a >= 0) this.strokeArrows(ctx, [a], colour, [], 2.4, true);
		const y = this.y(i);
		if (y === undefined) return;
		for (const [w, c] of [[5, this.theme.bg], [2.2, colour]] as const) {
			ctx.lineWidth = w;
			ctx.strokeStyle = c;
			ctx.beginPath();
			ctx.arc(x, y, 7, 0, 7);
			ctx.stroke();
		}
	}

	private drawLabels(ctx: CanvasRenderingContext2D): void {
		const { theme, run } = this;
		ctx.save();
		ctx.beginPath();
		ctx.rect(0, this.top, this.gutter, this.height - this.top);
		ctx.clip();
		ctx.fillStyle = theme.bg;
		ctx.fillRect(0, this.top, this.gutter, this.height - this.top);
		ctx.textBaseline = "middle";
		const narrow = this.gutter < 80;
		for (const b of this.boxes) {
			const mid = (b.top + b.bottom) / 2;
			ctx.fillStyle = run.lane === b.lane.index ? theme.accent : theme.ink;
			ctx.font = `${b.lane.kind === "store" ? "600 " : ""}12px ${theme.font}`;
			ctx.fillText(narrow ? b.lane.short : b.lane.label, 8, mid + .5);
			if (b.bands.length > 1 && b.bands[0].bottom - b.bands[0].top >= 9) {
				ctx.font = `10px ${theme.font}`;
				ctx.textAlign = "right";
				ctx.fillStyle = theme.soft;
				for (const n of b.bands) ctx.fillText((narrow ? "" : "region ") + n.replica.region, this.gutter - 5, (n.top + n.bottom) / 2 + .5);
				ctx.textAlign = "left";
			}
		}
		ctx.restore();
		ctx.strokeStyle = theme.line;
		ctx.lineWidth = 1;
		ctx.beginPath();
		ctx.moveTo(this.gutter - .5, this.top);
		ctx.lineTo(this.gutter - .5, this.height);
		ctx.stroke();
		if (this.dense) {
			const text = "bars: how much happens; zoom in for single messages";
			ctx.font = `11px ${theme.font}`;
			const w = ctx.measureText(text).width;
			if (w + 20 < this.width - this.gutter) {
				ctx.fillStyle = theme.bg;
				ctx.fillRect(this.width - w - 14, this.height - 20, w + 12, 16);
				ctx.fillStyle = theme.soft;
				ctx.fillText(text, this.width - w - 8, this.height - 11.5);
			}
		}
		if (this.content > this.height + 1) {
			const h = this.height - this.top;
			ctx.fillStyle = theme.soft;
			ctx.globalAlpha = .5;
			ctx.fillRect(this.width - 4, this.top + this.scroll / this.content * h, 3, this.height / this.content * h);
			ctx.globalAlpha = 1;
		}
	}

	// laneAt returns the lane at a height, or -1.
	laneAt(y: number): number {
		let best = -1, distance = 16;
		for (const b of this.boxes) {
			const d = y < b.top ? b.top - y : y > b.bottom ? y - b.bottom : 0;
			if (d < distance) { distance = d; best = b.lane.index; }
		}
		return best;
	}

	// hit returns the event that is drawn at a place, or -1.
	hit(x: number, y: number): number {
		const { model, log } = this.run;
		if (y < this.top) {
			const t = this.time(x), row = Math.floor((y - 21) / 15);
			const f = model.faults.find(f => f.row === row && x >= this.gutter && t >= f.from && t <= f.until);
			return f?.event ?? -1;
		}
		if (x < this.gutter) return -1;
		let best = -1, distance = 9;
		for (const g of this.drawnGlyphs) {
			const d = Math.hypot(g.x - x, g.y - y);
			if (d < distance) { distance = d; best = g.event; }
		}
		if (best >= 0) return best;
		const v = model.violation;
		if (v >= 0 && Math.abs(this.x(log.at(v)) - x) < 4) return v;
		distance = 6;
		for (const a of this.drawnArrows) {
			const e = this.ends(a);
			if (e === undefined) continue;
			const [x0, y0, x1, y1] = e;
			const d2 = (x1 - x0) ** 2 + (y1 - y0) ** 2 || 1;
			const at = Math.max(0, Math.min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / d2));
			const d = Math.hypot(x0 + at * (x1 - x0) - x, y0 + at * (y1 - y0) - y);
			if (d >= distance) continue;
			distance = d;
			best = at < .5 || model.arrows.last[a] < 0 ? model.arrows.first[a] : model.arrows.last[a];
			if (best < 0) best = model.arrows.event(a);
		}
		if (best >= 0) return best;
		const t = this.time(x);
		for (const b of this.boxes) {
			if (y < b.top || y > b.bottom) continue;
			if (b.lane.kind === "client") {
				const all = this.run.operations(b.lane.id);
				const k = covering(all, t);
				return k >= 0 && all[k].until >= t ? all[k].begin : -1;
			}
			for (const n of b.bands) {
				if (y < n.top || y > n.bottom) continue;
				const k = upper(n.replica.at, t);
				return k > 0 ? n.replica.states[k - 1] : -1;
			}
		}
		return -1;
	}

	scrollTo(i: number): void {
		const y = this.y(i);
		if (y === undefined) return;
		if (y < this.top + 20) this.scroll += y - this.top - 40;
		else if (y > this.height - 20) this.scroll += y - this.height + 40;
	}

	// describe is the text of the picture for those who do not see it.
	describe(): string {
		const { run } = this;
		const { log, model } = run;
		const { t0, t1 } = this.window;
		const events = run.shownIn(t0, t1);
		const parts = [`Space-time diagram of ${model.lanes.length} lanes from ${seconds(t0, 4)} to ${seconds(t1, 4)}, ${span(t1 - t0)}, with ${events[1] - events[0]} events.`];
		for (const [region, all] of model.leaders) {
			if (run.filters.regions.has(region)) continue;
			const last = all.filter(l => l.from <= t1 && l.until >= t0).pop();
			parts.push(last === undefined ? `Region ${region} has no leader.` : `Leader of region ${region} at the end: ${last.store}, term ${last.term}.`);
		}
		for (const f of model.faults) if (f.from <= t1 && f.until >= t0) parts.push(`Fault: ${shortened(f.text, 100)}.`);
		const v = model.violation;
		if (v >= 0 && log.at(v) >= t0 && log.at(v) <= t1) parts.push(`The rule is broken at ${seconds(log.at(v))}.`);
		return parts.slice(0, 20).join(" ");
	}
}

// faultText is the text of a fault without its times and number, which the picture shows.
function faultText(f: Fault): string {
	return shortened(f.text.replace(/^[\d.]+s-[\d.]+s /, "").replace(/ \(\d+\)$/, "") || f.type, 120);
}

function wrap(ctx: CanvasRenderingContext2D, text: string, width: number, most: number): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(/\s+/)) {
		const longer = line === "" ? word : line + " " + word;
		if (ctx.measureText(longer).width <= width || line === "") line = longer;
		else {
			lines.push(line);
			line = word;
		}
	}
	lines.push(line);
	if (lines.length > most) {
		lines.length = most;
		lines[most - 1] += " …";
	}
	return lines;
}
