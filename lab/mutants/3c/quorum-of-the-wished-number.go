//go:build mutant

// Whether enough members work is asked of the number of peers that a region should
// have, not of those that it has. A region of one never gets its second peer.
//
//lab:mutant 3C scheduler
package scheduler

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	if len(r.meta.Peers)-len(c.unreachable(r.meta)) < quorum(c.maxPeers) {
		return nil
	}
	return c.checkReplicas_original(r)
}
