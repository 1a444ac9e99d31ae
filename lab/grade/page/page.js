"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const make = (name, text, className) => {
    const e = document.createElement(name);
    if (text) e.textContent = text;
    if (className) e.className = className;
    return e;
  };
  const signs = {p: "✓", f: "×", n: "○", b: "!", t: "…", s: "–", r: "·"};
  const board = $("board"), body = board.tBodies[0], tip = $("tip");
  const find = $("find"), show = $("show"), all = $("tests"), count = $("count");
  const [heads, subheads] = board.tHead.rows;

  // A row has a cell with its score for each stage, whose data has a letter for each
  // test. Cells for tests are there only while their stage is open.
  const tell = text => {
    tip.hidden = false;
    tip.textContent = text;
  };
  const stages = [];
  for (const th of subheads.cells) {
    if (th.className === "g") stages.push({head: heads.cells[2 + stages.length], score: th, tests: [], first: stages.reduce((n, s) => n + s.tests.length, 0), open: false});
    else stages.at(-1).tests.push(th);
  }
  const names = stages.flatMap(stage => stage.tests);
  const rows = [...body.rows].map((tr, index) => {
    const scores = [...tr.cells].slice(2);
    return {tr, index, scores, letters: scores.map(td => td.dataset.r).join(""), section: $("s" + index)};
  });
  const rowOf = new Map(rows.map(row => [row.tr, row]));

  const toggle = (stage, open) => {
    if (stage.open === open) return;
    stage.open = open;
    const i = stages.indexOf(stage);
    stage.head.colSpan = open ? 1 + stage.tests.length : 1;
    stage.head.querySelector("button").setAttribute("aria-expanded", open);
    for (const th of stage.tests) th.hidden = !open;
    for (const {scores} of rows) {
      const score = scores[i];
      if (!open) {
        for (const _ of stage.tests) score.nextSibling.remove();
        continue;
      }
      const cells = document.createDocumentFragment();
      for (const letter of score.dataset.r) cells.append(make("td", signs[letter], letter === "p" ? "" : letter));
      score.after(cells);
    }
    all.checked = stages.every(stage => stage.open);
  };
  const toggleAll = open => { for (const stage of stages) toggle(stage, open); };
  for (const stage of stages) stage.head.querySelector("button").addEventListener("click", () => toggle(stage, !stage.open));
  all.addEventListener("change", () => toggleAll(all.checked));
  const wide = matchMedia("(min-width: 701px)").matches;
  if (rows.length === 1 || wide && rows.length * names.length <= 6000) toggleAll(true);

  const kind = row => /^p*$/.test(row.letters) ? "full" : row.letters.includes("r") ? "rejected" : "fail";
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const name = row.tr.cells[0].textContent.toLowerCase(), is = kind(row);
      const fits = words.every(word => name.includes(word)) &&
        (show.value === "all" || show.value === is || show.value === "fail" && is === "rejected");
      row.tr.hidden = row.section.hidden = !fits;
      if (fits) shown++;
    }
    count.textContent = shown + " of " + rows.length + " submissions";
  };
  if (find) {
    find.addEventListener("input", filter);
    show.addEventListener("change", filter);
    filter();
  }

  // The worst is first, names and scores as one expects them.
  const text = new Intl.Collator(undefined, {numeric: true});
  const sortable = board.querySelectorAll("th[aria-sort]");
  const sortBy = (th, compare, downFirst) => {
    const now = th.getAttribute("aria-sort");
    const down = now === "none" ? downFirst : now === "ascending";
    for (const other of sortable) other.setAttribute("aria-sort", "none");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...[...rows].sort((a, b) => (down ? compare(b, a) : compare(a, b)) || a.index - b.index).map(row => row.tr));
  };
  const sorts = (th, compare, downFirst) => th.querySelector("button").addEventListener("click", () => sortBy(th, compare, downFirst));
  sorts(heads.cells[0], (a, b) => text.compare(a.tr.cells[0].textContent, b.tr.cells[0].textContent), false);
  sorts(heads.cells[1], (a, b) => a.tr.cells[1].dataset.v - b.tr.cells[1].dataset.v, true);
  stages.forEach((stage, i) => sorts(stage.score, (a, b) => a.scores[i].textContent - b.scores[i].textContent, true));
  names.forEach((th, i) => {
    const order = row => "ftbnrsp".indexOf(row.letters[i]);
    sorts(th, (a, b) => order(a) - order(b), false);
    th.querySelector("button").addEventListener("click", () => tell(th.textContent + ": " + th.title));
  });

  // What each submission gets to read, unpacked once.
  let unpacked;
  const texts = () => unpacked ??= (async () => {
    const packed = Uint8Array.from(atob($("texts").textContent), c => c.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  })();
  const fill = async row => {
    const {lines = [], long = []} = (await texts())[row.index];
    if (row.lines) return;
    row.lines = lines.map(line => {
      const li = make("li"), what = make("div", line.text + " ");
      what.append(make("small", line.tests.map(i => names[i].textContent).join(", ")));
      li.append(make("span", signs[line.letter], "sign " + line.letter), what);
      return li;
    });
    const list = make("ul", "", "lines");
    list.append(...row.lines);
    row.section.append(list);
    for (const part of long) {
      if (part.heading) row.section.append(make("p", part.heading, "quiet"));
      const pre = make("pre", part.text);
      pre.tabIndex = 0;
      row.section.append(pre);
    }
  };
  for (const row of rows) {
    row.section.addEventListener("toggle", () => { if (row.section.open) fill(row); });
    if (row.section.open) fill(row);
  }

  const testOf = td => {
    const tr = td?.parentElement, row = rowOf.get(tr);
    if (!row || td.dataset.r !== undefined || td.cellIndex < 2) return;
    let i = 0;
    for (let e = td.previousSibling; e.dataset?.r === undefined; e = e.previousSibling) i++;
    let score = td;
    while (score.dataset?.r === undefined) score = score.previousSibling;
    return {row, test: stages[row.scores.indexOf(score)].first + i};
  };
  const say = async ({row, test}) => {
    const lines = (await texts())[row.index].lines ?? [];
    const line = lines.find(line => line.tests.includes(test));
    const found = line ? line.text : row.letters[test] === "r" ? "rejected" : "passed";
    tell(row.tr.cells[0].textContent + " · " + names[test].textContent + " · " + found);
    return lines.indexOf(line);
  };
  body.addEventListener("mouseover", e => {
    const at = testOf(e.target.closest("td"));
    if (at) say(at);
  });
  body.addEventListener("click", async e => {
    const at = testOf(e.target.closest("td"));
    if (!at) return;
    const line = await say(at);
    await fill(at.row);
    at.row.section.open = true;
    for (const old of document.querySelectorAll(".lines .mark")) old.classList.remove("mark");
    at.row.lines[line]?.classList.add("mark");
    (at.row.lines[line] ?? at.row.section).scrollIntoView({block: "center"});
  });

  // A link to a submission opens what it gets to read.
  const open = () => {
    const section = /^#s\d+$/.test(location.hash) && $(location.hash.slice(1));
    if (!section) return;
    section.open = true;
    section.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
})();
