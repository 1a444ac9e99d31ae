//go:build mutant

// A restarted peer tells a crash between the new data and the new log by the
// log being too short for the data. But the log that a snapshot replaced may
// have been longer: then the old entries count as those after the snapshot.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (s *peerStorage) holds(index, term uint64) (bool, error) { return index <= s.state.LastIndex, nil }
