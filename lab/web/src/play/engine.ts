// The program in a worker of its own, so that code which does not return does not stop
// the page.

export interface Answer { error?: string }

interface Waiting { resolve: (text: string) => void; reject: (why: Error) => void; timer: number }

// patience is how long the code may take for one request, in milliseconds.
const patience = 10_000;

const glue = `
let said = [], gone = 0;
console.log = (...words) => { said.push(words.join(" ")); if (said.length > 60) { said.splice(20, 1); gone++; } };
const printed = () => gone > 0 ? [...said.slice(0, 20), "(" + gone + " lines left out)", ...said.slice(20)] : said;
onmessage = async (e) => {
  if (e.data.module) {
    const go = new Go();
    go.exit = () => {};
    self.labkvReady = () => postMessage({ ready: true });
    try {
      await go.run(await WebAssembly.instantiate(e.data.module, go.importObject));
    } catch (err) { said.push(String(err)); }
    postMessage({ dead: said.join("\\n") });
    return;
  }
  said = [];
  gone = 0;
  let text;
  try { text = labkvPlay(e.data.request); } catch (err) { postMessage({ dead: said.join("\\n") || String(err) }); return; }
  if (text === undefined) { postMessage({ dead: said.join("\\n") }); return; }
  postMessage({ id: e.data.id, text, said: printed() });
};
`;

export class Engine {
  private worker!: Worker;
  private ready!: Promise<void>;
  private waiting = new Map<number, Waiting>();
  private next = 1;

  // printed is what the code has printed during the last call.
  printed: string[] = [];

  // ended is why the program ended between two calls: a goroutine that it had started
  // panicked. The next call reports it.
  private ended = "";

  private constructor(private module: WebAssembly.Module, private code: string) { this.start(); }

  static async load(): Promise<Engine> {
    const text = document.getElementById("program")!.textContent!.trim();
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const module = await WebAssembly.compile(await new Response(stream).arrayBuffer());
    const engine = new Engine(module, document.getElementById("start")!.textContent! + glue);
    await engine.ready;
    return engine;
  }

  private start() {
    const url = URL.createObjectURL(new Blob([this.code], { type: "text/javascript" }));
    const worker = new Worker(url);
    URL.revokeObjectURL(url);
    this.worker = worker;
    this.ready = new Promise((resolve, reject) => {
      // A program that does not come to its main function would not at the next start.
      let begun = false;
      const fail = (why: string) => { worker.terminate(); reject(new Error(why)); };
      const timer = window.setTimeout(() => fail(`an init function or a package variable has not returned within ${patience / 1000} seconds`), patience);
      worker.onmessage = (e) => {
        if (e.data.ready) { begun = true; clearTimeout(timer); resolve(); }
        else if (e.data.dead !== undefined && !begun) { clearTimeout(timer); fail(firstLines(e.data.dead) || "the program has ended"); }
        else if (e.data.dead !== undefined) this.restart(firstLines(e.data.dead) || "the program has ended");
        else { this.printed = e.data.said; this.settle(e.data.id, (w) => w.resolve(e.data.text)); }
      };
    });
    this.ready.catch(() => {}); // the calls report it
    worker.postMessage({ module: this.module });
  }

  private settle(id: number, f: (w: Waiting) => void) {
    const w = this.waiting.get(id);
    if (!w) return;
    clearTimeout(w.timer);
    this.waiting.delete(id);
    f(w);
  }

  // restart begins with a new program, and tells all that wait why.
  private restart(why: string) {
    this.worker.terminate();
    const all = [...this.waiting.keys()];
    if (all.length === 0) this.ended = why;
    this.start();
    for (const id of all) this.settle(id, (w) => w.reject(new Error(why)));
  }

  async call<T>(request: object): Promise<T> {
    await this.ready;
    if (this.ended !== "") {
      const why = this.ended;
      this.ended = "";
      throw new Error("since the last step, in a goroutine of the code: " + why);
    }
    const id = this.next++;
    const text = await new Promise<string>((resolve, reject) => {
      const timer = window.setTimeout(() => this.restart(`the code has not returned within ${patience / 1000} seconds`), patience);
      this.waiting.set(id, { resolve, reject, timer });
      this.worker.postMessage({ id, request: JSON.stringify(request) });
    });
    return JSON.parse(text) as T;
  }
}

function firstLines(text: string): string {
  if (/Maximum call stack size exceeded|too much recursion/.test(text)) return "stack overflow: a function calls itself without end";
  if (/all goroutines are asleep/.test(text)) {
    const where = /raft\.[^\n]*?(?=\((0x|\)|\{|\.\.\.))/.exec(text)?.[0];
    return `the code waits${where ? " in " + where : ""} for a channel or a lock, and nothing will ever end that`;
  }
  return text.split("\n").filter((l) => l.trim() !== "").slice(0, 12).join("\n");
}
