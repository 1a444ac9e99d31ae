package view_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/trace"
)

// synthetic makes the log of a run that never was: five stores with three regions, a
// scheduler and three clients, with elections, partitions, a crash, lost and doubled
// messages. It has about so many events, the same ones for the same seed, and ends with a
// violation. It looks like a log, and is no proof of anything about Raft.
func synthetic(seed uint64, events int) *trace.Log {
	w := &world{
		dice: rand.New(rand.NewPCG(seed, 1)), most: events,
		log: &trace.Log{Header: trace.Header{
			Version: trace.Version, Test: "TestManyPartitionsManyClients2B", Seed: seed, Clients: clients,
			Digest: fmt.Sprintf("%016x", seed*0x9e3779b97f4a7c15), Rule: "linearizable", Source: "§8",
			Found: `a read is stale: client 2 read "k3" as absent, after its own put of it was acknowledged`,
			Fate:  []string{`put "k3" = "v17" of client 2 was proposed on store 1 at (term 2, index 57)`, "applied on store 1, store 2, store 4"},
		}},
		network: map[[3]uint64]uint64{}, down: map[uint64]bool{},
	}
	for id := uint64(1); id <= stores; id++ {
		w.log.Header.Machines = append(w.log.Header.Machines, trace.Machine{ID: id, Role: "store"})
	}
	w.log.Header.Machines = append(w.log.Header.Machines, trace.Machine{ID: stores + 1, Role: "scheduler"})
	w.run()
	return w.log
}

const (
	stores  = 5
	regions = 3
	clients = 3
)

type world struct {
	dice    *rand.Rand
	log     *trace.Log
	most    int
	now     time.Duration
	queue   queue
	order   int
	groups  [regions + 1]*group
	network map[[3]uint64]uint64
	down    map[uint64]bool
	side    map[uint64]bool // one side of the partition, if there is one
	faults  uint64
	calls   [clients + 1]uint64
}

type group struct {
	region   uint64
	replicas [stores + 1]*replica
	entries  []string // by index
	terms    []uint64
}

func (g *group) term(index uint64) uint64 { return g.terms[min(len(g.terms)-1, int(index))] }

type replica struct {
	role                              string
	term, vote, lead, commit, applied uint64
	first, last                       uint64
	heard                             time.Duration
}

type thing struct {
	at    time.Duration
	order int
	do    func()
}

type queue []thing

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(thing)) }
func (q *queue) Pop() any {
	x := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return x
}

func (w *world) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.queue, thing{w.now + d, w.order, do})
}

func (w *world) tell(e trace.Event) {
	e.At = w.now
	w.log.Events = append(w.log.Events, e)
}

func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.dice.Int64N(int64(most-least)))
}

func (w *world) run() {
	for r := uint64(1); r <= regions; r++ {
		g := &group{region: r, entries: []string{""}, terms: []uint64{0}}
		w.groups[r] = g
		for s := uint64(1); s <= stores; s++ {
			g.replicas[s] = &replica{role: "follower", first: 1}
		}
	}
	for s := uint64(1); s <= stores; s++ {
		w.tell(trace.Event{Kind: trace.Start, Store: s, N: 1})
		for _, g := range w.groups[1:] {
			w.state(g, s)
			w.tick(g, s)
		}
		w.report(s)
	}
	for c := uint64(1); c <= clients; c++ {
		w.client(c, 1)
	}
	w.after(400*time.Millisecond, w.fault)
	for len(w.queue) > 0 && len(w.log.Events) < w.most {
		t := heap.Pop(&w.queue).(thing)
		w.now = t.at
		t.do()
	}
	w.tell(trace.Event{Kind: trace.Violation, Store: 3, Text: w.log.Header.Found})
}

func (w *world) state(g *group, s uint64) {
	r := g.replicas[s]
	w.tell(trace.Event{Kind: trace.State, Store: s, Region: g.region, Peer: 100*g.region + s, Role: r.role, Term: r.term, Vote: r.vote, Lead: r.lead,
		Commit: r.commit, Applied: r.applied, First: r.first, Last: r.last})
}

func (w *world) sync(g *group, s uint64) {
	r := g.replicas[s]
	w.tell(trace.Event{Kind: trace.Sync, Store: s, Text: "raft", Region: g.region, Term: r.term, Vote: r.vote, Commit: r.commit, Last: r.last})
}

