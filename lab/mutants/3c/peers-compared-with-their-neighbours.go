//go:build mutant

// Two peers with one id, or on one store, are found only where they are side by side in
// the list.
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
		return refuse("region %d has no keys", r.Id)
	case len(r.Peers) == 0:
		return refuse("region %d has no peers", r.Id)
	case r.Id > s.ids.last:
		return refuse("region id %d does not come from this scheduler", r.Id)
	}
	for i, p := range r.Peers {
		switch {
		case p.GetId() == 0:
			return refuse("region %d has a peer without an id", r.Id)
		case p.Id > s.ids.last:
			return refuse("region %d has a peer whose id %d does not come from this scheduler", r.Id, p.Id)
		case s.stores[p.StoreId] == nil:
			return refuse("peer %d of region %d is on store %d, which is not known", p.Id, r.Id, p.StoreId)
		case i > 0 && (r.Peers[i-1].Id == p.Id || r.Peers[i-1].StoreId == p.StoreId):
			return refuse("region %d has two peers with one id, or on one store", r.Id)
		}
	}
	return nil
}
