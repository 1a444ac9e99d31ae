// What a log comes to: lanes, arrows, spans, and the states of replicas over time.

import { K, Log, upper } from "./log";

export type LaneKind = "client" | "store" | "scheduler";

export interface Lane { index: number; kind: LaneKind; id: number; label: string; short: string }

// How an arrow ends.
export const enum End { arrives, lost, nobody, cut, open }

export const enum Sort { message, request, reply }

// Arrows are messages, requests and replies, in the order of their beginnings.
export class Arrows {
	readonly t0; readonly t1; readonly from; readonly to;
	// first and last are the events at both ends, -1 where the log has none.
	readonly first; readonly last;
	readonly end; readonly sort; readonly copy;

	constructor(readonly count: number) {
		this.t0 = new Float64Array(count);
		this.t1 = new Float64Array(count);
		this.from = new Int16Array(count);
		this.to = new Int16Array(count);
		this.first = new Int32Array(count);
		this.last = new Int32Array(count);
		this.end = new Uint8Array(count);
		this.sort = new Uint8Array(count);
		this.copy = new Uint8Array(count);
	}

	// event returns an event that says what an arrow is.
	event(a: number): number { return this.first[a] >= 0 ? this.first[a] : this.last[a]; }
}

export interface Span { from: number; until: number }

// A Fault is a fault of the schedule while it lasts, and the lanes that it hits, none if
// it is about all of them.
export interface Fault extends Span { event: number; type: string; text: string; lanes: number[]; row: number }

// Life is the up and down of a machine: down is when it is not there.
export interface Life { events: number[]; down: Span[]; paused: Span[] }

export interface RoleSpan extends Span { role: string; term: number }

// A Replica is the replica of a region on a store.
export interface Replica {
	store: number; region: number; lane: number;
	states: number[]; // events, in order
	at: number[]; // their times
	syncs: number[];
	roles: RoleSpan[];
}

export interface Operation extends Span { client: number; lane: number; begin: number; finish: number }

export interface Leader extends Span { store: number; term: number }

export class Model {
	readonly lanes: Lane[] = [];
	// lane is the lane of each event, or -1.
	readonly lane: Int16Array;
	readonly regions: number[] = [];
	readonly replicas: Replica[] = [];
	readonly lives = new Map<number, Life>(); // by store
	readonly faults: Fault[] = [];
	faultRows = 0;
	// faulty is when a fault hits a lane, by lane, and anyFault when there is one at all.
	faulty: Span[][] = [];
	anyFault: Span[] = [];
	readonly operations: Operation[] = [];
	readonly leaders = new Map<number, Leader[]>(); // by region
	readonly arrows: Arrows;
	// arrowOf is an arrow of each event, or -1.
	readonly arrowOf: Int32Array;
	// violation is the event that says what broke, or -1.
	violation = -1;
	private readonly machineLane = new Map<number, number>();
	private readonly clientLane = new Map<number, number>();
	private readonly replicaOf = new Map<string, Replica>();

	constructor(readonly log: Log) {
		this.findLanes();
		this.lane = new Int16Array(log.count).fill(-1);
		this.arrowOf = new Int32Array(log.count).fill(-1);
		this.walk();
		this.arrows = this.findArrows();
		this.findRoles();
	}

	machine(id: number): number { return this.machineLane.get(id) ?? -1; }
	client(id: number): number { return this.clientLane.get(id) ?? -1; }
	replica(store: number, region: number): Replica | undefined { return this.replicaOf.get(store + "/" + region); }

	// findLanes makes a lane of each machine and client that the header or an event names.
	private findLanes(): void {
		const { log } = this;
		const c = log.columns;
		const clients = new Set<number>(), machines = new Map<number, string>();
		for (const m of log.header.machines ?? []) machines.set(m.id, m.role);
		const clientCount = Math.min(log.header.clients ?? 0, most);
		for (let i = 1; i <= clientCount; i++) clients.add(i);
		const meet = (id: number): void => { if (id > 0 && !machines.has(id) && machines.size < most) machines.set(id, "store"); };
		for (let i = 0; i < log.count; i++) {
			meet(c.store[i]);
			if (c.client[i] > 0 && clients.size < most) clients.add(c.client[i]);
			if (log.code[i] === K.message) { meet(c.from[i]); meet(c.to[i]); }
			if (log.code[i] === K.call) meet(c.from[i]);
		}
		const add = (kind: LaneKind, id: number, label: string, short: string): void => {
			(kind === "client" ? this.clientLane : this.machineLane).set(id, this.lanes.length);
			this.lanes.push({ index: this.lanes.length, kind, id, label, short });
		};
		for (const id of [...clients].sort((a, b) => a - b)) add("client", id, "client " + id, "c" + id);
		const sorted = [...machines].sort((a, b) => a[0] - b[0]);
		for (const [id, role] of sorted) if (role !== "scheduler") add("store", id, (role || "machine") + " " + id, (role || "m")[0] + id);
		for (const [id, role] of sorted) if (role === "scheduler") add("scheduler", id, "scheduler " + id, "pd" + id);
	}

