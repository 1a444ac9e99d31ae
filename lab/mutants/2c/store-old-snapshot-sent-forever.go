//go:build mutant

// The last snapshot is sent again for as long as it is there, although the log
// begins after it by now: a follower that installs it needs entries that are
// gone.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	if s.maker.made != nil {
		return s.maker.made, nil
	}
	return s.Snapshot_original()
}
