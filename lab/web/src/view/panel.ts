// The selected event, the states of all machines after it, and the path of a request.

import { differences } from "./compare";
import { button, h } from "./dom";
import { follow } from "./follow";
import { columnNames, K } from "./log";
import { roleOf, type Replica } from "./model";
import type { Run } from "./run";
import { seconds, sentence, shortened, span } from "./text";

export interface Actions {
	select(run: Run, i: number): void;
	follow(run: Run, i: number): void;
	unfollow(): void;
}

// longest is how much of a text the panel shows at first.
const longest = 2000;

export function eventPanel(run: Run, other: Run | undefined, actions: Actions): Node[] {
	const i = run.selected;
	const { log, model } = run;
	if (i < 0) return [h("p", { class: "empty" }, "No event is selected. Click in the diagram, or press j.")];
	const out: Node[] = [];
	const text = sentence(model, i);
	out.push(h("p", { class: "when" }, seconds(log.at(i), 9), log.number(i) > 0 ? `, event ${log.number(i)}` : ""));
	const p = h("p", { class: "sentence" }, shortened(text, longest));
	out.push(p);
	if (run.passes[i] === 0) out.push(h("p", { class: "empty" }, "The filters hide it."));
	if (text.length > longest) {
		const more = button(`show all of ${text.length.toLocaleString("en")} characters`, { class: "quiet" }, () => {
			p.textContent = text;
			more.remove();
		});
		out.push(more);
	}
	const a = model.arrowOf[i];
	if (a >= 0) {
		const { arrows } = model;
		const end = arrows.first[a] === i ? arrows.last[a] : arrows.first[a];
		if (end >= 0) {
			const took = arrows.t1[a] - arrows.t0[a];
			out.push(h("p", {}, button(arrows.first[a] === i ? `arrives ${span(took)} later` : `left ${span(took)} before`, { class: "link" }, () => actions.select(run, end))));
		}
	}
	const path = follow(model, i);
	if (path !== undefined && path.steps.length > 1 && run.path?.title !== path.title) {
		out.push(h("p", {}, button(path.title.startsWith("entry") ? "Follow this entry" : "Follow this request", { class: "main", title: "f" }, () => actions.follow(run, i))));
	}
	// What it is in the other run, where these two part.
	let differ = new Set<string>();
	if (other !== undefined && run.parts === i && other.parts >= 0) differ = differences(log, i, other.log, other.parts);
	const fields = h("dl", { class: "fields" });
	for (const name of columnNames) {
		if (name === "at" || name === "text") continue;
		const v = log.show(name, i);
		if (v === "") continue;
		fields.append(h("dt", differ.has(name) ? { class: "differs" } : {}, name), h("dd", differ.has(name) ? { class: "differs" } : {}, shortened(v, 300)));
	}
	out.push(h("details", {}, h("summary", {}, "All fields"), fields));
	return out;
}

export function pathPanel(run: Run, actions: Actions): Node[] {
	const path = run.path;
	if (path === undefined) return [];
	const { log } = run;
	const list = h("ol", { class: "steps" });
	const begin = path.steps.length > 0 ? log.at(path.steps[0].event) : 0;
	for (const s of path.steps) {
		const current = s.event === run.selected;
		list.append(h("li", {}, button("", { class: current ? "step current" : "step", ...(current ? { "aria-current": "step" } : {}) }, () => actions.select(run, s.event))));
		list.lastElementChild?.firstElementChild?.append(
			h("span", { class: "time" }, (log.at(s.event) / 1e9).toFixed(6)),
			h("span", { class: "since" }, "+" + span(log.at(s.event) - begin)),
			h("span", { class: "what" }, shortened(s.what, 300)));
	}
	return [
		h("div", { class: "bar" }, h("h2", {}, path.title.startsWith("entry") ? "Path of an entry" : "Path of a request"), button("Close", { class: "quiet", title: "Esc" }, () => actions.unfollow())),
		h("p", { class: "sentence" }, shortened(path.title, 300)),
		list,
	];
}

