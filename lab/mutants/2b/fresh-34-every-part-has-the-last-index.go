//go:build mutant

// Each part ends with the applied index of the last entry of the Ready, not
// with that of the last entry in the part.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) cut() {
	last := p_last(a)
	a.state.AppliedIndex, a.state.AppliedTerm = last.Index, last.Term
	put(&a.batch, cfMeta, stateKey(a.state.Region.Id), a.state)
	a.parts = append(a.parts, a.batch)
	a.batch = engine.Batch{}
}

func p_last(a *applier) *eraftpb.Entry {
	entries := a.peer.task.rd.CommittedEntries
	return entries[len(entries)-1]
}
