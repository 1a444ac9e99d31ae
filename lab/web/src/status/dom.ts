// Elements, whose text is always text: what a cluster says is never taken as markup.

type Child = Node | string;

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
	e.append(...children);
	return e;
}

export function svg(tag: string, attributes: Record<string, string> = {}): SVGElement {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
	return e;
}

export function byId(id: string): HTMLElement {
	const e = document.getElementById(id);
	if (!e) throw new Error(`the page has no element ${id}`);
	return e;
}

/** Sets the text of an element, if it is another one: what has not changed costs nothing. */
export function setText(e: Element, text: string): void { if (e.textContent !== text) e.textContent = text; }

export function setClass(e: Element, name: string): void { if (e.getAttribute("class") !== name) e.setAttribute("class", name); }

/**
 * Makes the children of parent those of a list, one for each item. Children stay, as long
 * as their items' keys do.
 */
export function keyed<T, E extends Element>(parent: Element, items: T[], key: (t: T) => string, make: (t: T) => E, update: (e: E, t: T) => void): void {
	const old = new Map<string, E>();
	for (const child of parent.children) old.set((child as HTMLElement).dataset.key ?? "", child as E);
	let at: Element | null = parent.firstElementChild;
	for (const item of items) {
		const k = key(item);
		let e = old.get(k);
		old.delete(k);
		if (!e) {
			e = make(item);
			(e as unknown as HTMLElement).dataset.key = k;
		}
		if (e === at) at = at.nextElementSibling;
		else parent.insertBefore(e, at);
		update(e, item);
	}
	for (const e of old.values()) e.remove();
}
