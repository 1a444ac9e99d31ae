//go:build mutant

// The log begins later in memory, although the disk was full when that was
// written. What the store tells of its log differs from what it has.
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
	s.state = proto.CloneOf(s.state)
	s.state.TruncatedIndex, s.state.TruncatedTerm = index, term
	w := writer{store: p.store, engine: s.engine}
	var part engine.Batch
	put(&part, cfRaft, stateKey(s.regionID), s.state)
	w.add(&part, false)
	w.flush()
}
