// The reports of a cluster, as scheduler/status/report.go describes them, and what has
// changed from one to the next.

export interface Process { name: string; pid: number; state: string; since: number; reason?: string; restart?: number }
export interface Latency { p50: number; p99: number }
export interface Load { reads: number; writes: number; refused: number; read?: Latency; write?: Latency }
export interface Scheduler { addr: string; state: string; since: number; reason?: string; process?: Process }
export interface Store {
	id: number; addr: string; state: string; since: number; reason?: string; offline?: boolean; heard: number;
	peers: number; leaders: number; size: number; capacity: number; available: number; load: Load; process?: Process;
}
export interface Sample extends Load { at: number; stores: Record<string, number> }
export interface Peer { id: number; store: number; state: string }
export interface Region {
	id: number; start: string; end: string; conf_ver: number; version: number; term: number; leader: number; size: number; peers: Peer[];
}
export interface Operator {
	region: number; kind: string; desc: string; status: string; steps: string[] | null; done: number; created: number; ended?: number; reason?: string;
}
export interface Update {
	version: number; at: number; cluster_id: number; scheduler?: Scheduler; stores: Store[]; regions: Region[]; operators: Operator[];
	samples: Sample[]; ended?: string; full?: boolean; token?: string; gone?: number[];
}

export const version = 1;

/** How long samples are shown, in milliseconds. */
export const span = 300_000;

/** Something that happened, in words. */
export interface Happening { at: number; text: string; tone?: "good" | "bad"; aloud?: boolean }

/** What is known of the cluster. */
export class Model {
	latest: Update | null = null;
	readonly byId = new Map<number, Region>();
	/** In the order of their keys. */
	regions: Region[] = [];
	samples: Sample[] = [];
	token = "";
	/** The time of the server is that of this machine plus this. */
	private offset = 0;

	now(): number { return Date.now() + this.offset; }

