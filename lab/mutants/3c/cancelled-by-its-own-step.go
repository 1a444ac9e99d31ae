//go:build mutant

// Each change of the epoch cancels the operator, its own as well.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"fmt"

	"github.com/labkv/labkv/proto/schedulerpb"
)

func (o *operator) advance(r *regionInfo) (schedulerpb.OperatorStatus, string) {
	if !sameEpoch(r.meta.RegionEpoch, o.expected.RegionEpoch) {
		if len(o.steps) > 0 {
			return schedulerpb.OperatorStatus_CANCEL, fmt.Sprintf("the region has changed to version %d, conf_ver %d, which was not to be expected",
				r.meta.RegionEpoch.Version, r.meta.RegionEpoch.ConfVer)
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
