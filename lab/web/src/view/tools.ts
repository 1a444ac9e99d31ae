// The bar of filters and buttons.

import { button, h } from "./dom";

export interface Choice { value: string; label: string; count?: number }

// menu returns a list of check boxes that opens under its label. What is not checked is in
// hidden.
export function menu(label: string, choices: Choice[], hidden: () => Set<string>, changed: (hidden: Set<string>) => void): { element: HTMLElement; refresh(): void } {
	const boxes: [string, HTMLInputElement][] = [];
	const box = h("div", { class: "menu", role: "group", "aria-label": label });
	const summary = h("summary", {}, label);
	const element = h("details", {}, summary, box);
	const refresh = (): void => {
		const now = hidden();
		for (const [value, input] of boxes) input.checked = !now.has(value);
		const off = choices.filter(c => now.has(c.value)).length;
		element.classList.toggle("some", off > 0);
		summary.textContent = off === 0 ? label : `${label} ${choices.length - off}/${choices.length}`;
	};
	const all = (values: string[]): void => {
		changed(new Set(values));
		refresh();
	};
	box.append(h("div", { class: "all" },
		button("All", { class: "quiet" }, () => all([])),
		button("None", { class: "quiet" }, () => all(choices.map(c => c.value)))));
	for (const c of choices) {
		const input = h("input", { type: "checkbox" });
		boxes.push([c.value, input]);
		input.addEventListener("change", () => {
			const now = new Set(hidden());
			if (input.checked) now.delete(c.value); else now.add(c.value);
			changed(now);
			refresh();
		});
		box.append(h("label", {}, input, h("span", {}, c.label), c.count === undefined ? undefined : h("span", {}, c.count.toLocaleString("en"))));
	}
	refresh();
	return { element, refresh };
}

// closeOnLeave closes menus when the user turns to something else.
export function closeOnLeave(bar: HTMLElement): void {
	document.addEventListener("pointerdown", e => {
		for (const d of bar.querySelectorAll("details[open]")) if (e.target instanceof Node && !d.contains(e.target)) d.removeAttribute("open");
	});
	bar.addEventListener("keydown", e => {
		if (e.key !== "Escape") return;
		const open = bar.querySelector<HTMLElement>("details[open]");
		if (open === null) return;
		e.stopPropagation();
		open.removeAttribute("open");
		open.querySelector("summary")?.focus();
	});
}

export function numbersOf(values: Set<string>): Set<number> { return new Set([...values].map(Number)); }
export function stringsOf(values: Set<number>): Set<string> { return new Set([...values].map(String)); }
