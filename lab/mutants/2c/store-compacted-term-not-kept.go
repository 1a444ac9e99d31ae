//go:build mutant

// Compaction does not keep the term of the last entry that it drops. The append
// for the first entry that is left names a wrong term, and every follower
// rejects it.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
)

func (p *peer) dropLog(index uint64) {
	s := p.storage
	if index <= s.state.TruncatedIndex {
		return
	}
	state := proto.CloneOf(s.state)
	state.TruncatedIndex = index
	w := writer{store: p.store, engine: s.engine}
	var part engine.Batch
	put(&part, cfRaft, stateKey(s.regionID), state)
	w.add(&part, false)
	if w.flush() {
		s.state = state
	}
}
