//go:build mutant

// LastIndex counts the entries on the disk. Raft, and tests, ask for it all the
// time.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (s *peerStorage) LastIndex() (uint64, error) {
	it, err := s.engine.Iterate(cfRaft, logRange(s.regionID, s.state.TruncatedIndex+1, s.state.LastIndex+1))
	if err != nil {
		return 0, err
	}
	last := s.state.TruncatedIndex
	for it.Seek(nil); it.Valid(); it.Next() {
		last++
	}
	return last, it.Close()
}