	private walk(): void {
		const { log } = this;
		const c = log.columns;
		const fates = (name: string): number => log.strings.indexOf(name);
		const atStore = new Set(["arrives", "answered", "answer lost"].map(fates));
		const sent = fates("sent"), lost = fates("lost");
		const begins = fates("begins");
		const ended = new Set(["done", "unknown", "refused"].map(fates));
		const regions = new Set<number>();
		const open = new Map<string, Fault>();
		const running = new Map<number, Operation>();
		for (let i = 0; i < log.count; i++) {
			const at = c.at[i];
			const region = c.region[i];
			if (region > 0) regions.add(region);
			const store = c.store[i];
			let lane = this.machine(store);
			switch (log.code[i]) {
			case K.message:
				lane = this.machine(c.fate[i] === sent || c.fate[i] === lost ? c.from[i] : c.to[i]);
				break;
			case K.call:
				if (!atStore.has(c.fate[i])) lane = c.client[i] > 0 ? this.client(c.client[i]) : this.machine(c.from[i]);
				break;
			case K.state: {
				const r = this.meet(store, region);
				r.states.push(i);
				r.at.push(at);
				break;
			}
			case K.sync:
				if (region > 0) this.meet(store, region).syncs.push(i);
				break;
			case K.start:
			case K.crash:
				if (store === 0) {
					lane = this.client(c.client[i]);
					break;
				}
				this.live(i, store, at);
				break;
			case K.faultBegins: {
				const f: Fault = { from: at, until: log.end, event: i, type: log.str("type", i), text: log.str("text", i), lanes: [], row: 0 };
				const named = log.str("stores", i);
				for (const id of named === "" ? [] : named.split(",")) f.lanes.push(this.machine(Number(id)));
				if (store > 0) f.lanes.push(lane);
				if (c.client[i] > 0) f.lanes.push(this.client(c.client[i]));
				open.set(faultKey(log, i), f);
				this.faults.push(f);
				lane = -1;
				break;
			}
			case K.faultEnds: {
				const f = open.get(faultKey(log, i));
				if (f !== undefined) f.until = at;
				open.delete(faultKey(log, i));
				lane = -1;
				break;
			}
			case K.heal:
				for (const f of open.values()) f.until = at;
				open.clear();
				break;
			case K.operation: {
				const client = c.client[i];
				lane = this.client(client);
				if (c.fate[i] === begins) {
					const o: Operation = { client, lane, from: at, until: log.end, begin: i, finish: -1 };
					running.set(client, o);
					this.operations.push(o);
				} else if (ended.has(c.fate[i])) {
					let o = running.get(client);
					if (o === undefined || log.num("n", o.begin) !== log.num("n", i)) {
						o = { client, lane, from: Math.max(log.begin, at), until: at, begin: i, finish: i };
						this.operations.push(o);
					}
					o.until = at;
					o.finish = i;
					running.delete(client);
				}
				break;
			}
			case K.violation:
				this.violation = i;
				break;
			}
			this.lane[i] = lane;
		}
		this.regions.push(...[...regions].sort((a, b) => a - b));
		this.faultRows = rows(this.faults, 6);
		this.faulty = this.lanes.map(l => union(this.faults.filter(f => f.lanes.includes(l.index))));
		this.anyFault = union(this.faults);
		for (const f of this.faults) {
			if (f.type !== "pause") continue;
			for (const l of f.lanes) if (this.lanes[l]?.kind !== "client") this.lives.get(this.lanes[l]?.id)?.paused.push(f);
		}
	}

	private meet(store: number, region: number): Replica {
		const key = store + "/" + region;
		let r = this.replicaOf.get(key);
		if (r === undefined) {
			r = { store, region, lane: this.machine(store), states: [], at: [], syncs: [], roles: [] };
			this.replicaOf.set(key, r);
			this.replicas.push(r);
		}
		return r;
	}

	private live(i: number, store: number, at: number): void {
		let life = this.lives.get(store);
		if (life === undefined) this.lives.set(store, life = { events: [], down: [], paused: [] });
		life.events.push(i);
		const last = life.down[life.down.length - 1];
		if (this.log.code[i] === K.start) {
			if (last !== undefined && last.until > at) last.until = at;
		} else if (last === undefined || last.until <= at) {
			life.down.push({ from: at, until: this.log.end });
		}
	}

