// The overview of a whole run, with the part that the diagram shows.

import type { Window } from "./diagram";
import { lower, upper } from "./log";
import { fit, type Theme } from "./paint";
import type { Run } from "./run";

export class Strip {
	private readonly picture = document.createElement("canvas");
	private stale = true;
	private width = 0;
	private height = 0;
	private theme!: Theme;

	constructor(readonly canvas: HTMLCanvasElement, readonly run: Run, readonly window: Window, readonly whole: Window) {}

	restyle(theme: Theme): void {
		this.theme = theme;
		this.stale = true;
	}

	forget(): void { this.stale = true; }

	x(t: number): number { return (t - this.whole.t0) / (this.whole.t1 - this.whole.t0) * this.width; }
	time(x: number): number { return this.whole.t0 + x / this.width * (this.whole.t1 - this.whole.t0); }

	draw(width: number, height: number): void {
		if (this.stale || width !== this.width || height !== this.height) {
			this.width = width;
			this.height = height;
			this.stale = false;
			this.paint();
		}
		const ctx = fit(this.canvas, width, height);
		if (ctx === null) return;
		const { theme } = this;
		ctx.drawImage(this.picture, 0, 0, width, height);
		const x0 = this.x(this.window.t0), x1 = Math.max(this.x(this.window.t1), x0 + 3);
		ctx.fillStyle = theme.bg;
		ctx.globalAlpha = .6;
		ctx.fillRect(0, 0, x0, height);
		ctx.fillRect(x1, 0, width - x1, height);
		ctx.globalAlpha = 1;
		ctx.strokeStyle = theme.accent;
		ctx.lineWidth = 1.5;
		ctx.strokeRect(x0 + .75, .75, x1 - x0 - 1.5, height - 1.5);
		ctx.fillStyle = theme.accent;
		for (const x of [x0, x1]) ctx.fillRect(x - 1.5, height / 2 - 8, 3, 16);
		const v = this.run.model.violation;
		if (v >= 0) {
			const x = this.x(this.run.log.at(v));
			ctx.fillStyle = theme.bad;
			ctx.fillRect(Math.min(x, width - 2) - 1, 0, 2, height);
		}
		for (const [i, colour] of [[this.run.selected, theme.ink], [this.run.parts, theme.violet]] as const) {
			if (i < 0) continue;
			ctx.fillStyle = colour;
			ctx.fillRect(this.x(this.run.log.at(i)) - .5, 0, 1, height);
		}
	}

	private paint(): void {
		const { theme, run, width, height } = this;
		const ctx = fit(this.picture, width, height);
		if (ctx === null) return;
		const { log, model } = run;
		ctx.fillStyle = theme.bg;
		ctx.fillRect(0, 0, width, height);
		ctx.fillStyle = theme.shade;
		for (const f of model.anyFault) ctx.fillRect(this.x(f.from), 0, Math.max(1, this.x(f.until) - this.x(f.from)), height);
		const regions = [...model.leaders].filter(([r]) => !run.filters.regions.has(r)).slice(0, 6);
		const row = regions.length === 0 ? 0 : Math.min(12, 33 / regions.length);
		const floor = height - regions.length * row - 2;
		// How much happens, in columns of two pixels, on a scale that leaves small numbers
		// visible.
		const counts: number[] = [];
		const times = log.columns.at;
		let from = lower(run.shown, lower(times, this.whole.t0));
		for (let x = 0; x < width; x += 2) {
			const to = lower(run.shown, upper(times, this.time(x + 2)));
			counts.push(to - from);
			from = to;
		}
		const top = Math.sqrt(Math.max(1, ...counts));
		ctx.fillStyle = theme.soft;
		counts.forEach((n, k) => {
			if (n === 0) return;
			const h = Math.max(1, Math.sqrt(n) / top * (floor - 4));
			ctx.fillRect(k * 2, floor - h, 1.5, h);
		});
		regions.forEach(([, all], k) => {
			const y = floor + 1 + k * row;
			ctx.font = `9px ${theme.font}`;
			ctx.textBaseline = "middle";
			all.forEach((l, n) => {
				const x0 = this.x(l.from), w = Math.max(.75, this.x(l.until) - x0);
				ctx.fillStyle = theme.accent;
				ctx.globalAlpha = n % 2 === 0 ? .95 : .65;
				ctx.fillRect(x0, y, w, row - 1);
				ctx.globalAlpha = 1;
				if (row >= 9 && w > 12) {
					ctx.fillStyle = theme.onAccent;
					ctx.fillText(String(l.store), x0 + 3, y + row / 2);
				}
			});
		});
		ctx.fillStyle = theme.line;
		ctx.fillRect(0, height - 1, width, 1);
	}
}