	/** Takes an update, and returns what happened since the one before. */
	take(u: Update): Happening[] {
		const happened: Happening[] = [];
		const before = this.latest;
		this.latest = u;
		this.offset = u.at - Date.now();
		if (u.full) {
			this.token = u.token ?? "";
			this.samples = u.samples;
		} else {
			this.samples.push(...u.samples);
		}
		while (this.samples.length > 0 && this.samples[0].at < u.at - span) this.samples.shift();
		if (before && before.cluster_id === u.cluster_id) {
			happened.push(...this.storesChanged(before, u), ...this.regionsChanged(u), ...this.operatorsChanged(before, u));
		}
		const gone = u.full ? [...this.byId.keys()].filter(id => !u.regions.some(r => r.id === id)) : u.gone ?? [];
		for (const id of gone) this.byId.delete(id);
		for (const r of u.regions) this.byId.set(r.id, r);
		if (gone.length > 0 || u.regions.length > 0) {
			this.regions = [...this.byId.values()].sort((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : 0);
		}
		return happened;
	}

	private storesChanged(before: Update, u: Update): Happening[] {
		const happened: Happening[] = [];
		const old = new Map(before.stores.map(s => [s.addr + " " + (s.state === "removed"), s]));
		for (const s of u.stores) {
			const was = old.get(s.addr + " " + (s.state === "removed"));
			const name = nameOf(s);
			if (!was) {
				happened.push({ at: u.at, text: s.state === "removed" ? `${name} was taken out of service for good` : `${name} is new`, aloud: true });
			} else if (was.state !== s.state) {
				happened.push({ at: u.at, text: s.state === "up" ? `${name} is up` : `${name} is ${s.state}: ${s.reason ?? ""}`, tone: s.state === "up" ? "good" : s.state === "starting" ? undefined : "bad", aloud: true });
			} else if (!was.offline && s.offline) {
				happened.push({ at: u.at, text: `${name} is being emptied`, aloud: true });
			}
		}
		if (before.scheduler && u.scheduler && before.scheduler.state !== u.scheduler.state) {
			const up = u.scheduler.state === "up";
			happened.push({ at: u.at, text: up ? "the scheduler is up" : `the scheduler is ${u.scheduler.state}: ${u.scheduler.reason ?? ""}`, tone: up ? "good" : "bad", aloud: true });
		}
		return happened;
	}

	private regionsChanged(u: Update): Happening[] {
		const happened: Happening[] = [];
		const led: Happening[] = [];
		const first = this.byId.size === 0;
		for (const r of u.regions) {
			const was = this.byId.get(r.id);
			if (!was) {
				if (!first) happened.push({ at: u.at, text: `region ${r.id} is new, from ${keyText(r.start) || "the first key"}` });
				continue;
			}
			const stores = new Set(r.peers.map(p => p.store)), had = new Set(was.peers.map(p => p.store));
			const came = [...stores].filter(s => !had.has(s)), went = [...had].filter(s => !stores.has(s));
			if (came.length > 0) happened.push({ at: u.at, text: `region ${r.id} has a peer on store ${came.join(", ")}` });
			if (went.length > 0) happened.push({ at: u.at, text: `region ${r.id} has left store ${went.join(", ")}` });
			if (r.leader !== was.leader) {
				led.push(r.leader ? { at: u.at, text: `store ${r.leader} leads region ${r.id}` } : { at: u.at, text: `region ${r.id} has no leader`, tone: "bad" });
			}
		}
		// After the end of a store there are too many to read.
		for (const tone of [undefined, "bad"] as const) {
			const some = led.filter(h => h.tone === tone);
			if (some.length <= 4) happened.push(...some);
			else happened.push({ at: u.at, tone, text: tone ? `${some.length} regions have no leader` : `${some.length} regions have new leaders` });
		}
		return happened;
	}

	private operatorsChanged(before: Update, u: Update): Happening[] {
		const key = (o: Operator) => `${o.region} ${o.created} ${o.kind}`;
		const ran = new Set(before.operators.filter(o => o.status === "running").map(key));
		return u.operators.filter(o => o.status !== "running" && o.status !== "success" && ran.has(key(o)))
			.map(o => ({ at: u.at, text: `the operator of region ${o.region} has ended (${o.status}): ${o.reason ?? ""}` }));
	}

	/** The stores that are or may come back. */
	stores(): Store[] { return (this.latest?.stores ?? []).filter(s => s.state !== "removed"); }

	/** The region that has a key (hexadecimal), or undefined. */
	regionOf(key: string): Region | undefined { return this.regions.find(r => r.start <= key && (r.end === "" || key < r.end)); }
}

export function nameOf(s: Store): string {
	if (s.id) return `store ${s.id}`;
	return s.process ? s.process.name : `the store at ${s.addr}`;
}

/** The bytes of a hexadecimal key. */
function bytesOf(hex: string): number[] {
	const bytes: number[] = [];
	for (let i = 0; i < hex.length; i += 2) bytes.push(parseInt(hex.slice(i, i + 2), 16));
	return bytes;
}

/** A key of a transaction, which is stored in groups of eight bytes and a mark; null if it is none. */
function ofTransaction(bytes: number[]): number[] | null {
	const key: number[] = [];
	for (let i = 0; i + 9 <= bytes.length; i += 9) {
		const padding = 255 - bytes[i + 8];
		if (padding > 8) return null;
		const group = bytes.slice(i, i + 8);
		if (group.slice(8 - padding).some(b => b !== 0)) return null;
		key.push(...group.slice(0, 8 - padding));
		if (padding > 0) return i + 9 === bytes.length ? key : null;
	}
	return null;
}

/** A hexadecimal key for people: as text, if it is that. */
export function keyText(hex: string): string {
	const stored = bytesOf(hex);
	const bytes = ofTransaction(stored) ?? stored;
	if (bytes.length > 0 && bytes.every(b => b >= 0x20 && b < 0x7f)) return String.fromCharCode(...bytes);
	return bytes.map(b => b >= 0x21 && b < 0x7f && b !== 0x5c ? String.fromCharCode(b) : "\\x" + b.toString(16).padStart(2, "0")).join("");
}

/** The forms in which a key that a reader enters may be stored, hexadecimal. */
export function keysOf(text: string): string[] {
	const bytes = [...new TextEncoder().encode(text)];
	const encoded: number[] = [];
	for (let i = 0; i <= bytes.length; i += 8) {
		const group = bytes.slice(i, i + 8);
		encoded.push(...group, ...new Array(8 - group.length).fill(0), 255 - (8 - group.length));
	}
	return [bytes, encoded].map(all => all.map(b => b.toString(16).padStart(2, "0")).join(""));
}
