// What became of one request: from the operation of a client over its calls and the entry
// in the log to the reply.

import { K, type Log } from "./log";
import type { Model, Operation } from "./model";

export interface Step { event: number; what: string }

export interface Path {
	title: string;
	steps: Step[];
	end: number; // the event at which the client has its answer, or the last one
	events: Set<number>;
	arrows: Set<number>;
}

interface Entry { region: number; term: number; index: number; proposed: number }

// most is how many steps a path has at most.
const most = 5000;

// follow returns the path of the request that an event is about, or nothing if it is about
// none.
export function follow(m: Model, i: number): Path | undefined {
	const { log } = m;
	const c = log.columns;
	let operation: Operation | undefined;
	let call: number | undefined; // an event that names the call, if no operation is known
	let entry: Entry | undefined;
	const client = c.client[i];
	switch (log.code[i]) {
	case K.operation:
	case K.call:
	case K.submit:
	case K.transaction:
		if (client === 0) return undefined;
		operation = operationOf(m, i);
		if (operation === undefined) call = i;
		break;
	case K.propose:
		if (client > 0) {
			operation = operationOf(m, i);
			if (operation === undefined) call = i;
		}
		if (operation === undefined) entry = { region: c.region[i], term: c.term[i], index: c.index[i], proposed: i };
		break;
	case K.apply:
	case K.log:
	case K.violation:
	case K.message: {
		const index = log.code[i] === K.apply || log.code[i] === K.violation ? c.index[i] : log.code[i] === K.log ? c.last[i] : entriesOf(log, i)[1];
		const p = proposalOf(m, c.region[i], index, i);
		return p < 0 ? undefined : follow(m, p);
	}
	default:
		return undefined;
	}
	const walker = new Walker(m);
	if (operation !== undefined) {
		walker.operation(operation);
		const begin = operation.begin;
		return walker.path(`operation ${log.show("n", begin)} of client ${operation.client}: ${log.show("text", begin)}`, operation.finish);
	}
	if (call !== undefined) {
		walker.calls(new Set([callKey(log, call)]), 0, log.count);
		return walker.path(`call ${log.show("n", call)} of client ${client} to ${log.show("store", call)}`);
	}
	if (entry !== undefined) walker.entry(entry);
	return walker.path(entry === undefined ? "" : named(m, entry));
}

// operationOf returns the operation of its client during which an event happens, or whose
// call it is about.
function operationOf(m: Model, i: number): Operation | undefined {
	const { log } = m;
	const client = log.num("client", i);
	if (log.code[i] === K.operation) return m.operations.find(o => o.client === client && (o.begin === i || o.finish === i));
	// A store may still work for a call whose operation is over: the moment that counts is
	// the one at which the call was sent.
	const key = callKey(log, i);
	for (let j = i; j >= log.open; j--) {
		if (log.code[j] === K.call && log.str("fate", j) === "sent" && log.num("client", j) === client && callKey(log, j) === key) {
			return m.operationAt(client, log.at(j));
		}
	}
	return m.operationAt(client, log.at(i));
}

function callKey(log: Log, i: number): string {
	return `${log.num("client", i)} ${log.num("store", i)} ${log.num("n", i)}`;
}

// proposalOf returns the last proposal of an index before an event, or -1.
function proposalOf(m: Model, region: number, index: number, before: number): number {
	const { log } = m;
	const c = log.columns;
	if (region === 0 || index === 0) return -1;
	for (let i = before; i >= log.open; i--) {
		if (log.code[i] === K.propose && c.region[i] === region && c.index[i] === index) return i;
	}
	return -1;
}

