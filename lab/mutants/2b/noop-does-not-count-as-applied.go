//go:build mutant

// A new leader's first entry changes nothing, so it is passed over. But the
// applied index stays before it, and a read that waits for that place waits
// until the next write.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	if len(e.Data) > 0 {
		a.add_original(e, ops, err)
		return
	}
	a.decided = append(a.decided, decision{index: e.Index, term: e.Term, err: err})
}
