// The part of the address that says what the page shows, so that a link leads to an instant
// of a run.

import { type Filters, noFilters } from "./filter";

export interface Place {
	t0?: number; // in nanoseconds, as all times
	span?: number;
	event?: number; // by its number in the run
	run: number;
	following: boolean;
	filters?: Filters;
}

const lists = ["types", "kinds", "regions", "machines"] as const;

export function write(p: Place, usual: Filters): string {
	const q = new URLSearchParams();
	if (p.t0 !== undefined) q.set("t", (p.t0 / 1e9).toFixed(9));
	if (p.span !== undefined) q.set("span", (p.span / 1e9).toFixed(9));
	if (p.event !== undefined && p.event > 0) q.set("e", String(p.event));
	if (p.run > 0) q.set("run", String(p.run + 1));
	if (p.following) q.set("follow", "1");
	if (p.filters !== undefined) {
		const f = p.filters;
		const hidden = { types: f.types, kinds: f.kinds, regions: f.regions, machines: f.lanes };
		const before = { types: usual.types, kinds: usual.kinds, regions: usual.regions, machines: usual.lanes };
		for (const name of lists) {
			const now = [...hidden[name]].map(String).sort();
			if (now.join() !== [...before[name]].map(String).sort().join()) q.set("no-" + name, JSON.stringify(now));
		}
		if (f.key !== "") q.set("key", f.key);
		if (f.text !== "") q.set("text", f.text);
	}
	return "#" + q.toString();
}

export function read(hash: string, usual: Filters): Place {
	const q = new URLSearchParams(hash.replace(/^#/, ""));
	const number = (name: string, scale: number): number | undefined => {
		const v = Number(q.get(name) ?? NaN);
		return Number.isFinite(v) ? v * scale : undefined;
	};
	const list = (name: string): string[] | undefined => {
		const text = q.get("no-" + name);
		if (text === null) return undefined;
		try {
			const v: unknown = JSON.parse(text);
			return Array.isArray(v) ? v.map(String) : undefined;
		} catch {
			return undefined; // as of a link that was cut off
		}
	};
	const f = noFilters();
	f.types = new Set(list("types") ?? usual.types);
	f.kinds = new Set(list("kinds") ?? usual.kinds);
	f.regions = new Set(list("regions")?.map(Number) ?? usual.regions);
	f.lanes = new Set(list("machines") ?? usual.lanes);
	f.key = q.get("key") ?? "";
	f.text = q.get("text") ?? "";
	return { t0: number("t", 1e9), span: number("span", 1e9), event: number("e", 1), run: Math.max(0, (number("run", 1) ?? 1) - 1), following: q.get("follow") === "1", filters: f };
}
