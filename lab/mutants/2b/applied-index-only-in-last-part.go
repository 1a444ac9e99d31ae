//go:build mutant

// A Ready that does not fit into one batch is applied in several, and the last
// of them has the applied index. After a crash before that one, the data are
// newer than the index says.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	if !a.batch.Fits(len(ops)+1, engine.SizeOf(ops)+maxStateSize) {
		a.parts = append(a.parts, a.batch)
		a.batch = engine.Batch{}
	}
	a.add_original(e, ops, err)
}
