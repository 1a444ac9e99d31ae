//go:build mutant

// The applier looks whether an entry's operations fit into the part, but not
// whether the applied index still fits after them. The largest command that is
// accepted stops every store.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	if !a.batch.Fits(len(ops), engine.SizeOf(ops)) {
		a.cut()
	}
	a.batch.Append(ops...)
	a.state.AppliedIndex, a.state.AppliedTerm = e.Index, e.Term
	a.decided = append(a.decided, decision{index: e.Index, term: e.Term, err: err})
}
