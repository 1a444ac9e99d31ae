//go:build mutant

// Collecting moves the beginning of the log, and deletes nothing: the disk fills.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"

	"google.golang.org/protobuf/proto"
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
	var b engine.Batch
	state := proto.CloneOf(s.state)
	state.TruncatedIndex, state.TruncatedTerm = index, term
	put(&b, cfRaft, stateKey(s.regionID), state)
	if p.store.write(s.engine, &b, false) {
		s.state = state
	}
}
