//go:build mutant

// A leader that does not split when it is told to.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (p *peer) obey(o *schedulerpb.RegionHeartbeatResponse) {
	present := p.region().RegionEpoch
	if o.TargetPeer.GetId() != p.id || o.RegionEpoch.GetConfVer() != present.GetConfVer() || o.RegionEpoch.GetVersion() != present.GetVersion() {
		return // the region has changed since, and the scheduler will hear of it
	}
	a := p.ownRequest()
	switch {
	case o.ChangePeer != nil:
		a.ChangePeer = &raftserverpb.ChangePeer{Type: o.ChangePeer.ChangeType, Peer: o.ChangePeer.Peer}
	case o.TransferLeader.GetPeer() != nil:
		a.TransferLeader = o.TransferLeader.Peer
	default:
		return
	}
	p.administer(a)
}
