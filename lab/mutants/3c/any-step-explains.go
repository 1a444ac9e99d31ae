//go:build mutant

// A change of the region is explained by any step of its operator that is left, not
// only by the one under way.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *operator) advance(r *regionInfo) (schedulerpb.OperatorStatus, string) {
	if !sameEpoch(r.meta.RegionEpoch, o.expected.RegionEpoch) {
		explained := false
		for _, step := range o.steps[o.at:] {
			explained = explained || step.explains(o.expected, r.meta)
		}
		if !explained {
			return schedulerpb.OperatorStatus_CANCEL, "the region has changed"
		}
		o.expected = r.meta
	}
	for o.at < len(o.steps) && o.steps[o.at].finished(r) {
		o.at++
	}
	if o.at == len(o.steps) {
		return schedulerpb.OperatorStatus_SUCCESS, ""
	}
	return schedulerpb.OperatorStatus_RUNNING, ""
}
