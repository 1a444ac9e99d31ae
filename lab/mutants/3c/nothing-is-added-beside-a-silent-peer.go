//go:build mutant

// As long as one member is unreachable, none is added, although those that are left
// would be a quorum of the larger group. A region of five with four peers, one of them
// silent, stays as it is for half an hour.
//
//lab:mutant 3C scheduler
package scheduler

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	o := c.checkReplicas_original(r)
	if o != nil && len(o.steps) == 1 && len(c.unreachable(r.meta)) > 0 {
		if _, ok := o.steps[0].(*addPeer); ok {
			return nil
		}
	}
	return o
}