// send sends a message and calls arrived when it arrives.
func (w *world) send(g *group, from, to uint64, kind, text string, index uint64, arrived func()) {
	term := g.replicas[from].term
	w.network[[3]uint64{from, to, g.region}]++
	e := trace.Event{Kind: trace.Message, From: from, To: to, Stream: g.region, N: w.network[[3]uint64{from, to, g.region}],
		Bytes: 20 + len(text), Type: kind, Region: g.region, Term: term, Index: index, Text: text}
	lost := w.side != nil && w.side[from] != w.side[to] || w.dice.IntN(200) == 0
	tell := func(fate string, copy bool) {
		e := e
		e.Fate, e.Copy = fate, copy
		w.tell(e)
	}
	if lost {
		tell("lost", false)
		return
	}
	deliver := func(copy bool) {
		w.after(w.between(time.Millisecond, 6*time.Millisecond), func() {
			if w.down[to] {
				tell("nobody there", copy)
				return
			}
			tell("arrives", copy)
			if !w.down[from] {
				arrived()
			}
		})
	}
	tell("sent", false)
	deliver(false)
	if w.dice.IntN(150) == 0 {
		tell("sent", true)
		deliver(true)
	}
}

// tick is a heartbeat of a leader, or the patience of any other.
func (w *world) tick(g *group, s uint64) {
	w.after(w.between(9*time.Millisecond, 11*time.Millisecond), func() {
		defer w.tick(g, s)
		if w.down[s] {
			return
		}
		r := g.replicas[s]
		if r.role == "leader" {
			for to := uint64(1); to <= stores; to++ {
				if to != s {
					w.send(g, s, to, "MsgHeartbeat", fmt.Sprintf("commit %d", min(r.commit, g.replicas[to].last)), 0, func() { w.follow(g, s, to, r.term); w.answer(g, to, s, "MsgHeartbeatResponse", 0, nil) })
				}
			}
			return
		}
		if w.now-r.heard < 100*time.Millisecond+time.Duration(s*17+g.region*5)*time.Millisecond {
			return
		}
		r.role, r.vote, r.lead, r.heard = "candidate", 100*g.region+s, 0, w.now
		r.term++
		w.state(g, s)
		w.sync(g, s)
		votes, term := 1, r.term
		for to := uint64(1); to <= stores; to++ {
			if to == s {
				continue
			}
			w.send(g, s, to, "MsgRequestVote", fmt.Sprintf("after term %d", g.term(r.last)), r.last, func() {
				o := g.replicas[to]
				if term > o.term && o.last <= r.last {
					o.role, o.term, o.vote, o.lead, o.heard = "follower", term, r.vote, 0, w.now
					w.state(g, to)
					w.sync(g, to)
					w.answer(g, to, s, "MsgRequestVoteResponse", 0, func() {
						if votes++; votes == stores/2+1 && r.role == "candidate" && r.term == term {
							r.role, r.lead = "leader", r.vote
							w.state(g, s)
							w.tell(trace.Event{Kind: trace.Note, Store: s, Region: g.region, Text: fmt.Sprintf("won the election of term %d with %d votes", term, votes)})
							w.propose(g, s, 0, 0, "")
						}
					})
				} else {
					w.answer(g, to, s, "MsgRequestVoteResponse", 0, nil)
				}
			})
		}
	})
}

func (w *world) answer(g *group, from, to uint64, kind string, index uint64, arrived func()) {
	w.send(g, from, to, kind, "", index, func() {
		if arrived != nil {
			arrived()
		}
	})
}

// follow makes a replica that hears of a leader its follower.
func (w *world) follow(g *group, leader, s uint64, term uint64) bool {
	r := g.replicas[s]
	if term < r.term {
		return false
	}
	r.heard = w.now
	if r.role != "follower" || r.term != term || r.lead != 100*g.region+leader {
		r.role, r.term, r.lead = "follower", term, 100*g.region+leader
		w.state(g, s)
	}
	return true
}

