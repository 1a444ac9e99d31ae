//go:build mutant

// Entries notices that an entry is too much only after it has taken it. Raft
// asked for at most maxSize bytes, and gets up to a whole entry more.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	entries, err := s.Entries_original(lo, hi, maxSize)
	if next := lo + uint64(len(entries)); err == nil && next < hi {
		more, err := s.Entries_original(next, next+1, maxSize)
		return append(entries, more...), err
	}
	return entries, err
}
