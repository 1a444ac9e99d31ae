//go:build mutant

// All committed entries of a Ready are applied in one batch. Together they may
// have more operations than an engine accepts, and the store stops.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	a.batch.Append(ops...)
	a.state.AppliedIndex, a.state.AppliedTerm = e.Index, e.Term
	a.decided = append(a.decided, decision{index: e.Index, term: e.Term, err: err})
}
