//go:build mutant

// A region that is known from the disk, with no leader yet, is compared as strictly as
// one that has sent a heartbeat: what has the same epoch is not news. After a restart,
// leaders are not known until each region changes.
//
//lab:mutant 3C scheduler
package scheduler

func (t *regions) check(r *regionInfo) (replaced []*regionInfo, err error) {
	if old := t.byID[r.meta.Id]; old != nil && old.leader == nil && sameEpoch(old.meta.RegionEpoch, r.meta.RegionEpoch) {
		return nil, refuse("region %d is known already", r.meta.Id)
	}
	return t.check_original(r)
}
