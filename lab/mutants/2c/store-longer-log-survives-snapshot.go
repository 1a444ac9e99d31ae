//go:build mutant

// A log that was longer than the snapshot keeps its end, although the entries
// there conflict with the snapshot.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (s *peerStorage) resetLog(index, term uint64) {
	last := s.state.LastIndex
	s.resetLog_original(index, term)
	s.state.LastIndex = max(index, last)
}
