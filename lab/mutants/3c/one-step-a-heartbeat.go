//go:build mutant

// A heartbeat that shows two steps moves the operator on by one.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"fmt"

	"github.com/labkv/labkv/proto/schedulerpb"
)

func (o *operator) advance(r *regionInfo) (schedulerpb.OperatorStatus, string) {
	if !sameEpoch(r.meta.RegionEpoch, o.expected.RegionEpoch) {
		if !o.steps[o.at].explains(o.expected, r.meta) {
			return schedulerpb.OperatorStatus_CANCEL, fmt.Sprintf("the region has changed to version %d, conf_ver %d, which was not to be expected",
				r.meta.RegionEpoch.Version, r.meta.RegionEpoch.ConfVer)
		}
		o.expected = r.meta
	}
	if o.steps[o.at].finished(r) {
		o.at++
	}
	if o.at == len(o.steps) {
		return schedulerpb.OperatorStatus_SUCCESS, ""
	}
	return schedulerpb.OperatorStatus_RUNNING, ""
}