// propose appends an entry to the log of a leader and replicates it.
func (w *world) propose(g *group, s, client, n uint64, text string) uint64 {
	r := g.replicas[s]
	for index := r.last + 1; index < uint64(len(g.entries)); {
		// What another leader had there, and a majority has not.
		g.entries, g.terms = g.entries[:index], g.terms[:index]
	}
	g.entries, g.terms = append(g.entries, text), append(g.terms, r.term)
	r.last++
	index, term := r.last, r.term
	w.tell(trace.Event{Kind: trace.Propose, Store: s, Region: g.region, Term: term, Index: index, Client: client, N: n, Text: text})
	w.tell(trace.Event{Kind: trace.LogChange, Store: s, Region: g.region, Term: term, First: index, Last: index, Fate: "appends", Text: text})
	w.state(g, s)
	w.sync(g, s)
	have := 1
	for to := uint64(1); to <= stores; to++ {
		if to == s {
			continue
		}
		o := g.replicas[to]
		first := min(o.last+1, index)
		described := fmt.Sprintf("after term %d, entry %d, commit %d", g.term(first-1), first, r.commit)
		if first < index {
			described = fmt.Sprintf("after term %d, entries %d..%d, commit %d", g.term(first-1), first, index, r.commit)
		}
		w.send(g, s, to, "MsgAppend", described, first-1, func() {
			if !w.follow(g, s, to, term) || g.term(index) != term {
				return
			}
			if o.last > index && g.term(o.last) != term {
				w.tell(trace.Event{Kind: trace.LogChange, Store: to, Region: g.region, First: index + 1, Last: o.last, Fate: "cuts"})
				o.last = index
			}
			if o.last < index {
				w.tell(trace.Event{Kind: trace.LogChange, Store: to, Region: g.region, Term: term, First: o.last + 1, Last: index, Fate: "appends", Text: text})
				o.last = index
				w.state(g, to)
				w.sync(g, to)
			}
			w.answer(g, to, s, "MsgAppendResponse", index, func() {
				if have++; have == stores/2+1 && r.role == "leader" && r.term == term && r.commit < index {
					w.commit(g, s, index, text)
					for f := uint64(1); f <= stores; f++ {
						if f != s {
							w.send(g, s, f, "MsgAppend", fmt.Sprintf("commit %d", index), index, func() {
								if w.follow(g, s, f, term) && g.replicas[f].commit < min(index, g.replicas[f].last) {
									w.commit(g, f, min(index, g.replicas[f].last), text)
								}
							})
						}
					}
				}
			})
		})
	}
	return index
}

func (w *world) commit(g *group, s, index uint64, text string) {
	r := g.replicas[s]
	r.commit = index
	w.state(g, s)
	r.applied = index
	w.tell(trace.Event{Kind: trace.Apply, Store: s, Region: g.region, Term: g.term(index), Index: index, Text: text})
	w.state(g, s)
	if r.last-r.first > 200 {
		w.tell(trace.Event{Kind: trace.LogChange, Store: s, Region: g.region, First: r.first, Last: index - 50, Fate: "compacts"})
		r.first = index - 49
		w.state(g, s)
	}
}

// report is the heartbeat of a store to the scheduler.
func (w *world) report(s uint64) {
	w.after(w.between(90*time.Millisecond, 110*time.Millisecond), func() {
		defer w.report(s)
		if w.down[s] {
			return
		}
		w.network[[3]uint64{s, stores + 1}]++
		e := trace.Event{Kind: trace.Call, From: s, Store: stores + 1, N: w.network[[3]uint64{s, stores + 1}], Type: "StoreHeartbeat"}
		w.call(e, "stats{}", func() string { return "{}" }, func(string) {})
	})
}

// call makes a call; served carries it out.
func (w *world) call(e trace.Event, request string, served func() string, returned func(string)) {
	tell := func(fate, text string) {
		e := e
		e.Fate, e.Text = fate, text
		w.tell(e)
	}
	if w.dice.IntN(60) == 0 {
		tell("lost", request)
		w.after(80*time.Millisecond, func() { tell("abandoned", request); returned("") })
		return
	}
	tell("sent", request)
	w.after(w.between(time.Millisecond, 4*time.Millisecond), func() {
		if w.down[e.Store] {
			tell("refused", request)
			w.after(time.Millisecond, func() { returned("") })
			return
		}
		tell("arrives", request)
		answer := served()
		if answer == "" {
			w.after(120*time.Millisecond, func() { tell("abandoned", request); returned("") })
			return
		}
		w.after(w.between(8*time.Millisecond, 16*time.Millisecond), func() {
			tell("answered", answer)
			w.after(w.between(time.Millisecond, 4*time.Millisecond), func() { tell("returns", answer); returned(answer) })
		})
	})
}

