//go:build mutant

// First it is looked whether the step is finished, and only if it is not whether the
// region has changed otherwise. An addition that comes together with a split is a
// success, and the next order is made for a region that nobody has decided about.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *operator) advance(r *regionInfo) (schedulerpb.OperatorStatus, string) {
	at := o.at
	for o.at < len(o.steps) && o.steps[o.at].finished(r) {
		o.at++
	}
	if o.at == len(o.steps) {
		return schedulerpb.OperatorStatus_SUCCESS, ""
	}
	if o.at == at && !sameEpoch(r.meta.RegionEpoch, o.expected.RegionEpoch) && !o.steps[o.at].explains(o.expected, r.meta) {
		return schedulerpb.OperatorStatus_CANCEL, "the region has changed"
	}
	o.expected = r.meta
	return schedulerpb.OperatorStatus_RUNNING, ""
}
