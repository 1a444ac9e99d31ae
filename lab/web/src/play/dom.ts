// Small helpers for elements. Text always goes in as text.

type Child = Node | string | number | null | false | undefined;
type Props = Record<string, unknown>;

const svgNames = new Set(["svg", "circle", "path", "text", "g", "title"]);

// h makes an element. Props beginning with "on" are listeners, "class" and the others
// attributes; true is an attribute without a value, and false, null and undefined none.
export function h(tag: string, props: Props = {}, ...children: Child[]): HTMLElement {
  const svg = svgNames.has(tag);
  const e = (svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag)) as HTMLElement;
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value as EventListener);
    else if (name === "hue") e.style.setProperty("--hue", String(value));
    else e.setAttribute(name, value === true ? "" : String(value));
  }
  for (const c of children) if (c !== null && c !== false && c !== undefined) e.append(c instanceof Node ? c : String(c));
  return e;
}

// redraw replaces what is in place, and keeps the focus and the scrolling of elements
// that have the same data-key before and after.
export function redraw(place: HTMLElement, ...children: Child[]) {
  const focused = (document.activeElement as HTMLElement | null)?.dataset?.key;
  const had = place.contains(document.activeElement);
  const tops = new Map<string, number>();
  for (const e of place.querySelectorAll<HTMLElement>("[data-scroll]")) tops.set(e.dataset.scroll!, e.scrollTop);
  place.replaceChildren(...children.filter((c): c is Node => c instanceof Node));
  for (const e of place.querySelectorAll<HTMLElement>("[data-scroll]")) e.scrollTop = tops.get(e.dataset.scroll!) ?? 0;
  if (had && focused) place.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
