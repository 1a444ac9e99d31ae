// Small helpers for the page's elements. All text is set as text, never as markup.

type Child = Node | string | undefined;

export function h<T extends keyof HTMLElementTagNameMap>(tag: T, attributes: Record<string, string> = {}, ...children: Child[]): HTMLElementTagNameMap[T] {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
	for (const c of children) if (c !== undefined) e.append(c);
	return e;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
	const e = document.getElementById(id);
	if (e === null) throw new Error("the page has no " + id);
	return e as T;
}

export function button(label: string, attributes: Record<string, string>, click: () => void): HTMLButtonElement {
	const b = h("button", { type: "button", ...attributes }, label);
	b.addEventListener("click", click);
	return b;
}