// client does one operation after the other.
func (w *world) client(c, n uint64) {
	w.after(w.between(2*time.Millisecond, 40*time.Millisecond), func() {
		key := fmt.Sprintf("k%d", w.dice.IntN(12))
		g := w.groups[1+w.dice.IntN(regions)]
		put := w.dice.IntN(3) > 0
		text, method := fmt.Sprintf("get %q", key), "RawGet"
		if put {
			text, method = fmt.Sprintf("put %q = %q", key, fmt.Sprintf("v%d", n)), "RawPut"
		}
		w.tell(trace.Event{Kind: trace.Operation, Client: c, N: n, Fate: "begins", Key: key, Text: text})
		end := func(fate string) {
			done := text
			if !put && fate == "done" {
				done += " -> absent"
			}
			w.tell(trace.Event{Kind: trace.Operation, Client: c, N: n, Fate: fate, Key: key, Text: done})
			w.client(c, n+1)
		}
		var try func(left int)
		try = func(left int) {
			leader := uint64(1 + w.dice.IntN(stores))
			for s := uint64(1); s <= stores; s++ {
				if g.replicas[s].role == "leader" && w.dice.IntN(10) > 0 {
					leader = s
				}
			}
			w.calls[c]++
			e := trace.Event{Kind: trace.Call, Client: c, Store: leader, N: w.calls[c], Type: method, Key: key, Region: g.region}
			w.call(e, text, func() string {
				r := g.replicas[leader]
				if r.role != "leader" {
					return fmt.Sprintf("not the leader of region %d", g.region)
				}
				if !put {
					w.tell(trace.Event{Kind: trace.Serve, Store: leader, Region: g.region, Role: r.role, Term: r.term, Index: r.applied})
					return "absent"
				}
				w.tell(trace.Event{Kind: trace.Submit, Client: c, Store: leader, N: e.N, Region: g.region, Text: text})
				w.propose(g, leader, c, e.N, text)
				if w.side != nil && w.side[leader] != w.side[leader%stores+1] {
					return ""
				}
				return "ok"
			}, func(answer string) {
				switch {
				case strings.HasPrefix(answer, "not the leader") && left > 0:
					try(left - 1)
				case answer == "" || strings.HasPrefix(answer, "not"):
					end("unknown")
				default:
					end("done")
				}
			})
		}
		try(3)
	})
}

// fault makes one thing go wrong for a while, and the next one later.
func (w *world) fault() {
	w.faults++
	n, long := w.faults, w.between(150*time.Millisecond, 500*time.Millisecond)
	ids := []uint64{1, 2, 3, 4, 5}
	w.dice.Shuffle(stores, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	e := trace.Event{Kind: trace.FaultBegins, N: n}
	if n%3 == 2 {
		s := ids[0]
		e.Type, e.Stores, e.Text = "crash", []uint64{s}, fmt.Sprintf("%.3fs-%.3fs crash store:%d (%d)", w.now.Seconds(), (w.now+long).Seconds(), s, n)
		w.tell(e)
		w.down[s] = true
		w.tell(trace.Event{Kind: trace.Crash, Store: s, N: n, Text: "by the schedule"})
	} else {
		e.Type, e.Stores = "partition", slices.Sorted(slices.Values(ids[:2]))
		e.Text = fmt.Sprintf("%.3fs-%.3fs partition {%d,%d}|{%d,%d,%d} (%d)", w.now.Seconds(), (w.now + long).Seconds(), ids[0], ids[1], ids[2], ids[3], ids[4], n)
		w.tell(e)
		w.side = map[uint64]bool{ids[0]: true, ids[1]: true}
	}
	w.log.Header.Schedule = append(w.log.Header.Schedule, e.Text)
	w.after(long, func() {
		e.Kind = trace.FaultEnds
		w.tell(e)
		if e.Type == "crash" {
			s := ids[0]
			w.down[s] = false
			w.tell(trace.Event{Kind: trace.Start, Store: s, N: n + 1})
			for _, g := range w.groups[1:] {
				r := g.replicas[s]
				r.role, r.lead, r.heard = "follower", 0, w.now
				w.state(g, s)
			}
		} else {
			w.side = nil
		}
		w.after(w.between(200*time.Millisecond, 900*time.Millisecond), w.fault)
	})
}
