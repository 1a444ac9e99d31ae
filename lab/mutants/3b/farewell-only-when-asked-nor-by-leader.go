//go:build mutant

// The only farewell is the answer to a peer that asks to leave: neither does the leader
// that has removed it say goodbye, nor is a peer told that disturbs a member because it
// does not know of its removal.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
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

func (p *peer) membersChanged(before, after *metapb.Region) {
	p.senders = nil
	p.report.due = true
	p.store.directory.moved(before, after)
	for _, member := range before.Peers {
		if region.Peer(after, member.Id) == nil {
			delete(p.heard, member.Id)
		}
	}
}
