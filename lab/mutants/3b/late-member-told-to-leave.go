//go:build mutant

// A member that takes every sender that knows earlier members for one that was removed.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) meet(m *raftserverpb.RaftMessage) bool {
	// The epoch of a peer that asks to leave has its removal already.
	var asks uint64
	if m.AsksToLeave {
		asks = 1
	}
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
	case p.isInitialized() &&
		m.RegionEpoch.GetConfVer() < p.region().RegionEpoch.ConfVer+asks:
		p.farewell(m.FromPeer)
		return false
	}
	return !m.AsksToLeave
}
