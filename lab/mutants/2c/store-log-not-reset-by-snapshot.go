//go:build mutant

// A snapshot replaces the data, but the log stays where it was, as far as the
// peer knows.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (s *peerStorage) resetLog(index, term uint64) {}
