//go:build mutant

// A change of the members whose answer is the region as it was.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) changeMembers(e *eraftpb.Entry) error {
	p := a.peer
	cc, c := &eraftpb.ConfChange{}, &raftserverpb.Command{}
	a.decode(e, e.Data, cc)
	a.decode(e, cc.Context, c)
	regions, err := a.evolve(c)
	if err != nil {
		// Raft waits to hear what became of the change, before it takes another one.
		a.next.effect = func() { p.node.ApplyConfChange(&eraftpb.ConfChange{}) }
		return err
	}
	before, after := a.state.Region, regions[0]
	a.next = change{region: after, effect: func() {
		p.node.ApplyConfChange(cc)
		p.changed = []*metapb.Region{before}
		p.membersChanged(before, after)
	}}
	return nil
}
