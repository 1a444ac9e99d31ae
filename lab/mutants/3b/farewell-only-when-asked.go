//go:build mutant

// A member says farewell to a removed peer only if that asks to leave. A peer that does
// not know that it was removed never asks a member: it campaigns, and is not answered.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) meet(m *raftserverpb.RaftMessage) bool {
	if !m.AsksToLeave && !m.IsTombstone && m.ToPeer.GetId() <= p.id {
		if p.isInitialized() && region.Peer(p.region(), m.FromPeer.GetId()) == nil && m.RegionEpoch.GetConfVer() < p.region().RegionEpoch.ConfVer {
			return false
		}
		return true
	}
	return p.meet_original(m)
}