export function statePanel(run: Run): Node[] {
	const i = run.selected;
	const { log, model, filters } = run;
	const c = log.columns;
	if (i < 0) return [];
	const out: Node[] = [];
	const regions = model.regions.filter(r => !filters.regions.has(r) && model.replicas.some(x => x.region === r));
	const stores = model.lanes.filter(l => l.kind === "store" && !filters.lanes.has(l.label));
	const table = h("table", { class: "states" });
	const head = h("tr");
	for (const [name, title] of [["", ""], ["role", "role"], ["term", "term"], ["vote", "the vote in this term"], ["lead", "the leader that it knows"], ["commit", "committed up to"], ["applied", "applied up to"], ["log", "entries in its log"], ["durable", "what a crash would leave: term, vote, commit, end of the log"]]) {
		head.append(h("th", { scope: "col", ...(title === name ? {} : { title }) }, name === "" ? h("span", { class: "unseen" }, "machine") : name));
	}
	table.append(h("thead", {}, head));
	for (const region of regions) {
		const body = h("tbody");
		if (regions.length > 1) body.append(h("tr", { class: "group" }, h("th", { colspan: "9", scope: "rowgroup" }, "region " + region)));
		for (const l of stores) {
			const r = model.replica(l.id, region);
			if (r === undefined) continue;
			body.append(row(r, l.label));
		}
		table.append(body);
	}
	const faults = model.faultsAt(i);
	if (faults.length > 0) out.push(h("p", { class: "now" }, h("strong", {}, "Faults now: "), faults.map(f => shortened(f.text, 120)).join("; ")));
	if (regions.length > 0) out.push(h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "States of all machines" }, table));
	else out.push(h("p", { class: "empty" }, "The log has no states of replicas."));
	return out;

	function row(r: Replica, label: string): HTMLElement {
		const s = model.stateAt(r, i), d = model.durableAt(r, i);
		const mine = c.store[i] === r.store && c.region[i] === r.region;
		const tr = h("tr", mine ? { class: "mine" } : {}, h("th", { scope: "row" }, label));
		const before = mine && log.code[i] === K.state && s === i ? previous(r.states, i) : -1;
		const cell = (value: string, was: string | undefined): void => {
			if (was === undefined || was === value) {
				tr.append(h("td", {}, value));
				return;
			}
			tr.append(h("td", { class: "changed" }, h("span", { class: "was" }, was === "" ? "–" : was), h("span", { class: "unseen" }, " becomes "), h("ins", {}, value)));
		};
		const field = (name: "term" | "vote" | "lead" | "commit" | "applied", e: number): string => e < 0 ? "" : log.show(name, e) || "0";
		const range = (e: number): string => e < 0 ? "" : `${log.show("first", e) || 0}..${log.show("last", e) || 0}`;
		const role = (e: number): string => e < 0 ? "" : roleOf(log.str("role", e));
		const changed = before >= 0 || (mine && log.code[i] === K.state && s === i);
		if (s < 0) {
			const crash = model.downAt(r.store, i);
			tr.append(h("td", { colspan: "7", class: "gone" }, crash >= 0 ? `down since ${seconds(log.at(crash), 4)}` : r.states.length > 0 && r.states[0] <= i ? "gone" : "not there yet"));
		} else {
			const was = (f: (e: number) => string): string | undefined => changed ? f(before) : undefined;
			const name = shortened(role(s), 24);
			const td = h("td", { class: "role " + (["leader", "follower", "candidate"].includes(name) ? name : "other") }, h("span", {}, name));
			if (changed && role(before) !== name) {
				td.classList.add("changed");
				td.prepend(h("span", { class: "was" }, shortened(role(before), 24) || "–"), h("span", { class: "unseen" }, " becomes "));
			}
			tr.append(td);
			for (const f of ["term", "vote", "lead", "commit", "applied"] as const) cell(field(f, s), was(e => field(f, e)));
			cell(range(s), was(range));
		}
		const durable = (e: number): string => e < 0 ? "" : `t${log.show("term", e) || 0}\u00a0v${log.show("vote", e) || 0} c${log.show("commit", e) || 0}\u00a0..${log.show("last", e) || 0}`;
		cell(durable(d), d === i ? durable(previous(r.syncs, i)) : undefined);
		return tr;
	}
}

function previous(events: number[], i: number): number {
	const k = events.indexOf(i);
	return k > 0 ? events[k - 1] : -1;
}
