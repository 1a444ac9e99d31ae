//go:build mutant

// Of too many peers, the one on the fullest store goes, also when another one is
// pending or silent.
//
//lab:mutant 3C scheduler
package scheduler

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	o := c.checkReplicas_original(r)
	if o == nil || len(r.meta.Peers) <= c.maxPeers {
		return o
	}
	loads := c.loads()
	worst := r.meta.Peers[0]
	for _, p := range r.meta.Peers {
		if c.dead(c.stores[p.StoreId]) {
			return o
		}
		if less(-loads[p.StoreId].weight, -loads[worst.StoreId].weight, p.StoreId, worst.StoreId) {
			worst = p
		}
	}
	return newOperator(opReplica, r, "too many peers", &removePeer{worst})
}
