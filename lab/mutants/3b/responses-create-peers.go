//go:build mutant

// Any message for a region that is not here creates a peer, also an answer to a
// peer that is gone.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (l *lobby) createsPeer(m *raftserverpb.RaftMessage) bool {
	return m.RegionEpoch != nil && m.ToPeer.GetId() != 0
}
