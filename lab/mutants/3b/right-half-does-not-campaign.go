//go:build mutant

// The peer of the leader waits for an election timeout in the right half, like
// all others.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (s *Store) bear(state *raftserverpb.RegionState, size regionSize, leads bool) {
	s.bear_original(state, size, false)
}
