//go:build mutant

// The index at which the log begins does not count as held: after a restart
// whose applied index is just there, the log is thrown away.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (s *peerStorage) holds(index, term uint64) (bool, error) {
	if index < s.state.TruncatedIndex {
		return true, nil
	}
	if index > s.state.LastIndex {
		return false, nil
	}
	e, err := LoadEntry(s.engine, s.regionID, index)
	return e.GetTerm() == term, err
}
