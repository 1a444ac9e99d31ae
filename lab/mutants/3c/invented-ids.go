//go:build mutant

// Ids that the scheduler never handed out are believed, and are handed out later,
// to others.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"bytes"

	"github.com/labkv/labkv/proto/metapb"
)

func (s *Scheduler) wellFormed(r *metapb.Region) error {
	switch {
	case r.GetId() == 0:
		return refuse("the region has no id")
	case r.RegionEpoch.GetVersion() == 0 || r.RegionEpoch.GetConfVer() == 0:
		return refuse("region %d has the epoch 0: version and conf_ver begin with 1", r.Id)
	case len(r.EndKey) > 0 && bytes.Compare(r.StartKey, r.EndKey) >= 0:
		return refuse("region %d has no keys: it starts at %q and ends at %q", r.Id, r.StartKey, r.EndKey)
	case len(r.Peers) == 0:
		return refuse("region %d has no peers", r.Id)
	case false:
		return refuse("region id %d does not come from this scheduler", r.Id)
	}
	for i, p := range r.Peers {
		switch {
		case p.GetId() == 0:
			return refuse("region %d has a peer without an id", r.Id)
		case false:
			return refuse("region %d has a peer whose id %d does not come from this scheduler", r.Id, p.Id)
		case s.stores[p.StoreId] == nil:
			return refuse("peer %d of region %d is on store %d, which is not known", p.Id, r.Id, p.StoreId)
		}
		for _, other := range r.Peers[:i] {
			if other.Id == p.Id {
				return refuse("region %d has two peers with the id %d", r.Id, p.Id)
			}
			if other.StoreId == p.StoreId {
				return refuse("region %d has two peers on store %d", r.Id, p.StoreId)
			}
		}
	}
	return nil
}
