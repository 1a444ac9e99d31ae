//go:build mutant

// A leader proposes its own removal, and ends as soon as it has applied it.
// Those who have not heard of the commit may never do.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) administer(a *Admin) {
	if a.ChangePeer == nil || a.ChangePeer.Peer.GetId() != p.id || a.ChangePeer.Type != eraftpb.ConfChangeType_RemoveNode || p.leads(a.Context) != nil {
		p.administer_original(a)
		return
	}
	c := &raftserverpb.Command{Epoch: a.Context.RegionEpoch, ChangePeer: a.ChangePeer}
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
		a.Done(p.changed, err)
		if err == nil {
			p.destroy("it has applied its own removal")
		}
	}})
}
