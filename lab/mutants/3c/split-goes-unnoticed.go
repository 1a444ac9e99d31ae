//go:build mutant

// An operator looks at the members of its region only: a split does not change them.
// But the sizes, the reasons, and the order's epoch are of the region before.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *operator) advance(r *regionInfo) (schedulerpb.OperatorStatus, string) {
	if r.meta.RegionEpoch.ConfVer == o.expected.RegionEpoch.ConfVer {
		o.expected = r.meta
	}
	return o.advance_original(r)
}
