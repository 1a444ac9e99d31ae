//go:build mutant

// Only a region that is new is compared with those that it overlaps. One that is known
// already is believed if its own epoch is not smaller, also where another one with a
// greater version has the keys.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (t *regions) check(r *regionInfo) (replaced []*regionInfo, err error) {
	old := t.byID[r.meta.Id]
	if old == nil {
		return t.check_original(r)
	}
	epoch, known := r.meta.RegionEpoch, old.meta.RegionEpoch
	switch {
	case epoch.Version < known.Version || epoch.ConfVer < known.ConfVer:
		return nil, refuse("region %d: the heartbeat is stale", r.meta.Id)
	case sameEpoch(epoch, known) && !sameRegion(r.meta, old.meta):
		return nil, refuse("region %d has two descriptions of one epoch", r.meta.Id)
	case sameEpoch(epoch, known) && r.term > 0 && r.term < old.term:
		return nil, refuse("region %d: the leader is stale", r.meta.Id)
	}
	for _, other := range t.byKey.Overlapping(region.Range(r.meta)) {
		if other.Id != r.meta.Id {
			replaced = append(replaced, t.byID[other.Id])
		}
	}
	return replaced, nil
}
