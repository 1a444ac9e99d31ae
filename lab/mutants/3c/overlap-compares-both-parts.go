//go:build mutant

// Regions that overlap are compared by both parts of the epoch, as is right for one
// region. But conf_ver says nothing about keys: a half whose members have changed often
// is no newer than the other one.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (t *regions) check(r *regionInfo) (replaced []*regionInfo, err error) {
	epoch := r.meta.RegionEpoch
	if old := t.byID[r.meta.Id]; old != nil {
		known := old.meta.RegionEpoch
		switch {
		case epoch.Version < known.Version || epoch.ConfVer < known.ConfVer:
			return nil, refuse("region %d is known at version %d, conf_ver %d: a heartbeat of version %d, conf_ver %d is stale",
				r.meta.Id, known.Version, known.ConfVer, epoch.Version, epoch.ConfVer)
		case sameEpoch(epoch, known) && !sameRegion(r.meta, old.meta):
			return nil, refuse("region %d has two descriptions of version %d, conf_ver %d", r.meta.Id, epoch.Version, epoch.ConfVer)
		case sameEpoch(epoch, known) && r.term > 0 && r.term < old.term:
			return nil, refuse("region %d has a leader of term %d: a heartbeat of term %d is stale", r.meta.Id, old.term, r.term)
		}
	}
	for _, other := range t.byKey.Overlapping(region.Range(r.meta)) {
		switch {
		case other.Id == r.meta.Id:
		case other.RegionEpoch.Version > epoch.Version || other.RegionEpoch.ConfVer > epoch.ConfVer:
			return nil, refuse("region %d of version %d overlaps region %d of version %d: the heartbeat is stale",
				r.meta.Id, epoch.Version, other.Id, other.RegionEpoch.Version)
		default:
			replaced = append(replaced, t.byID[other.Id])
		}
	}
	return replaced, nil
}
