package rafttest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/trace"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
	"github.com/labkv/labkv/raft/note"
)

// theGroup is the number that the log of a run gives to the only group there is.
const theGroup = 1

// A recording is the log of a run, for people and tools. It asks nodes nothing, so that a
// run is the same with it. A nil recording keeps nothing.
type recording struct {
	now    *time.Duration
	events []trace.Event
}

// record runs plan again, as performUntil does, and returns the log of that run.
func record(impl Implementation, plan schedule, until rule) (outcome, []trace.Event) {
	w := &world{impl: impl, plan: plan, until: until}
	w.log = &recording{now: &w.now}
	defer note.Listen(func(text string) {
		w.log.add(trace.Event{Kind: trace.Note, Store: w.acting, Text: text})
	})()
	out := w.perform()
	if v := out.violation; v != nil {
		w.log.violated(v)
	}
	return out, w.log.events
}

// logOf returns the log of a run of plan for test, which had the outcome out.
func logOf(test string, plan schedule, out outcome, events []trace.Event) *trace.Log {
	log := &trace.Log{
		Header: trace.Header{
			Test: test, Seed: plan.seed, Digest: fmt.Sprintf("%016x", out.digest), Schedule: strings.Split(plan.String(), "\n"),
		},
		Events: events,
	}
	for id := range uint64(out.nodes) {
		log.Header.Machines = append(log.Header.Machines, trace.Machine{ID: id + 1, Role: "node"})
	}
	if v := out.violation; v != nil {
		claim := v.rule.claim()
		log.Header.Rule, log.Header.Source = claim.Text, claim.Source
		log.Header.Found = fmt.Sprintf("at %s, %s", seconds(v.at), v.found)
		log.Header.Fate = strings.Split(out.story.describe(v.node), "\n")
	}
	return log
}

func (l *recording) add(e trace.Event) {
	if l == nil {
		return
	}
	e.At = *l.now
	if e.Kind != trace.FaultBegins && e.Kind != trace.FaultEnds && e.Kind != trace.Heal {
		e.Region = theGroup
	}
	l.events = append(l.events, e)
}

// violated adds v, at the moment when it showed.
func (l *recording) violated(v *violation) {
	at := len(l.events)
	for at > 0 && l.events[at-1].At > v.at {
		at--
	}
	l.events = slices.Insert(l.events, at, trace.Event{
		At: v.at, Kind: trace.Violation, Store: v.node, Region: theGroup, Term: v.term, Index: v.index, Text: v.found,
	})
}

// message adds what becomes of m, which is number nth from its sender to its receiver.
// The network has made copy.
func (l *recording) message(m *pb.Message, nth uint64, copy bool, fate string) {
	if l == nil {
		return
	}
	what := describe(m)
	if _, says, ok := strings.Cut(what, ": "); ok {
		what = says
	} else {
		what = ""
	}
	l.add(trace.Event{
		Kind: trace.Message, From: m.From, To: m.To, N: nth, Copy: copy, Fate: fate, Type: m.MsgType.String(),
		Term: m.Term, Index: m.Index, Text: what,
	})
}

// status adds that the node of r says st, if it said something else before.
func (l *recording) status(r *replica, st *raft.Status) {
	if l == nil {
		return
	}
	now := trace.Event{
		Kind: trace.State, Store: r.id, Peer: r.id, Role: st.RaftState.String(), Term: st.Term, Vote: st.Vote, Lead: st.Lead,
		Commit: st.Commit, Applied: st.Applied, First: r.log.before + 1, Last: r.log.last(),
	}
	if !sameState(&now, &r.told) {
		r.told = now
		l.add(now)
	}
}

func sameState(a, b *trace.Event) bool {
	return a.Kind == b.Kind && a.Role == b.Role && a.Term == b.Term && a.Vote == b.Vote && a.Lead == b.Lead &&
		a.Commit == b.Commit && a.Applied == b.Applied && a.First == b.First && a.Last == b.Last
}

// saves adds what rd changes in the log of r, which it is about to be added to.
func (l *recording) saves(r *replica, rd *raft.Ready) {
	if l == nil {
		return
	}
	if s := rd.Snapshot; s != nil {
		l.add(trace.Event{Kind: trace.Install, Store: r.id, Term: s.Metadata.Term, Index: s.Metadata.Index})
	}
	if len(rd.Entries) == 0 {
		return
	}
	first, last := rd.Entries[0].Index, r.log.last()
	if rd.Snapshot == nil && first <= last {
		l.add(trace.Event{
			Kind: trace.LogChange, Store: r.id, Fate: "cuts", First: first, Last: last,
			Text: fmt.Sprintf("%s to %s", position(first, r.log.term(first)), position(last, r.log.term(last))),
		})
	}
	l.add(trace.Event{
		Kind: trace.LogChange, Store: r.id, Fate: "appends", First: first, Last: rd.Entries[len(rd.Entries)-1].Index,
		Text: describeEntries(rd.Entries),
	})
}

// synced adds which part of r is durable now.
func (l *recording) synced(r *replica) {
	if l == nil {
		return
	}
	hard := r.disk.now.hard
	l.add(trace.Event{Kind: trace.Sync, Store: r.id, Term: hard.Term, Vote: hard.Vote, Commit: hard.Commit, Last: r.log.last(), Text: "disk"})
}

// applied adds that r has applied entries.
func (l *recording) applied(r *replica, entries []*pb.Entry) {
	if l == nil {
		return
	}
	last := entries[len(entries)-1]
	l.add(trace.Event{Kind: trace.Apply, Store: r.id, Term: last.Term, Index: last.Index, Text: describeEntries(entries)})
}

// compacted adds that the log of r, which began at index first, begins later now.
func (l *recording) compacted(r *replica, first uint64) {
	if l != nil && first <= r.log.before {
		l.add(trace.Event{Kind: trace.LogChange, Store: r.id, Fate: "compacts", First: first, Last: r.log.before})
	}
}

// faultNames are the names of faults in the log of a run: the same as in a run of stores.
var faultNames = map[faultKind]string{
	lossyNetwork: "lose", duplicatingNetwork: "duplicate", slowNetwork: "slow", splitNetwork: "partition",
	isolatedNode: "isolate", deafNode: "deaf", muteNode: "mute", bridgedNetwork: "bridge", crashedNode: "crash",
	powerFailure: "crash", stalledClock: "stall", slowDisk: "slow-disk", calledElection: "campaign",
	compaction: "compact", lossySnapshots: "lose-snapshots", snapshotNotReady: "no-snapshot",
	leadershipTransfer: "move-leader", nodeAdded: "add-member", nodeRemoved: "remove-member",
}

// fault adds that f, which hits node, begins or ends. Of one that has no length only the
// beginning is told.
func (l *recording) fault(kind trace.Kind, f *fault, node uint64) {
	if l == nil {
		return
	}
	e := trace.Event{Kind: kind, N: f.id, Type: faultNames[f.kind], Text: f.happening(node)}
	switch f.kind {
	case splitNetwork, bridgedNetwork:
		for id := uint64(1); id <= maxNodes; id++ {
			if f.side(id) == 1 {
				e.Stores = append(e.Stores, id)
			}
		}
	default:
		if node != 0 {
			e.Stores = []uint64{node}
		}
	}
	l.add(e)
}
