//go:build mutant

// Two reports of one epoch are compared by their members alone. An epoch names one
// range, too: with other keys, one of the two is not true.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (t *regions) check(r *regionInfo) (replaced []*regionInfo, err error) {
	if old := t.byID[r.meta.Id]; old != nil && sameEpoch(old.meta.RegionEpoch, r.meta.RegionEpoch) && includes(old.meta, r.meta) && len(old.meta.Peers) == len(r.meta.Peers) {
		for _, other := range t.byKey.Overlapping(region.Range(r.meta)) {
			switch {
			case other.Id == r.meta.Id:
			case other.RegionEpoch.Version > r.meta.RegionEpoch.Version:
				return nil, refuse("region %d overlaps region %d", r.meta.Id, other.Id)
			default:
				replaced = append(replaced, t.byID[other.Id])
			}
		}
		if r.term > 0 && r.term < old.term {
			return nil, refuse("region %d is led in term %d", r.meta.Id, old.term)
		}
		return replaced, nil
	}
	return t.check_original(r)
}
