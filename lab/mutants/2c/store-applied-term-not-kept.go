//go:build mutant

// The applied index is saved without the term of that entry. Snapshots are made
// of that record: they name a wrong term.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	a.add_original(e, ops, err)
	a.state.AppliedTerm = a.peer.storage.applied.AppliedTerm
}
