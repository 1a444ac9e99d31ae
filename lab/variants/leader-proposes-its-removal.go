//go:build variant

// A leader that is asked to remove itself proposes that like any other removal, and leads
// until it has applied it. After that it votes like every peer that was removed, until a
// member lets it go. The guide leaves this free: nobody needs a hand-over that the next
// election makes up for.
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
	if change == nil || change.Type != eraftpb.ConfChangeType_RemoveNode || change.Peer.GetId() != p.id || a.check() != nil || p.leads(a.Context) != nil {
		p.administer_original(a)
		return
	}
	c := &raftserverpb.Command{Epoch: a.Context.RegionEpoch, ChangePeer: change}
	if _, err := evolve(p.region(), c); err != nil {
		a.Done(nil, err)
		return
	}
	index, term, err := p.proposeCommand(c)
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
