//go:build variant

// A dead peer is removed by one operator, and the next heartbeat shows that there are
// too few: then another operator adds one. The contract of checkReplicas has the dead
// one go first, and one operator do one thing at a time.
//
//lab:variant scheduler 3C
package scheduler

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	o := c.checkReplicas_original(r)
	if o != nil && len(o.steps) == 2 {
		if gone, ok := o.steps[0].(*removePeer); ok {
			return newOperator(opReplica, r, o.desc, gone)
		}
	}
	return o
}
