//go:build mutant

// Entries are deleted, and where the log now begins is known in memory only. After a
// restart the log claims entries that are not there.
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
	for i := s.state.TruncatedIndex + 1; i <= index; i++ {
		b.Delete(cfRaft, logKey(s.regionID, i))
	}
	if p.store.write(s.engine, &b, false) {
		s.state = proto.CloneOf(s.state)
		s.state.TruncatedIndex, s.state.TruncatedTerm = index, term
	}
}
