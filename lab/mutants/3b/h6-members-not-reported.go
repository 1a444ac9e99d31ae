//go:build mutant

// A change of the members that the scheduler hears of some time, with the next regular
// heartbeat.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) membersChanged(before, after *metapb.Region) {
	p.senders = nil
	p.store.directory.moved(before, after)
	for _, member := range before.Peers {
		if region.Peer(after, member.Id) != nil {
			continue
		}
		delete(p.heard, member.Id)
		p.logger.Info("a member was removed", "member", member.Id, "store", member.StoreId)
		if member.Id != p.id && p.led {
			p.farewell(member)
		}
	}
}
