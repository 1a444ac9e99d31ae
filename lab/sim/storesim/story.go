package storesim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/proto/eraftpb"
)

// tellState tells the log of the run how a peer of s has changed: its state, and its log.
func (s *store) tellState(p *peer, st raftstore.Status) {
	if !s.env.Tracing() {
		return
	}
	s.tellLog(p, st)
	before := p.status
	if before.Term == st.Term && before.Vote == st.Vote && before.SoftState == st.SoftState && before.Commit == st.Commit &&
		before.Applied == st.Applied && before.FirstIndex == st.FirstIndex && before.LastIndex == st.LastIndex {
		return
	}
	s.env.Tell(trace.Event{
		Kind: trace.State, Region: p.region, Peer: p.id, Role: st.RaftState.String(), Term: st.Term, Vote: st.Vote, Lead: st.Lead,
		Commit: st.Commit, Applied: st.Applied, First: st.FirstIndex, Last: st.LastIndex,
	})
}

// tellLog tells the log of the run how the log of a peer of s differs from what it was
// before: which entries are gone, since others took their place, since they were
// compacted, and which are new.
func (s *store) tellLog(p *peer, st raftstore.Status) {
	found := p.tail.first == 0 // what an incarnation begins with was told before
	tell := func(fate string, first, last uint64) {
		if first <= last && !found {
			s.env.Tell(trace.Event{Kind: trace.LogChange, Region: p.region, Fate: fate, First: first, Last: last, Text: p.tail.text(first, last)})
		}
	}
	if found || st.FirstIndex > p.tail.last()+1 {
		p.tail = tail{first: st.FirstIndex} // it is new, or has installed a snapshot
	}
	old := p.tail
	// Entries up to the commit index do not change.
	keep := max(old.first, min(p.status.Commit, old.last())+1)
	same := keep
	for ; same <= min(old.last(), st.LastIndex); same++ {
		e, err := raftstore.LoadEntry(s.log, p.region, same)
		if err != nil || e.GetTerm() != old.at(same) {
			break
		}
	}
	if same <= old.last() {
		tell("cuts", same, old.last())
		p.tail.cut(same)
	}
	if first := max(same, st.FirstIndex); first <= st.LastIndex {
		for i := first; i <= st.LastIndex; i++ {
			e, err := raftstore.LoadEntry(s.log, p.region, i)
			if err != nil || e == nil {
				break // the disk is gone
			}
			p.tail.terms = append(p.tail.terms, e.Term)
		}
		tell("appends", first, p.tail.last())
	}
	if before := p.status.FirstIndex; before > 0 && st.FirstIndex > before {
		s.env.Tell(trace.Event{Kind: trace.LogChange, Region: p.region, Fate: "compacts", First: before, Last: st.FirstIndex - 1})
	}
}

// A tail is the terms of the entries that a log had when it was last looked at, from
// index first on.
type tail struct {
	first uint64
	terms []uint64
}

func (t *tail) last() uint64           { return t.first + uint64(len(t.terms)) - 1 }
func (t *tail) at(index uint64) uint64 { return t.terms[index-t.first] }
func (t *tail) cut(from uint64)        { t.terms = t.terms[:from-t.first] }

// text names the terms of the entries first to last.
func (t *tail) text(first, last uint64) string {
	var parts []string
	for i := first; i <= last; {
		from, term := i, t.at(i)
		for i <= last && t.at(i) == term {
			i++
		}
		if from == first && i > last {
			return fmt.Sprintf("of term %d", term)
		}
		parts = append(parts, fmt.Sprintf("%d..%d of term %d", from, i-1, term))
	}
	return strings.Join(parts, ", ")
}

// tellSynced tells the log of the run what has become durable in the raft engine of s.
func (s *store) tellSynced() {
	if !s.env.Tracing() {
		return
	}
	for _, p := range s.peers {
		state, err := raftstore.LoadRaftState(s.log.Durable(), p.region)
		if err != nil {
			return // the disk is gone
		}
		now := durable{state.HardState.Term, state.HardState.Vote, state.HardState.Commit, state.LastIndex}
		if now != p.durable {
			p.durable = now
			s.env.Tell(trace.Event{Kind: trace.Sync, Region: p.region, Term: now.term, Vote: now.vote, Commit: now.commit, Last: now.last, Text: "raft"})
		}
	}
}

// A durable is what is known to be durable of a peer's Raft state.
type durable struct{ term, vote, commit, last uint64 }

// tellRemoved tells the log of the run which of the peers that s had are gone.
func (s *store) tellRemoved(before []*peer) {
	for _, p := range before {
		if s.env.Tracing() && s.peer(p.region) != p {
			s.env.Tell(trace.Event{Kind: trace.State, Region: p.region, Peer: p.id, Fate: "removed"})
		}
	}
}

