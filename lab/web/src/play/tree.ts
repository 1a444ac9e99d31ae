import type { View } from "./types";

// A Step is one action, after those of its parents. Two actions after the same step are
// two branches.
export interface Step {
  id: number;
  parent: Step | null;
  children: Step[];
  text: string; // "" for the beginning
  note: string;
  expects: string[];
  times: number; // so many lines "run 1" while time runs by itself, else 0
  view: View;
  latest: Step | null; // the child that was shown last
  // story is the number of lines of the story that are done, or -1 off the story.
  story: number;
  printed: string[]; // what the code printed when the step was made
}

// linesOf returns what brings a session to the step.
export function linesOf(step: Step): string[] {
  const lines: string[][] = [];
  for (let s: Step | null = step; s && s.text !== ""; s = s.parent) {
    lines.push([...(s.times > 0 ? Array<string>(s.times).fill("run 1") : [s.text]), ...s.expects]);
  }
  return lines.reverse().flat();
}

// pathOf returns the steps from the beginning to step.
export function pathOf(step: Step): Step[] {
  const path: Step[] = [];
  for (let s: Step | null = step; s; s = s.parent) path.push(s);
  return path.reverse();
}

// A Row is a step where the list of steps shows it, with the lanes that pass by.
export interface Row { step: Step; lane: number; from: number; passing: number[] }

// rows lays the tree out: a step below its parent, the first child in its lane, each
// other child in a lane of its own after all that belongs to the children before.
export function rows(root: Step): { rows: Row[]; lanes: number } {
  const all: Row[] = [];
  let lanes = 1;
  const open: { step: Step; lane: number; from: number }[] = [{ step: root, lane: 0, from: 0 }];
  while (open.length > 0) {
    const { step, lane, from } = open.pop()!;
    all.push({ step, lane, from, passing: open.map((o) => o.from) });
    const [first, ...others] = step.children;
    for (const [i, child] of [...others.entries()].reverse()) {
      const l = open.length > 0 || i > 0 ? Math.max(lane, ...open.map((o) => o.lane)) + 1 : lane + 1;
      lanes = Math.max(lanes, l + 1);
      open.push({ step: child, lane: l, from: lane });
    }
    if (first) open.push({ step: first, lane, from: lane });
  }
  return { rows: all, lanes };
}
