// What the program answers; lab/play/api.go has the same.

export interface Entry { index: number; term: number; text: string; change: boolean; durable: boolean }
export interface Member { id: number; match: number; next: number }
export interface NodeState {
  id: number; up: boolean; member: boolean; role: string; term: number; vote: number; lead: number;
  commit: number; applied: number; members: number[]; transferee: number; progress: Member[];
  timeout: number; restarts: number; savedTerm: number; savedVote: number; savedCommit: number;
  before: number; beforeTerm: number; log: Entry[];
}
export interface Message { number: number; kind: string; from: number; to: number; term: number; text: string; name: string }
export interface Broken { key: string; node: number; found: string }
export interface View {
  nodes: NodeState[]; flight: Message[]; sides: number[][]; effects: string[]; broken: Broken[];
  end: { notImplemented: boolean; reason: string; stack: string } | null;
  refused: boolean; done: number; problem: string; error?: string;
}
export interface Guarantee { key: string; text: string; source: string }
export interface Line { number: number; text: string; note: string; expect: boolean }
export interface Script { title: string; about: string; header: string[]; lines: Line[]; error?: string }
export interface About { guarantees: Guarantee[]; stories: { name: string; text: string }[]; kinds: string[]; note: string }
