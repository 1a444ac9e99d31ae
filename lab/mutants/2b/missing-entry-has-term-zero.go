//go:build mutant

// The term of an entry that is missing on the disk is zero, and that is no
// error. If the last entry is missing, every log is at least as good as this
// one: the store votes for candidates that lack what it has acknowledged.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (s *peerStorage) Term(i uint64) (uint64, error) {
	if i > s.state.TruncatedIndex && i <= s.state.LastIndex {
		e, err := LoadEntry(s.engine, s.regionID, i)
		return e.GetTerm(), err
	}
	return s.Term_original(i)
}
