//go:build mutant

// A peer that takes every sender that is no member, as it knows the members, for one that
// was removed: it does not compare the conf_ver. So a replica that has not applied an addition
// drops the messages of the peer that was added. If that one leads, the replica learns
// nothing again; if it needs the replica's vote, the group stands still.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) meet(m *raftserverpb.RaftMessage) bool {
	switch {
	case m.ToPeer.GetId() > p.id:
		// p was removed, and its successor is wanted here. The sender will repeat it.
		p.destroy("a later peer is wanted here")
		return false
	case m.IsTombstone:
		if m.ToPeer.GetId() == p.id && (m.RegionEpoch.GetConfVer() > p.epoch().GetConfVer() || !p.isMember()) {
			p.destroy("a member says that it was removed")
		}
		return false
	case p.isInitialized() && region.Peer(p.region(), m.FromPeer.GetId()) == nil:
		p.farewell(m.FromPeer)
		return false
	}
	return !m.AsksToLeave
}
