//go:build mutant

// Entries returns as many entries as there are, whatever range Raft asked for.
// Raft applies what it asked for: entries that are not committed are among
// them.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	return s.Entries_original(lo, max(hi, s.state.LastIndex+1), maxSize)
}
