//go:build mutant

// A member does not answer the messages of a peer that is not a member any more.
// It never hears of its removal if it has missed the entry.
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
		p.destroy("a later peer is wanted here")
		return false
	case m.IsTombstone:
		if m.ToPeer.GetId() == p.id && (m.RegionEpoch.GetConfVer() > p.epoch().GetConfVer() || !p.isMember()) {
			p.destroy("a member says that it was removed")
		}
		return false
	}
	return !m.AsksToLeave && region.Peer(p.region(), m.FromPeer.GetId()) != nil || !p.isInitialized()
}
