//go:build mutant

// The term before the first entry that is left is the applied one, although the
// log is dropped only up to what a follower has.
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
		return // a snapshot has replaced the log meanwhile
	}
	state := proto.CloneOf(s.state)
	state.TruncatedIndex, state.TruncatedTerm = index, s.applied.AppliedTerm
	w := writer{store: p.store, engine: s.engine}
	var part engine.Batch
	put(&part, cfRaft, stateKey(s.regionID), state)
	w.add(&part, false)
	if !w.flush() {
		return
	}
	s.state = state
}
