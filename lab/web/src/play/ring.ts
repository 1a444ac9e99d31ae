import { h } from "./dom";
import type { View } from "./types";

// ring draws the nodes in a circle, with an arrow for the messages from each to each.
export function ring(view: View, hot: string, choose: (id: number) => void): HTMLElement {
  const size = 260, middle = size / 2, radius = view.nodes.length > 1 ? 92 : 0, spot = 17;
  const at = new Map(view.nodes.map((n, i) => {
    const angle = (2 * Math.PI * i) / view.nodes.length - Math.PI / 2;
    return [n.id, { x: middle + radius * Math.cos(angle), y: middle + radius * Math.sin(angle) }];
  }));
  const count = view.flight.length;
  const svg = h("svg", { class: "ring", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": `${view.nodes.length} nodes, ${count} message${count === 1 ? "" : "s"} in flight` });
  const ways = new Map<string, { from: number; to: number; n: number; hot: boolean }>();
  for (const m of view.flight) {
    const key = `${m.from} ${m.to}`;
    const way = ways.get(key) ?? { from: m.from, to: m.to, n: 0, hot: false };
    way.n++;
    way.hot ||= m.name === hot;
    ways.set(key, way);
  }
  for (const w of ways.values()) {
    const a = at.get(w.from), b = at.get(w.to);
    if (!a || !b || w.from === w.to) continue;
    const dx = b.x - a.x, dy = b.y - a.y, d = Math.hypot(dx, dy), ux = dx / d, uy = dy / d;
    const bend = 13; // so that both directions can be told apart
    const from = { x: a.x + ux * spot - uy * 5, y: a.y + uy * spot + ux * 5 };
    const to = { x: b.x - ux * (spot + 6) - uy * 5, y: b.y - uy * (spot + 6) + ux * 5 };
    const c = { x: (from.x + to.x) / 2 - uy * bend, y: (from.y + to.y) / 2 + ux * bend };
    const ex = to.x - c.x, ey = to.y - c.y, e = Math.hypot(ex, ey), vx = ex / e, vy = ey / e;
    const heat = w.hot ? " hot" : "";
    svg.append(
      h("path", { class: `way${heat}`, d: `M${from.x} ${from.y}Q${c.x} ${c.y} ${to.x} ${to.y}` }),
      h("path", { class: `head${heat}`, d: `M${to.x + vx * 6} ${to.y + vy * 6}L${to.x - vy * 3.6} ${to.y + vx * 3.6}L${to.x + vy * 3.6} ${to.y - vx * 3.6}Z` }));
  }
  if (view.sides.length > 1) {
    const side = new Map(view.sides.flatMap((ids, i) => ids.map((id) => [id, i] as const)));
    for (const n of view.nodes) {
      const p = at.get(n.id)!;
      const r = spot + 4 + 4 * (side.get(n.id) ?? 0);
      svg.append(h("circle", { class: "cut", cx: p.x, cy: p.y, r }));
    }
  }
  for (const n of view.nodes) {
    const p = at.get(n.id)!;
    const role = n.up ? n.role : "down";
    svg.append(h("g", { onclick: () => choose(n.id) },
      h("circle", { class: `spot ${role}`, cx: p.x, cy: p.y, r: spot }), h("text", { class: role, x: p.x, y: p.y }, n.id)));
  }
  return svg;
}
