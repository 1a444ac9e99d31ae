//go:build mutant

// Entries are deleted, and where the log now begins is known in memory only.
// After a restart the log claims entries that are not there.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "google.golang.org/protobuf/proto"

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
}