	private findArrows(): Arrows {
		const { log } = this;
		const c = log.columns;
		const t0: number[] = [], t1: number[] = [], from: number[] = [], to: number[] = [], first: number[] = [], last: number[] = [];
		const ends: End[] = [], sorts: Sort[] = [], copies: number[] = [];
		const begin = (sort: Sort, i: number, a: number, b: number, end: End): number => {
			t0.push(c.at[i]); t1.push(c.at[i]); from.push(a); to.push(b); first.push(i); last.push(-1);
			ends.push(end); sorts.push(sort); copies.push(c.copy[i]);
			this.arrowOf[i] = t0.length - 1;
			return t0.length - 1;
		};
		const finish = (a: number, i: number, end: End): void => {
			t1[a] = c.at[i];
			last[a] = i;
			ends[a] = end;
			this.arrowOf[i] = a;
		};
		// alone is an arrow of which only the end is known.
		const alone = (sort: Sort, i: number, a: number, b: number, end: End): void => {
			const n = begin(sort, i, a, b, end);
			first[n] = -1;
			last[n] = i;
			t0[n] = -1;
		};
		const packets = new Map<string, number[]>();
		const requests = new Map<string, number>(), replies = new Map<string, number[]>();
		for (let i = log.open; i < log.count; i++) {
			if (log.code[i] === K.message) {
				const a = this.machine(c.from[i]), b = this.machine(c.to[i]);
				if (a < 0 || b < 0) continue;
				const key = `${c.from[i]} ${c.to[i]} ${c.stream[i]} ${c.n[i]} ${c.copy[i]}`;
				switch (log.str("fate", i)) {
				case "sent": {
					const n = begin(Sort.message, i, a, b, End.open);
					const waiting = packets.get(key);
					if (waiting === undefined) packets.set(key, [n]); else waiting.push(n);
					break;
				}
				case "lost":
					begin(Sort.message, i, a, b, End.lost);
					break;
				default: {
					const fate = log.str("fate", i);
					const end = fate === "arrives" ? End.arrives : fate === "cut" ? End.cut : End.nobody;
					const waiting = packets.get(key);
					const n = waiting?.shift();
					if (waiting?.length === 0) packets.delete(key);
					if (n === undefined) alone(Sort.message, i, a, b, end); else finish(n, i, end);
				}
				}
			} else if (log.code[i] === K.call) {
				const a = c.client[i] > 0 ? this.client(c.client[i]) : this.machine(c.from[i]), b = this.machine(c.store[i]);
				if (a < 0 || b < 0) continue;
				const key = `${a} ${b} ${c.n[i]}`;
				const request = requests.get(key), reply = replies.get(key) ?? [];
				switch (log.str("fate", i)) {
				case "sent":
					// A stream sends its opening, what it says, and its end at once.
					if (request === undefined) requests.set(key, begin(Sort.request, i, a, b, End.open)); else this.arrowOf[i] = request;
					break;
				case "lost":
					if (request === undefined) begin(Sort.request, i, a, b, End.lost); else { ends[request] = End.lost; this.arrowOf[i] = request; }
					requests.delete(key);
					break;
				case "arrives":
				case "refused": {
					const end = log.str("fate", i) === "arrives" ? End.arrives : End.nobody;
					if (request === undefined) alone(Sort.request, i, a, b, end); else finish(request, i, end);
					requests.delete(key);
					break;
				}
				case "answered":
					replies.set(key, [...reply, begin(Sort.reply, i, b, a, End.open)]);
					break;
				case "answer lost": {
					const n = reply.shift();
					if (n === undefined) begin(Sort.reply, i, b, a, End.lost); else { ends[n] = End.lost; this.arrowOf[i] = n; }
					break;
				}
				case "returns": {
					const n = reply.shift();
					if (n !== undefined) finish(n, i, End.arrives);
					break;
				}
				case "abandoned":
					// What is still on its way then is of no use.
					requests.delete(key);
					replies.delete(key);
				}
			}
		}
		// A lost one ends half way, one whose end is not in the log points on.
		const took: number[] = [];
		for (let a = 0; a < t0.length && took.length < 10000; a++) if (first[a] >= 0 && last[a] >= 0) took.push(t1[a] - t0[a]);
		took.sort((a, b) => a - b);
		const usual = took[took.length >> 1] ?? 1e6;
		for (let a = 0; a < t0.length; a++) {
			if (last[a] < 0) t1[a] = ends[a] === End.lost || t0[a] + usual < log.end ? t0[a] + usual : log.end;
			if (first[a] < 0) t0[a] = Math.max(0, t1[a] - usual);
		}
		const order = Uint32Array.from(t0.keys());
		order.sort((a, b) => t0[a] - t0[b] || a - b);
		const place = new Int32Array(order.length);
		for (let i = 0; i < order.length; i++) place[order[i]] = i;
		for (let i = 0; i < log.count; i++) if (this.arrowOf[i] >= 0) this.arrowOf[i] = place[this.arrowOf[i]];
		const n = t0.length;
		const all = new Arrows(n);
		for (let i = 0; i < n; i++) {
			const o = order[i];
			all.t0[i] = t0[o]; all.t1[i] = t1[o]; all.from[i] = from[o]; all.to[i] = to[o];
			all.first[i] = first[o]; all.last[i] = last[o];
			all.end[i] = ends[o]; all.sort[i] = sorts[o]; all.copy[i] = copies[o];
		}
		return all;
	}

