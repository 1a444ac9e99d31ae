// Where two runs part.

import { columnNames, type Log, texts } from "./log";

export interface Parting {
	a: number; b: number; // events, -1 where a run has ended
	// ownA and ownB say whether the other run does not have it there: of one of them at
	// least that is true.
	ownA: boolean; ownB: boolean;
}

// parting returns the first event of each of two runs that the other does not have, or else
// the one with which it goes on; nothing if they do not part. The order of events at the same time does not count.
export function parting(a: Log, b: Log): Parting | undefined {
	const from = Math.max(a.begin, b.begin);
	let i = from > a.begin ? a.firstAt(from) : a.open;
	let j = from > b.begin ? b.firstAt(from) : b.open;
	const same = sameness(a, b);
	for (; ;) {
		while (i < a.count && j < b.count && same(i, j)) { i++; j++; }
		if (i === a.count && j === b.count) return undefined;
		if (i === a.count || j === b.count || a.at(i) !== b.at(j)) {
			const at = i < a.count ? a.at(i) : Infinity, bt = j < b.count ? b.at(j) : Infinity;
			return { a: i < a.count ? i : -1, b: j < b.count ? j : -1, ownA: at < bt, ownB: bt < at };
		}
		// The rest of this instant, in any order.
		const endA = instantEnd(a, i), endB = instantEnd(b, j);
		const have = new Map<string, number>();
		for (let n = j; n < endB; n++) have.set(line(b, n), (have.get(line(b, n)) ?? 0) + 1);
		const onlyA: number[] = [];
		for (let n = i; n < endA; n++) {
			const key = line(a, n), left = have.get(key) ?? 0;
			if (left > 0) have.set(key, left - 1); else onlyA.push(n);
		}
		let onlyB = -1;
		for (let n = endB - 1; n >= j; n--) {
			const key = line(b, n), left = have.get(key) ?? 0;
			if (left > 0) { have.set(key, left - 1); onlyB = n; }
		}
		if (onlyA.length > 0 || onlyB >= 0) {
			return { a: onlyA[0] ?? (endA < a.count ? endA : -1), b: onlyB >= 0 ? onlyB : endB < b.count ? endB : -1, ownA: onlyA.length > 0, ownB: onlyB >= 0 };
		}
		i = endA;
		j = endB;
	}
}

function instantEnd(log: Log, i: number): number {
	let end = i;
	while (end < log.count && log.at(end) === log.at(i)) end++;
	return end;
}

// sameness returns a function that compares an event of a with one of b.
function sameness(a: Log, b: Log): (i: number, j: number) => boolean {
	// toB is the place that each string of a has in b, or -1. Large numbers are places in
	// the strings, too, and compare as text.
	const places = new Map(b.strings.map((s, n) => [s, n]));
	const toB = Int32Array.from(a.strings, s => places.get(s) ?? -1);
	const large = 2 ** 52;
	return (i, j) => {
		for (const name of columnNames) {
			const x = a.columns[name][i], y = b.columns[name][j];
			if (texts.has(name) ? toB[x] !== y : x >= large || y >= large ? a.show(name, i) !== b.show(name, j) : x !== y) return false;
		}
		return true;
	};
}

function line(log: Log, i: number): string {
	return JSON.stringify(columnNames.map(name => log.show(name, i)));
}

// differences returns the fields in which two events differ.
export function differences(a: Log, i: number, b: Log, j: number): Set<string> {
	return new Set(columnNames.filter(name => name === "at" ? a.at(i) !== b.at(j) : a.show(name, i) !== b.show(name, j)));
}
