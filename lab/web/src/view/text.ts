// What events say, in words.

import { K, kindNames, type Log } from "./log";
import type { Model } from "./model";
import { roleOf } from "./model";

// seconds returns a time with so many digits behind the point.
export function seconds(ns: number, digits = 6): string {
	return (ns / 1e9).toFixed(digits) + " s";
}

// span returns the length of a time in the unit that suits it.
export function span(ns: number): string {
	if (ns >= 1e9) return trim(ns / 1e9) + " s";
	if (ns >= 1e6) return trim(ns / 1e6) + " ms";
	if (ns >= 1e3) return trim(ns / 1e3) + " µs";
	return ns + " ns";
}

function trim(v: number): string {
	return v >= 100 ? v.toFixed(0) : String(Number(v.toPrecision(3)));
}

// shortened returns the beginning of a text that is longer than so many characters.
export function shortened(text: string, most: number): string {
	return text.length > most ? text.slice(0, most - 1) + "…" : text;
}

// place names the machine or client of an event.
export function place(m: Model, i: number): string {
	const l = m.lane[i];
	return l < 0 ? "" : m.lanes[l].label;
}

// typeOf returns what an event is in a word or two.
export function typeOf(log: Log, i: number): string {
	switch (log.code[i]) {
	case K.message: case K.call: return log.show("type", i) || kindNames[log.code[i]];
	case K.log: return log.show("fate", i) || "log";
	case K.other: return log.show("kind", i);
	default: return kindNames[log.code[i]];
	}
}

const entry = (log: Log, i: number): string => {
	const term = log.show("term", i), index = log.show("index", i);
	if (term !== "" && index !== "") return `(term ${term}, index ${index})`;
	return term !== "" ? `(term ${term})` : index !== "" ? `(index ${index})` : "";
};

const caller = (log: Log, i: number): string => log.num("client", i) > 0 ? "client " + log.show("client", i) : "machine " + log.show("from", i);

// sentence returns an event in a sentence, without its time.
export function sentence(m: Model, i: number): string {
	const { log } = m;
	const where = place(m, i);
	const region = log.num("region", i) > 0 && m.regions.length > 1 ? ` of region ${log.show("region", i)}` : "";
	const text = log.show("text", i);
	const tail = text === "" ? "" : ": " + text;
	const fate = log.show("fate", i);
	const range = (): string => log.show("first", i) === log.show("last", i) ? `entry ${log.show("last", i) || 0}` : `entries ${log.show("first", i) || 0}..${log.show("last", i) || 0}`;
	switch (log.code[i]) {
	case K.message: {
		const copy = log.num("copy", i) > 0 ? ", second copy" : "";
		const about = [region.replace(" of", ","), entry(log, i)].filter(s => s !== "").join(" ");
		return `${log.show("type", i) || "message"} ${log.show("from", i)} → ${log.show("to", i)} ${fate}${copy}${about.startsWith("(") ? " " : ""}${about}${tail}`;
	}
	case K.state: {
		if (fate === "removed") return `${where}: replica${region} is removed`;
		return `${where}: ${roleOf(log.show("role", i))}${region} in term ${log.show("term", i) || 0}, commit ${log.show("commit", i) || 0}, applied ${log.show("applied", i) || 0}, log ${log.show("first", i) || 0}..${log.show("last", i) || 0}`;
	}
	case K.log: return `${where} ${fate} ${fate === "compacts" ? "up to " + (log.show("last", i) || 0) : range()}${region}${tail}`;
	case K.sync: return `${where}: what it wrote to ${text || "disk"} is durable${log.num("region", i) === 0 ? "" : `${region === "" ? "" : ";" + region.slice(3)}: term ${log.show("term", i) || 0}, vote ${log.show("vote", i) || 0}, commit ${log.show("commit", i) || 0}, log to ${log.show("last", i) || 0}`}`;
	case K.submit: return `${where} is given call ${log.show("n", i)} of client ${log.show("client", i)}${region}${tail}`;
	case K.propose: return `${where} proposes ${entry(log, i)}${region}${log.num("client", i) > 0 ? ` for call ${log.show("n", i)} of client ${log.show("client", i)}` : ""}${tail}`;
	case K.apply: return `${[where, "applies", entry(log, i)].filter(s => s !== "").join(" ")}${region}${tail}`;
	case K.install: return `${where} installs a snapshot up to index ${log.show("index", i) || 0}${region}${tail}`;
	case K.serve: return `${where} serves a read${region} as ${roleOf(log.show("role", i))} in term ${log.show("term", i) || 0}, from what it has applied up to ${log.show("index", i) || 0}`;
	case K.start: return `${where} starts, incarnation ${log.show("n", i) || 1}${tail}`;
	case K.crash: return `${where} crashes${tail}`;
	case K.disk: return `${where}: disk${tail}`;
	case K.faultBegins: return `fault begins${tail}`;
	case K.faultEnds: return `fault ends${tail}`;
	case K.heal: return "all faults are over";
	case K.call: return `${caller(log, i)} → ${log.show("store", i)}: call ${log.show("n", i)} ${log.show("type", i)} ${fate}${tail}`;
	case K.operation: return `${where}: operation ${log.show("n", i)} ${fate}${tail}`;
	case K.transaction: return `${where}: transaction ${log.show("start", i)} ${fate}, for call ${log.show("n", i)} of client ${log.show("client", i)}${tail}`;
	case K.note: return `${where}${region}${tail}`;
	case K.violation: return `violation${where === "" ? "" : " on " + where}${tail}`;
	default: return `${log.show("kind", i)}${where === "" ? "" : " on " + where}${tail}`;
	}
}
