//go:build mutant

// A leader that is asked to remove itself hands over, and forgets to answer.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) administer(a *Admin) {
	err := p.leads(a.Context)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		a.Done(nil, err)
		return
	}
	if a.TransferLeader != nil {
		a.Done(p.transferLeader(a))
		return
	}
	c := &raftserverpb.Command{Epoch: a.Context.RegionEpoch, Split: a.Split, ChangePeer: a.ChangePeer}
	if _, err := evolve(p.region(), c); err != nil {
		a.Done(nil, err)
		return
	}
	if c.ChangePeer != nil && c.ChangePeer.Type == eraftpb.ConfChangeType_RemoveNode && c.ChangePeer.Peer.Id == p.id {
		// Without its leader the group would stand still for an election, and those
		// who miss the last message of the leader for longer.
		p.handOver()
		return
	}
	index, term, err := p.proposeCommand(c)
	if err != nil {
		a.Done(nil, p.refusal(err))
		return
	}
	p.proposals.add(proposal{index: index, term: term, done: func(err error) {
		if err != nil {
			a.Done(nil, err)
			return
		}
		a.Done(p.changed, nil)
	}})
}
