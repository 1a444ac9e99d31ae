package storesim

import (
	"fmt"
	"strings"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/proto/eraftpb"
)

// tellStatus tells the log of the run how the peer of s has changed.
func (s *store) tellStatus(st raftstore.Status) {
	if !s.env.Tracing() {
		return
	}
	if st.Term != s.status.Term || st.RaftState != s.status.RaftState {
		s.env.Tell(trace.Event{Kind: trace.Role, Region: regionID, Term: st.Term, Role: st.RaftState.String()})
	}
	if st.Commit != s.status.Commit {
		s.env.Tell(trace.Event{Kind: trace.Commit, Region: regionID, Index: st.Commit})
	}
}

// tellServed tells that s serves a read now.
func (s *store) tellServed() {
	if !s.env.Tracing() {
		return
	}
	st, _ := s.Status(regionID)
	s.env.Tell(trace.Event{Kind: trace.Serve, Region: regionID, Term: st.Term, Index: st.Applied, Role: st.RaftState.String()})
}

// tellProposed tells of an entry of the leader s that was not sent before.
func (s *store) tellProposed(region uint64, e *eraftpb.Entry) {
	if s.env.Tracing() {
		s.env.Tell(trace.Event{Kind: trace.Propose, Region: region, Term: e.Term, Index: e.Index, Text: textOfOps(raftstore.EntryOps(e))})
	}
}

func textOfOps(ops []engine.Op) string {
	var all []string
	for _, op := range ops {
		all = append(all, textOfWrite(op.CF, op.Key, op.Value, op.Delete))
	}
	return strings.Join(all, ", ")
}

func textOfWrite(cf engine.CF, key, value []byte, isDelete bool) string {
	text := sim.TextOfPut(string(key), shortened(string(value)))
	if isDelete {
		text = fmt.Sprintf("delete %q", key)
	}
	if cf != engine.CFDefault {
		text += " in " + cf
	}
	return text
}

// tellApplied tells of a batch that was written to the data of s.
func (s *store) tellApplied(b *engine.Batch) {
	if !s.env.Tracing() {
		return
	}
	event := trace.Event{Kind: trace.Apply, Region: regionID}
	var all []string
	for _, op := range b.Ops() {
		if state, ok := raftstore.ParseRegionState(op); ok {
			event.Term, event.Index = state.AppliedTerm, state.AppliedIndex
			continue
		}
		all = append(all, textOfWrite(op.CF, op.Key, op.Value, op.Delete))
	}
	event.Text = strings.Join(all, ", ")
	s.env.Tell(event)
}
