//go:build mutant

// After a crash between the new data and the new log, the peer starts with the
// data of the snapshot and the log of before: it is applied beyond the end of
// its log.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (s *peerStorage) holds(index, term uint64) (bool, error) { return true, nil }
