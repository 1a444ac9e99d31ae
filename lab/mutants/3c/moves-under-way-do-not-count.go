//go:build mutant

// A balancer sees the stores as they are, and sends all to the same one until the
// first snapshot has arrived.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (c *cluster) loads() map[uint64]*load {
	loads := map[uint64]*load{}
	for id := range c.stores {
		h := c.regions.on(id)
		loads[id] = &load{weight: h.weight, peers: h.peers.Len(), leaders: h.leaders}
	}
	for id, o := range map[uint64]*operator{} {
		r := c.regions.byID[id]
		lead := r.leader
		for _, s := range o.steps[o.at:] {
			switch s := s.(type) {
			case *addPeer:
				if region.Peer(r.meta, s.peer.Id) == nil {
					loads[s.peer.StoreId].weight += r.weight()
					loads[s.peer.StoreId].peers++
				}
			case *removePeer:
				if region.Peer(r.meta, s.peer.Id) != nil {
					loads[s.peer.StoreId].weight -= r.weight()
					loads[s.peer.StoreId].peers--
				}
			case *transferLeader:
				loads[lead.StoreId].leaders--
				loads[s.peer.StoreId].leaders++
				lead = s.peer
			}
		}
	}
	return loads
}
