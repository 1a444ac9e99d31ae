//go:build mutant

// The entries that leave the log are deleted first, and the new beginning of
// the log is recorded after that. Many entries take several batches, and after
// a crash between two of them the log claims entries that are not there.
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
	term, err := s.Term(index)
	if err != nil {
		return
	}
	state := proto.CloneOf(s.state)
	state.TruncatedIndex, state.TruncatedTerm = index, term
	w := writer{store: p.store, engine: s.engine}
	w.deleteEntries(s.regionID, s.state.TruncatedIndex+1, index+1)
	var part engine.Batch
	put(&part, cfRaft, stateKey(s.regionID), state)
	w.add(&part, false)
	if w.flush() {
		s.state, p.compaction.deleted = state, index
	}
}
