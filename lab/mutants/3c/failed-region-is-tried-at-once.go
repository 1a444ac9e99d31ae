//go:build mutant

// A region on which an operator has just failed is tried again with the next tick: the
// balancer asks only whether all members are well.
//
//lab:mutant 3C scheduler
package scheduler

import "time"

func (c *cluster) balanceRegions() *operator {
	quiet := map[uint64]time.Duration{}
	for id, r := range c.regions.byID {
		quiet[id] = r.quiet
		r.quiet = 0
	}
	o := c.balanceRegions_original()
	for id, r := range c.regions.byID {
		r.quiet = quiet[id]
	}
	return o
}
