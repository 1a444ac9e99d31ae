//go:build mutant

// Each time Raft asks for a snapshot another one is begun, although one is
// being made already.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	s.maker.making = false
	return s.Snapshot_original()
}
