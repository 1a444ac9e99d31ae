//go:build mutant

// Only the store with the most leaders is asked to give one away. If none of its
// regions can be transferred, the others keep theirs, too.
//
//lab:mutant 3C scheduler
package scheduler

func (c *cluster) balanceLeaders() *operator {
	o := c.balanceLeaders_original()
	if o == nil {
		return nil
	}
	loads := c.loads()
	source := c.regions.byID[o.expected.Id].leader.StoreId
	for _, l := range loads {
		if l.leaders > loads[source].leaders {
			return nil
		}
	}
	return o
}
