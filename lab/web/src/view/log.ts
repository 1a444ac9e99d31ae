// The log of a run as the page holds it: column by column, in typed arrays.

export interface Machine { id: number; role: string }

export interface Header {
	version: number;
	test?: string;
	machines: Machine[] | null;
	clients?: number;
	digest?: string;
	schedule?: string[];
	found?: string;
	rule?: string;
	source?: string;
	fate?: string[];
}

interface About {
	header: Header;
	seed: string;
	before: number;
	after: number;
	open: number;
	unfinished: number;
	count: number;
	columns: { name: ColumnName; bytes: number; max: number }[];
}

export type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

export const columnNames = ["at", "kind", "store", "stores", "client", "from", "to", "stream", "n", "bytes", "type", "fate", "copy",
	"region", "peer", "role", "term", "vote", "lead", "index", "commit", "applied", "first", "last", "key", "start", "text"] as const;

export type ColumnName = typeof columnNames[number];

// visible returns JSON in which characters that turn the direction of text around are
// written out: a page must not show what a run says in another order than it is.
function visible(json: string): string {
	return json.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, c => "\\\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

// Columns whose numbers are places in the strings.
export const texts: ReadonlySet<ColumnName> = new Set<ColumnName>(["kind", "stores", "type", "fate", "role", "key", "text"]);

// Kinds, by number.
export const enum K {
	other, message, state, log, sync, submit, propose, apply, install, serve, start, crash, disk,
	faultBegins, faultEnds, heal, call, operation, transaction, note, violation,
}

export const kindNames = ["other", "message", "state", "log", "sync", "submit", "propose", "apply", "install", "serve", "start", "crash", "disk",
	"fault begins", "fault ends", "heal", "call", "operation", "transaction", "note", "violation"];

// named is the first number that stands for a text, with the place of that added: see
// lab/view.
const named = 2 ** 52;

export class Log {
	readonly header: Header;
	readonly seed: string;
	readonly before: number;
	readonly after: number;
	readonly open: number;
	readonly unfinished: number;
	readonly count: number;
	// code is the K of each event.
	readonly code: Uint8Array;
	// begin and end are the times, in nanoseconds, that the picture is about.
	readonly begin: number;
	readonly end: number;

	constructor(about: About, readonly strings: string[], readonly columns: Record<ColumnName, Column>) {
		this.header = about.header;
		this.seed = about.seed;
		this.before = about.before;
		this.after = about.after;
		this.open = about.open;
		this.unfinished = about.unfinished;
		this.count = about.count;
		const codes = strings.map(s => Math.max(0, kindNames.indexOf(s)));
		this.code = new Uint8Array(this.count);
		for (let i = 0; i < this.count; i++) this.code[i] = codes[columns.kind[i]];
		this.begin = this.open > 0 && this.open < this.count ? columns.at[this.open] : 0;
		this.end = this.count > 0 ? columns.at[this.count - 1] : 0;
		if (this.end <= this.begin) this.end = this.begin + 1e6;
	}

	at(i: number): number { return this.columns.at[i]; }
	num(name: ColumnName, i: number): number { return this.columns[name][i]; }
	str(name: ColumnName, i: number): string { return this.strings[this.columns[name][i]]; }

	// show returns a field for people, "" if it is absent.
	show(name: ColumnName, i: number): string {
		const v = this.columns[name][i];
		if (texts.has(name)) return this.strings[v];
		if (v >= named) return this.strings[v - named];
		return v === 0 ? "" : String(v);
	}

	// number returns the number that an event has in the whole run, from 1; 0 of one that
	// is only taken over from the part left out.
	number(i: number): number { return i < this.open ? 0 : this.before + i - this.open + 1; }
	// numbered is the inverse of number, -1 if there is no such event here.
	numbered(n: number): number {
		const i = n - 1 - this.before + this.open;
		return n > this.before && i < this.count ? i : -1;
	}

	// firstAt returns the first event, of those not taken over, at time t or later.
	firstAt(t: number): number { return lower(this.columns.at, t, this.open, this.count); }
}

// lower returns the first place in a sorted array, from lo on, whose value is at least v.
export function lower(a: ArrayLike<number>, v: number, lo = 0, hi = a.length): number {
	while (lo < hi) {
		const mid = (lo + hi) >>> 1;
		if (a[mid] < v) lo = mid + 1; else hi = mid;
	}
	return lo;
}

// upper returns the first place in a sorted array whose value is above v.
export function upper(a: ArrayLike<number>, v: number, lo = 0, hi = a.length): number {
	while (lo < hi) {
		const mid = (lo + hi) >>> 1;
		if (a[mid] <= v) lo = mid + 1; else hi = mid;
	}
	return lo;
}

export async function unpack(base64: string): Promise<Log> {
	const blob = new Blob([bytesOf(base64)]);
	const all = new Uint8Array(await new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
	const decoder = new TextDecoder();
	let pos = 0;
	const line = (): unknown => {
		const end = all.indexOf(10, pos);
		const text = decoder.decode(all.subarray(pos, end));
		pos = end + 1;
		return JSON.parse(visible(text));
	};
	const about = line() as About;
	const strings = line() as string[];
	const columns = {} as Record<ColumnName, Column>;
	for (const c of about.columns) {
		columns[c.name] = c.name === "at" ? times(all, pos, about.count) : numbers(all, pos, about.count, c.max);
		pos += c.bytes;
	}
	return new Log(about, strings, columns);
}

// bytesOf decodes base64 in parts, as all of it at once is twice as large in memory.
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
	const part = 1 << 20;
	const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
	const out = new Uint8Array(base64.length / 4 * 3 - padding);
	let n = 0;
	for (let i = 0; i < base64.length; i += part) {
		const text = atob(base64.slice(i, i + part));
		for (let j = 0; j < text.length; j++) out[n++] = text.charCodeAt(j);
	}
	return out;
}

function numbers(bytes: Uint8Array, pos: number, n: number, max: number): Column {
	const out = max < 1 << 8 ? new Uint8Array(n) : max < 1 << 16 ? new Uint16Array(n) : max < 2 ** 32 ? new Uint32Array(n) : new Float64Array(n);
	for (let i = 0; i < n; i++) {
		let b = bytes[pos++];
		let v = b & 127;
		for (let scale = 128; b >= 128; scale *= 128) {
			b = bytes[pos++];
			v += (b & 127) * scale;
		}
		out[i] = v;
	}
	return out;
}

function times(bytes: Uint8Array, pos: number, n: number): Float64Array {
	const out = numbers(bytes, pos, n, Infinity) as Float64Array;
	for (let i = 1; i < n; i++) out[i] += out[i - 1];
	return out;
}
