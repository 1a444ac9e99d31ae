// Which events are shown.

import { K, kindNames, type Log } from "./log";
import type { Model } from "./model";

export interface Filters {
	// What is hidden, so that what a later log has besides is shown.
	types: Set<string>; // of messages and calls
	kinds: Set<string>;
	regions: Set<number>;
	lanes: Set<string>; // by the label
	key: string;
	text: string;
}

export function noFilters(): Filters {
	return { types: new Set(), kinds: new Set(), regions: new Set(), lanes: new Set(), key: "", text: "" };
}

export const isHeartbeat = (type: string): boolean => /heartbeat|msgbeat/i.test(type);

// typesOf counts the types of messages and calls.
export function typesOf(log: Log): Map<string, number> {
	const counts = new Map<number, number>();
	for (let i = log.open; i < log.count; i++) {
		if (log.code[i] !== K.message && log.code[i] !== K.call) continue;
		const t = log.columns.type[i];
		counts.set(t, (counts.get(t) ?? 0) + 1);
	}
	return new Map([...counts].map(([id, n]) => [log.strings[id], n]));
}

// kindsOf counts the events of each kind.
export function kindsOf(log: Log): Map<string, number> {
	const counts = new Map<string, number>();
	const codes = new Uint32Array(kindNames.length);
	for (let i = log.open; i < log.count; i++) codes[log.code[i]]++;
	for (let k = 0; k < codes.length; k++) if (codes[k] > 0) counts.set(kindNames[k], codes[k]);
	return counts;
}

// apply returns a 1 for each event that the filters leave.
export function apply(m: Model, f: Filters): Uint8Array {
	const { log } = m;
	const c = log.columns;
	const out = new Uint8Array(log.count);
	const hiddenType = new Uint8Array(log.strings.length);
	log.strings.forEach((s, i) => { if (f.types.has(s)) hiddenType[i] = 1; });
	const hiddenKind = Uint8Array.from(kindNames, k => f.kinds.has(k) ? 1 : 0);
	const hiddenLane = Uint8Array.from(m.lanes, l => f.lanes.has(l.label) ? 1 : 0);
	const matches = f.text === "" ? undefined : having(log, s => s.toLowerCase().includes(f.text.toLowerCase()));
	const quoted = JSON.stringify(f.key);
	const keyed = f.key === "" ? undefined : having(log, s => s === f.key || s.includes(quoted));
	for (let i = log.open; i < log.count; i++) {
		const code = log.code[i];
		if (code === K.violation) {
			out[i] = 1;
			continue;
		}
		if (hiddenKind[code] === 1) continue;
		if ((code === K.message || code === K.call) && hiddenType[c.type[i]] === 1) continue;
		if (c.region[i] > 0 && f.regions.has(c.region[i])) continue;
		if (code === K.message) {
			const a = m.machine(c.from[i]), b = m.machine(c.to[i]);
			if (a >= 0 && hiddenLane[a] === 1 || b >= 0 && hiddenLane[b] === 1) continue;
		} else if (m.lane[i] >= 0 && hiddenLane[m.lane[i]] === 1) continue;
		if (matches !== undefined && matches[c.text[i]] + matches[c.type[i]] + matches[c.fate[i]] + matches[c.key[i]] + matches[c.kind[i]] + matches[c.role[i]] === 0) continue;
		if (keyed !== undefined && keyed[c.key[i]] + keyed[c.text[i]] === 0) continue;
		out[i] = 1;
	}
	return out;
}

// having returns a 1 for each string of a log that f holds of.
function having(log: Log, f: (s: string) => boolean): Uint8Array {
	return Uint8Array.from(log.strings, s => f(s) ? 1 : 0);
}

// keysOf returns the keys that a log names, up to so many.
export function keysOf(log: Log, most: number): string[] {
	const ids = new Set<number>();
	for (let i = 0; i < log.count && ids.size < most; i++) if (log.columns.key[i] !== 0) ids.add(log.columns.key[i]);
	return [...ids].map(id => log.strings[id]).sort();
}