// tellServed logs that s serves a read now.
func (s *store) tellServed(region uint64) {
	if !s.env.Tracing() {
		return
	}
	st, _ := s.Status(region)
	s.env.Tell(trace.Event{Kind: trace.Serve, Region: region, Term: st.Term, Index: st.Applied, Role: st.RaftState.String()})
}

// tellSubmitted logs that s is given a write.
func (s *store) tellSubmitted(w waiting) {
	if !s.env.Tracing() {
		return
	}
	s.env.Tell(trace.Event{Kind: trace.Submit, Client: w.command.Client, N: w.command.N, Region: w.region, Text: w.write})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unproposed = append(s.unproposed, w)
}

// notProposed notes that a write was answered with an error: if it was not proposed
// before, it never is.
func (s *store) notProposed(c check.Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unproposed = slices.DeleteFunc(s.unproposed, func(w waiting) bool { return w.command == c })
}

// tellProposed logs an entry of the leader s that was not sent before. A store proposes
// equal writes in the order in which it was given them.
func (s *store) tellProposed(region uint64, e *eraftpb.Entry) {
	if !s.env.Tracing() {
		return
	}
	event := trace.Event{Kind: trace.Propose, Region: region, Term: e.Term, Index: e.Index, Text: textOfOps(raftstore.EntryOps(e))}
	s.mu.Lock()
	if i := slices.IndexFunc(s.unproposed, func(w waiting) bool { return w.region == region && w.write == event.Text }); i >= 0 {
		event.Client, event.N = s.unproposed[i].command.Client, s.unproposed[i].command.N
		s.unproposed = slices.Delete(s.unproposed, i, i+1)
	}
	s.mu.Unlock()
	s.env.Tell(event)
}

// tellInstalled logs that a peer of s has the data of a snapshot now, up to an index.
func (s *store) tellInstalled(p *peer, applied uint64) {
	if !s.env.Tracing() {
		return
	}
	text := ""
	if first := p.status.Applied + 1; first <= applied {
		text = fmt.Sprintf("entries %d..%d not seen", first, applied)
	}
	s.env.Tell(trace.Event{Kind: trace.Install, Region: p.region, Index: applied, Text: text})
}

func textOfOps(ops []engine.Op) string {
	var all []string
	for _, op := range ops {
		all = append(all, textOfWrite(op.CF, op.Key, op.Value, op.Delete))
	}
	return strings.Join(all, ", ")
}

func textOfWrite(cf engine.CF, key, value []byte, isDelete bool) string {
	if text := textOfVersion(cf, key, value, isDelete); text != "" {
		return text
	}
	text := sim.TextOfPut(string(key), shortened(string(value)))
	if isDelete {
		text = sim.TextOfDelete(string(key))
	}
	if cf != engine.CFDefault {
		text += " in " + cf
	}
	return text
}

// textOfVersion names a write to what belongs to a key of transactions. It returns "" for
// any other write.
func textOfVersion(cf engine.CF, key, value []byte, isDelete bool) string {
	user, ts, err := transaction.DecodeVersion(key)
	if cf == engine.CFLock {
		user, _, err = transaction.DecodeKey(key)
	}
	if err != nil {
		return ""
	}
	switch {
	case cf == engine.CFLock && isDelete:
		return fmt.Sprintf("unlock %q", user)
	case cf == engine.CFLock:
		if lock, err := transaction.DecodeLock(value); err == nil {
			return fmt.Sprintf("lock %q for %s of %d, primary %q", user, lock.Kind, lock.StartTS, lock.Primary)
		}
	case isDelete:
		return fmt.Sprintf("delete %q@%d in %s", user, ts, cf)
	case cf == engine.CFWrite:
		if record, err := transaction.DecodeRecord(value, ts); err == nil {
			return fmt.Sprintf("record %q@%d: %s of %d", user, ts, record.Kind, record.StartTS)
		}
	default:
		return fmt.Sprintf("value %q@%d = %q", user, ts, shortened(string(value)))
	}
	return ""
}

// tellApplied logs a batch that was written to the data of s. The parts of
// several regions may be in it, each of which ends with the region's state.
func (s *store) tellApplied(b *engine.Batch) {
	if !s.env.Tracing() {
		return
	}
	var writes []string
	tell := func(event trace.Event) {
		event.Kind, event.Text = trace.Apply, strings.Join(writes, ", ")
		s.env.Tell(event)
		writes = nil
	}
	for _, op := range b.Ops() {
		if state, ok := raftstore.ParseRegionState(op); ok {
			tell(trace.Event{Region: state.Region.GetId(), Term: state.AppliedTerm, Index: state.AppliedIndex})
			continue
		}
		writes = append(writes, textOfWrite(op.CF, op.Key, op.Value, op.Delete))
	}
	if len(writes) > 0 {
		tell(trace.Event{Region: s.data.regionOf(b.Ops()[0].Key)})
	}
}
