//go:build mutant

// Any entry at the applied index counts as the applied one, whatever its term.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (s *peerStorage) holds(index, term uint64) (bool, error) {
	if index <= s.state.TruncatedIndex {
		return true, nil
	}
	if index > s.state.LastIndex {
		return false, nil
	}
	e, err := LoadEntry(s.engine, s.regionID, index)
	return e != nil, err
}
