//go:build mutant

// A split after which the directory still has the whole region: the range of the right half is
// not its own.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) split(c *raftserverpb.Command) error {
	regions, err := a.evolve(c)
	if err != nil {
		return err
	}
	p, left, right := a.peer, regions[0], regions[1]
	state := firstState(right, region.PeerOn(right, p.store.cfg.StoreID))
	born := p.store.directory.expect(right.Id, state.PeerId)
	p.expects = append(p.expects, right.Id)
	if state.Tombstone = !born; !born {
		state.PeerId = p.store.directory.lastBuried(right.Id, state.PeerId)
	}
	a.next = change{region: left, others: []*raftserverpb.RegionState{state}, effect: func() {
		p.changed = regions
		p.expects = nil
		p.size.split()
		p.report.due = true
		if born {
			p.births = append(p.births, birth{state, p.size, p.led})
		} else {
			p.orphans = append(p.orphans, right)
		}
		p.goOn()
	}}
	return nil
}
