// Colours and patterns, as the page's styles name them.

export interface Theme {
	bg: string; ink: string; soft: string; line: string; lane: string;
	accent: string; onAccent: string; follower: string; warn: string; bad: string; violet: string; good: string; shade: string;
	font: string;
}

export function themeOf(element: Element): Theme {
	const style = getComputedStyle(element);
	const v = (name: string): string => style.getPropertyValue("--" + name).trim();
	return {
		bg: v("bg"), ink: v("ink"), soft: v("soft"), line: v("line"), lane: v("lane"),
		accent: v("accent"), onAccent: v("on-accent"), follower: v("follower"), warn: v("warn"), bad: v("bad"), violet: v("violet"), good: v("good"), shade: v("shade"),
		font: style.fontFamily,
	};
}

// hatch returns a pattern of slanting lines.
export function hatch(ctx: CanvasRenderingContext2D, colour: string, gap: number, rising: boolean, width = 1.5): CanvasPattern | string {
	const tile = document.createElement("canvas");
	tile.width = tile.height = gap;
	const c = tile.getContext("2d");
	if (c === null) return colour;
	c.strokeStyle = colour;
	c.lineWidth = width;
	c.beginPath();
	for (const d of [-gap, 0, gap]) {
		if (rising) { c.moveTo(d - 1, gap + 1); c.lineTo(d + gap + 1, -1); } else { c.moveTo(d - 1, -1); c.lineTo(d + gap + 1, gap + 1); }
	}
	c.stroke();
	return ctx.createPattern(tile, "repeat") ?? colour;
}

// fit makes a canvas as large as its element on this screen, and returns what draws on it in
// CSS pixels.
export function fit(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
	const scale = Math.min(3, window.devicePixelRatio || 1);
	const w = Math.max(1, Math.round(width * scale)), h = Math.max(1, Math.round(height * scale));
	if (canvas.width !== w || canvas.height !== h) {
		canvas.width = w;
		canvas.height = h;
	}
	const ctx = canvas.getContext("2d", { alpha: false });
	ctx?.setTransform(scale, 0, 0, scale, 0, 0);
	return ctx;
}

// glyph draws the sign of an event.
export function glyph(ctx: CanvasRenderingContext2D, name: string, x: number, y: number, r: number, theme: Theme): void {
	const fill = (colour: string): void => {
		ctx.lineWidth = 2;
		ctx.strokeStyle = theme.bg;
		ctx.stroke();
		ctx.fillStyle = colour;
		ctx.fill();
	};
	const outline = (colour: string): void => {
		ctx.fillStyle = theme.bg;
		ctx.fill();
		ctx.lineWidth = 1.5;
		ctx.strokeStyle = colour;
		ctx.stroke();
	};
	const cross = (colour: string, width: number): void => {
		for (const [w, c] of [[width + 2, theme.bg], [width, colour]] as const) {
			ctx.beginPath();
			ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r);
			ctx.moveTo(x + r, y - r); ctx.lineTo(x - r, y + r);
			ctx.lineWidth = w;
			ctx.strokeStyle = c;
			ctx.stroke();
		}
	};
	const triangle = (dx: number, dy: number): void => {
		ctx.moveTo(x + dx * r - dy * r, y + dy * r - dx * r);
		ctx.lineTo(x + dx * r + dy * r, y + dy * r + dx * r);
		ctx.lineTo(x - dx * r, y - dy * r);
		ctx.closePath();
	};
	ctx.beginPath();
	switch (name) {
	case "appends": ctx.rect(x - r * .8, y - r * .8, r * 1.6, r * 1.6); fill(theme.ink); break;
	case "cuts": cross(theme.bad, 2); break;
	case "compacts": ctx.rect(x - r * .8, y - r * .8, r * 1.6, r * 1.6); outline(theme.soft); break;
	case "sync": ctx.rect(x - 1.25, y - r * 1.2, 2.5, r * 2.4); fill(theme.good); break;
	case "submit": triangle(-1, 0); fill(theme.ink); break;
	case "propose": triangle(0, 1); fill(theme.warn); break;
	case "apply": ctx.arc(x, y, r * .95, 0, 7); fill(theme.good); break;
	case "install": triangle(0, -1); fill(theme.violet); break;
	case "serve": ctx.arc(x, y, r * .85, 0, 7); outline(theme.accent); break;
	case "start": triangle(0, 1); outline(theme.good); break;
	case "crash": cross(theme.bad, 3); break;
	case "disk": ctx.rect(x - r * .5, y - r, r, r * 2); fill(theme.bad); break;
	case "transaction": ctx.moveTo(x, y - r * 1.2); ctx.lineTo(x + r * 1.2, y); ctx.lineTo(x, y + r * 1.2); ctx.lineTo(x - r * 1.2, y); ctx.closePath(); outline(theme.violet); break;
	case "note": ctx.rect(x - r, y - r * .8, r * 2, r * 1.6); outline(theme.warn); break;
	case "violation": ctx.moveTo(x, y - r * 1.6); ctx.lineTo(x + r * 1.6, y); ctx.lineTo(x, y + r * 1.6); ctx.lineTo(x - r * 1.6, y); ctx.closePath(); fill(theme.bad); break;
	default: ctx.arc(x, y, r * .5, 0, 7); fill(theme.soft);
	}
}

// signs are the glyphs with what they mean.
export const signs: [string, string][] = [
	["propose", "proposes an entry"], ["appends", "appends entries"], ["cuts", "cuts entries"], ["compacts", "compacts its log"],
	["sync", "what is written is durable"], ["apply", "applies an entry"], ["install", "installs a snapshot"],
	["submit", "is given a write"], ["serve", "serves a read"], ["transaction", "a step of a transaction"],
	["start", "starts"], ["crash", "crashes"], ["disk", "a disk goes wrong"], ["note", "a note of the code"], ["violation", "the rule is broken"],
];
