//go:build mutant

// The epoch is read as if each region had one. A heartbeat without an epoch ends the
// scheduler, instead of being refused.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) wellFormed(r *metapb.Region) error {
	if r.GetId() != 0 && (r.RegionEpoch.Version == 0 || r.RegionEpoch.ConfVer == 0) {
		return refuse("region %d has the epoch 0", r.Id)
	}
	return s.wellFormed_original(r)
}
