//go:build mutant

// Whether an entry fits into a part is asked for its operations and the applied state,
// not for the record of the right half. With a write of the greatest size before the
// split, the part is too large for the engine.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	others := a.next.others
	a.next.others = nil
	if !a.batch.Fits(len(ops)+1, engine.SizeOf(ops)+maxStateSize) {
		a.cut()
	}
	for _, state := range others {
		put(&a.batch, cfMeta, stateKey(state.Region.Id), state)
	}
	a.batch.Append(ops...)
	a.grown += engine.SizeOf(ops)
	if a.next.region != nil {
		a.state.Region = a.next.region
	}
	a.state.AppliedIndex, a.state.AppliedTerm = e.Index, e.Term
	a.decided = append(a.decided, decision{index: e.Index, term: e.Term, err: err, effect: a.next.effect})
	a.next = change{}
}
