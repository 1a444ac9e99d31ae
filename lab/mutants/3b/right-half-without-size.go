//go:build mutant

// The right half of a split begins with no size, and is not measured.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (s *Store) bear(state *raftserverpb.RegionState, _ regionSize, leads bool) {
	s.bear_original(state, regionSize{measured: true}, leads)
}
