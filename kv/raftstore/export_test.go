package raftstore

import "github.com/labkv/labkv/raft"

// StorageOf returns what the Raft node of a region's peer reads. It must not be
// used during a pass.
func (s *Store) StorageOf(regionID uint64) raft.Storage { return s.directory.peer(regionID).storage }
