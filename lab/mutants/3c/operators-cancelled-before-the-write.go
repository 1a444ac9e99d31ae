//go:build mutant

// The operators of regions that are replaced are cancelled first, and then the write
// may fail: the regions are still there, and their operators are not.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *Scheduler) learn(req *schedulerpb.RegionHeartbeatRequest) (*regionInfo, error) {
	if err := s.admit(req.GetHeader(), bootstrapped); err != nil {
		return nil, err
	}
	r, err := s.report(req)
	if err != nil {
		return nil, err
	}
	replaced, err := s.regions.check(r)
	if err != nil {
		return nil, err
	}
	for _, old := range replaced {
		if o := s.operators.running[old.meta.Id]; o != nil {
			s.end(o, schedulerpb.OperatorStatus_CANCEL, "the region is gone")
		}
	}
	old := s.regions.byID[r.meta.Id]
	if old == nil || len(replaced) > 0 || !sameEpoch(old.meta.RegionEpoch, r.meta.RegionEpoch) {
		if err := s.record(r.meta, replaced); err != nil {
			return nil, errors.Annotate(err, "scheduler: cannot write")
		}
	}
	s.regions.put(r)
	return r, nil
}
