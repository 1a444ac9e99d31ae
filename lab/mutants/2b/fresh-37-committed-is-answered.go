//go:build mutant

// A proposal is answered when its entry is committed and handed out, before its
// effects are written. On a full disk the client hears done, and reads the old
// value from the next pass on.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	if !a.batch.Fits(len(ops)+1, engine.SizeOf(ops)+maxStateSize) {
		a.cut()
	}
	a.batch.Append(ops...)
	a.state.AppliedIndex, a.state.AppliedTerm = e.Index, e.Term
	a.peer.proposals.decide(e.Index, e.Term, err)
}
