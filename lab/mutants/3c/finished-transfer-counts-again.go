//go:build mutant

// The loads count a transfer from the store of the peer that is to go to the heir's
// store, as long as the operator is under way: also when a heartbeat has shown that the
// leadership has moved.
//
//lab:mutant 3C scheduler
package scheduler

func (c *cluster) loads() map[uint64]*load {
	loads := c.loads_original()
	for id, o := range c.operators.running {
		for i, s := range o.steps[:o.at] {
			if s, ok := s.(*transferLeader); ok {
				if gone, ok := o.steps[i+1].(*removePeer); ok && c.regions.byID[id].leader.Id == s.peer.Id {
					loads[gone.peer.StoreId].leaders--
					loads[s.peer.StoreId].leaders++
				}
			}
		}
	}
	return loads
}