	// findRoles makes spans of the states of each replica, and of the leaders of each region.
	private findRoles(): void {
		const { log } = this;
		const c = log.columns;
		for (const r of this.replicas) {
			const down = this.lives.get(r.store)?.down ?? [];
			let next = 0;
			let open: RoleSpan | undefined;
			const close = (at: number): void => {
				if (open !== undefined) open.until = at;
				open = undefined;
			};
			for (const i of r.states) {
				const at = c.at[i];
				for (; next < down.length && down[next].from <= at; next++) if (open !== undefined) close(down[next].from);
				if (log.str("fate", i) === "removed") {
					close(at);
					continue;
				}
				const role = roleOf(log.str("role", i)), term = c.term[i];
				if (open !== undefined && open.role === role && open.term === term) continue;
				close(at);
				open = { from: at, until: log.end, role, term };
				r.roles.push(open);
			}
			for (; next < down.length; next++) if (open !== undefined) close(down[next].from);
			for (const s of r.roles) {
				if (s.role !== "leader") continue;
				const all = this.leaders.get(r.region) ?? [];
				all.push({ from: s.from, until: s.until, store: r.store, term: s.term });
				this.leaders.set(r.region, all);
			}
		}
		for (const all of this.leaders.values()) all.sort((a, b) => a.from - b.from || a.term - b.term);
	}

	// stateAt returns the event with the state of a replica after event i, -1 if there is
	// none, as before its first and while its store is down or has started anew.
	stateAt(r: Replica, i: number): number {
		const n = upper(r.states, i);
		if (n === 0) return -1;
		const s = r.states[n - 1];
		const life = this.lives.get(r.store);
		if (life !== undefined) {
			const k = upper(life.events, i);
			if (k > 0 && life.events[k - 1] > s) return -1;
		}
		return this.log.str("fate", s) === "removed" ? -1 : s;
	}

	// durableAt returns the event with what is durable of a replica after event i, or -1.
	durableAt(r: Replica, i: number): number {
		const n = upper(r.syncs, i);
		return n === 0 ? -1 : r.syncs[n - 1];
	}

	// downAt returns the crash after which a store is down after event i, or -1.
	downAt(store: number, i: number): number {
		const life = this.lives.get(store);
		if (life === undefined) return -1;
		const n = upper(life.events, i);
		return n > 0 && this.log.code[life.events[n - 1]] === K.crash ? life.events[n - 1] : -1;
	}

	faultsAt(i: number): Fault[] {
		const at = this.log.at(i);
		return this.faults.filter(f => f.event <= i && f.until > at);
	}

	// operationAt returns the operation of a client that goes on at time t.
	operationAt(client: number, t: number): Operation | undefined {
		return this.operations.find(o => o.client === client && o.from <= t && o.until >= t);
	}
}

// most is how many machines, and how many clients, get a lane.
const most = 200;

function faultKey(log: Log, i: number): string {
	return log.num("n", i) + " " + log.str("text", i);
}

// roleOf returns a role without what some implementations put in front of it.
export function roleOf(role: string): string {
	return role.replace(/^State/, "").toLowerCase();
}

// rows gives each span a row in which no other one overlaps it, as long as there are rows.
function rows(spans: Fault[], most: number): number {
	const ends: number[] = [];
	for (const s of spans) {
		let row = ends.findIndex(end => end <= s.from);
		if (row < 0) row = ends.length < most ? ends.length : most - 1;
		ends[row] = Math.max(ends[row] ?? 0, s.until);
		s.row = row;
	}
	return ends.length;
}

// union returns when any of spans, which are sorted, lasts.
function union(spans: Span[]): Span[] {
	const all: Span[] = [];
	for (const s of spans) {
		const last = all[all.length - 1];
		if (last !== undefined && s.from <= last.until) last.until = Math.max(last.until, s.until);
		else all.push({ from: s.from, until: s.until });
	}
	return all;
}

// covering returns the last of sorted spans that begins at t or before, or -1.
export function covering(spans: Span[], t: number): number {
	let lo = 0, hi = spans.length;
	while (lo < hi) {
		const mid = (lo + hi) >>> 1;
		if (spans[mid].from <= t) lo = mid + 1; else hi = mid;
	}
	return lo - 1;
}
