//go:build mutant

// Term knows the entries that are in the log, and not the one before them. So
// the first entry that is left cannot be sent, and each follower that needs it
// gets a snapshot.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (s *peerStorage) Term(i uint64) (uint64, error) {
	if i != 0 && i <= s.state.TruncatedIndex {
		return 0, raft.ErrCompacted
	}
	return s.Term_original(i)
}
