//go:build mutant

// A leader that obeys an order that is based on other members.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (p *peer) obey(o *schedulerpb.RegionHeartbeatResponse) {
	present := p.region().RegionEpoch
	if o.TargetPeer.GetId() != p.id || o.RegionEpoch.GetVersion() != present.GetVersion() {
		return // the region has changed since, and the scheduler will hear of it
	}
	a := p.ownRequest()
	switch {
	case o.ChangePeer != nil:
		a.ChangePeer = &raftserverpb.ChangePeer{Type: o.ChangePeer.ChangeType, Peer: o.ChangePeer.Peer}
	case o.TransferLeader.GetPeer() != nil:
		a.TransferLeader = o.TransferLeader.Peer
	case o.SplitRegion != nil:
		p.askSplit(o.SplitRegion.Key)
		return
	default:
		return
	}
	p.administer(a)
}
