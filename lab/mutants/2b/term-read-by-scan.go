//go:build mutant

// Term looks for its entry by a scan of the log up to there. Raft asks for
// terms with every message.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (s *peerStorage) Term(i uint64) (uint64, error) {
	if i > s.state.TruncatedIndex && i <= s.state.LastIndex {
		it, err := s.engine.Iterate(cfRaft, logRange(s.regionID, s.state.TruncatedIndex+1, i+1))
		if err != nil {
			return 0, err
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			_ = it.Value()
		}
		if err := it.Close(); err != nil {
			return 0, err
		}
	}
	return s.Term_original(i)
}
