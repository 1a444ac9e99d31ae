//go:build mutant

// The term of the applied entry is recorded only with entries that change
// something. After a restart the log seems not to have the entry that was
// applied last: it is taken for one that a snapshot has replaced.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	term := a.state.AppliedTerm
	a.add_original(e, ops, err)
	if len(ops) == 0 && term != 0 {
		a.state.AppliedTerm = term
	}
}
