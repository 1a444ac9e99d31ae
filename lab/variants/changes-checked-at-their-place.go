//go:build variant

// Splits and changes of the members are not checked when they are proposed: what does not
// fit is refused at its place in the log, which is the check that decides.
//
//lab:variant kv/raftstore 3B
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) administer(a *Admin) {
	change := a.ChangePeer
	if a.TransferLeader != nil || a.check() != nil || p.leads(a.Context) != nil ||
		change != nil && change.Type == eraftpb.ConfChangeType_RemoveNode && change.Peer.GetId() == p.id {
		p.administer_original(a)
		return
	}
	index, term, err := p.proposeCommand(&raftserverpb.Command{Epoch: a.Context.RegionEpoch, Split: a.Split, ChangePeer: change})
	if err != nil {
		a.Done(nil, p.refusal(err))
		return
	}
	p.proposals.add(proposal{index: index, term: term, done: func(err error) {
		var regions []*metapb.Region
		if err == nil {
			regions = p.changed
		}
		a.Done(regions, err)
	}})
}
