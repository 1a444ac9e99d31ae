//go:build mutant

// Entries returns all entries of the range, whatever Raft said about their
// size. After an absence of a follower, or at a restart, that is the whole log
// at once: in one message, and in memory.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	return s.Entries_original(lo, hi, raft.NoLimit)
}
