//go:build mutant

// The description of the region is written before it is compared with what is known. A
// stale one is refused, but it is on the disk by then: a scheduler that restarts
// believes it.
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
	old := s.regions.byID[r.meta.Id]
	if old == nil || !sameEpoch(old.meta.RegionEpoch, r.meta.RegionEpoch) {
		if err := s.record(r.meta, nil); err != nil {
			return nil, errors.Annotate(err, "scheduler: cannot write")
		}
	}
	replaced, err := s.regions.check(r)
	if err != nil {
		return nil, err
	}
	if len(replaced) > 0 {
		if err := s.record(r.meta, replaced); err != nil {
			return nil, errors.Annotate(err, "scheduler: cannot write")
		}
	}
	s.regions.put(r)
	for _, old := range replaced {
		if o := s.operators.running[old.meta.Id]; o != nil {
			s.end(o, schedulerpb.OperatorStatus_CANCEL, "the region is gone")
		}
	}
	return r, nil
}
