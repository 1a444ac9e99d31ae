//go:build mutant

// The applied term is taken over only from an entry that changes something, the
// applied index from every entry.
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
	a.state.AppliedIndex = e.Index
	if len(ops) > 0 {
		a.state.AppliedTerm = e.Term
	}
	a.decided = append(a.decided, decision{e.Index, e.Term, err})
}
