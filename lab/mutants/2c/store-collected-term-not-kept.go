//go:build mutant

// Collecting does not keep the term of the last entry that went. The append for the
// first one that is left names a wrong term, and no follower takes it.
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
	var b engine.Batch
	for i := s.state.TruncatedIndex + 1; i <= index; i++ {
		b.Delete(cfRaft, logKey(s.regionID, i))
	}
	state := proto.CloneOf(s.state)
	state.TruncatedIndex = index
	put(&b, cfRaft, stateKey(s.regionID), state)
	if p.store.write(s.engine, &b, false) {
		s.state = state
	}
}
