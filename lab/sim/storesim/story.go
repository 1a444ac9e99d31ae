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

// tellStatus tells the log of the run how a peer of s has changed.
func (s *store) tellStatus(p *peer, st raftstore.Status) {
	if !s.env.Tracing() {
		return
	}
	if st.Term != p.status.Term || st.RaftState != p.status.RaftState {
		s.env.Tell(trace.Event{Kind: trace.Role, Region: p.region, Term: st.Term, Role: st.RaftState.String()})
	}
	if st.Commit != p.status.Commit {
		s.env.Tell(trace.Event{Kind: trace.Commit, Region: p.region, Index: st.Commit})
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