// What messages say of the entries that they have: "entries 5..7", or "come [5/2 6/2]" with
// the term of each.
const entriesPatterns = [/\bentr(?:y|ies) (\d+)(?:\.\.(\d+))?/, /\bcome \[(\d+)\/\d+(?:.* (\d+)\/\d+)?/];

// entriesOf returns the first and last entry that a message has, or 0 twice.
export function entriesOf(log: Log, i: number): [number, number] {
	const text = log.show("text", i);
	const found = entriesPatterns[0].exec(text) ?? entriesPatterns[1].exec(text);
	if (found === null) return [0, 0];
	return [Number(found[1]), Number(found[2] ?? found[1])];
}

function named(m: Model, e: Entry): string {
	return `entry ${e.index}${m.regions.length > 1 ? " of region " + e.region : ""}, term ${e.term}`;
}

class Walker {
	private readonly steps = new Map<number, string>();
	private readonly arrows = new Set<number>();

	constructor(private readonly m: Model) {}

	path(title: string, end = -1): Path {
		const steps = [...this.steps].sort((a, b) => a[0] - b[0]).slice(0, most).map(([event, what]) => ({ event, what }));
		if (end < 0 && steps.length > 0) end = steps[steps.length - 1].event;
		return { title, steps, end, events: new Set(this.steps.keys()), arrows: this.arrows };
	}

	private name(store: number): string { return this.m.lanes[this.m.machine(store)]?.label ?? "store " + store; }

	private add(event: number, what: string): void {
		if (event < 0 || this.steps.has(event)) return;
		this.steps.set(event, what);
		const a = this.m.arrowOf[event];
		if (a >= 0) this.arrows.add(a);
	}

	operation(o: Operation): void {
		const { log } = this.m;
		const c = log.columns;
		this.add(o.begin, `client ${o.client} begins: ${log.show("text", o.begin)}`);
		const last = o.finish >= 0 ? o.finish : log.count - 1;
		const keys = new Set<string>();
		for (let i = o.begin; i <= last; i++) {
			if (log.code[i] === K.call && c.client[i] === o.client && log.str("fate", i) === "sent") keys.add(callKey(log, i));
		}
		this.calls(keys, o.begin, log.count);
		if (o.finish >= 0) this.add(o.finish, `client ${o.client}: ${log.show("fate", o.finish)}, ${log.show("text", o.finish)}`);
	}

	// calls adds what happens for calls, of which keys has the names.
	calls(keys: Set<string>, from: number, until: number): void {
		const { log } = this.m;
		const c = log.columns;
		const proposed: Entry[] = [];
		const submitted: number[] = []; // those that no proposal names yet
		for (let i = Math.max(from, log.open); i < until; i++) {
			switch (log.code[i]) {
			case K.call:
				if (c.client[i] > 0 && keys.has(callKey(log, i))) this.add(i, `call ${log.show("n", i)} ${log.show("type", i)} to ${this.name(c.store[i])} ${log.show("fate", i)}`);
				break;
			case K.submit:
				if (!keys.has(callKey(log, i))) break;
				this.add(i, `${this.name(c.store[i])} is given the write`);
				submitted.push(i);
				break;
			case K.transaction:
				if (keys.has(callKey(log, i))) this.add(i, `transaction ${log.show("start", i)} ${log.show("fate", i)} on ${this.name(c.store[i])}`);
				break;
			case K.propose: {
				let mine = c.client[i] > 0 && keys.has(callKey(log, i));
				if (!mine && c.client[i] === 0 && c.text[i] !== 0) {
					const k = submitted.findIndex(s => c.store[s] === c.store[i] && c.region[s] === c.region[i] && c.text[s] === c.text[i]);
					mine = k >= 0;
				}
				if (!mine) break;
				const k = submitted.findIndex(s => c.store[s] === c.store[i] && c.region[s] === c.region[i]);
				if (k >= 0) submitted.splice(k, 1);
				proposed.push({ region: c.region[i], term: c.term[i], index: c.index[i], proposed: i });
				break;
			}
			}
		}
		for (const e of proposed) this.entry(e);
	}

	// entry adds the way of an entry through the logs of the replicas.
	entry(e: Entry): void {
		const { log } = this.m;
		const c = log.columns;
		this.add(e.proposed, `${this.name(c.store[e.proposed])} proposes it as ${named(this.m, e)}`);
		const holders = new Set<number>(), applied = new Set<number>(), sent = new Set<string>(), acknowledged = new Set<string>();
		const committed = new Set<number>();
		for (const r of this.m.replicas) if (r.region === e.region) {
			const s = this.m.stateAt(r, e.proposed);
			if (s >= 0 && c.commit[s] >= e.index) committed.add(r.store);
			if (s >= 0 && c.applied[s] >= e.index) applied.add(r.store);
		}
		for (let i = e.proposed; i < log.count && this.steps.size < most; i++) {
			if (c.region[i] !== e.region) continue;
			const store = c.store[i];
			switch (log.code[i]) {
			case K.message: {
				if (e.term > c.term[i] && c.term[i] > 0) break;
				const type = log.show("type", i), fate = log.show("fate", i);
				const pair = c.from[i] + ">" + c.to[i];
				if (/append/i.test(type) && !/resp/i.test(type)) {
					const [a, b] = entriesOf(log, i);
					if (a === 0 || e.index < a || e.index > b) break;
					// That an entry is sent again and again is no news once it is there.
					if (holders.has(c.to[i]) && (fate === "sent" || fate === "lost")) break;
					this.add(i, `${type} with it, ${c.from[i]} → ${c.to[i]}: ${fate}`);
					if (fate === "sent") sent.add(pair);
				} else if (/append.*resp/i.test(type) && !/\breject/.test(log.show("text", i)) && c.index[i] >= e.index && (c.term[i] === 0 || c.term[i] === e.term)) {
					// The leader counts it for all that comes with it.
					const key = pair + fate;
					if (acknowledged.has(pair + "arrives") || acknowledged.has(key)) break;
					acknowledged.add(key);
					this.add(i, `${c.from[i]} → ${c.to[i]} acknowledges up to ${c.index[i]}: ${fate}`);
				}
				break;
			}
			case K.log: {
				const fate = log.show("fate", i);
				if (e.index < c.first[i] || e.index > c.last[i]) break;
				if (fate === "appends" && (c.term[i] === 0 || c.term[i] === e.term) && !holders.has(store)) {
					holders.add(store);
					this.add(i, `${this.name(store)} appends it to its log`);
				} else if (fate === "cuts" && holders.has(store)) {
					holders.delete(store);
					this.add(i, `${this.name(store)} cuts it from its log: another leader's entry takes its place`);
				}
				break;
			}
			case K.sync:
				if (holders.has(store) && c.last[i] >= e.index && !sent.has("durable" + store)) {
					sent.add("durable" + store);
					this.add(i, `${this.name(store)}: it is durable`);
				}
				break;
			case K.propose:
				if (c.index[i] === e.index && c.term[i] > e.term) this.add(i, `${this.name(store)} proposes another entry at index ${e.index}, in term ${c.term[i]}`);
				break;
			case K.state:
				if (c.commit[i] >= e.index && !committed.has(store)) {
					committed.add(store);
					if (holders.has(store)) this.add(i, `${this.name(store)}: committed up to ${c.commit[i]}`);
				}
				break;
			case K.install:
				if (c.index[i] >= e.index && !applied.has(store)) {
					applied.add(store);
					this.add(i, `${this.name(store)} installs a snapshot up to ${c.index[i]}`);
				}
				break;
			case K.apply:
				if (c.index[i] >= e.index && !applied.has(store)) {
					applied.add(store);
					this.add(i, `${this.name(store)} applies ${c.index[i] === e.index ? "it" : "up to " + c.index[i]}`);
				}
				break;
			}
		}
	}
}
