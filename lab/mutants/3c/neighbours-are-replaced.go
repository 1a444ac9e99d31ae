//go:build mutant

// A region that begins where the new one ends is taken for one that overlaps it: the
// end of a range belongs to it, in this reading.
//
//lab:mutant 3C scheduler
package scheduler

import "slices"

func (t *regions) check(r *regionInfo) (replaced []*regionInfo, err error) {
	replaced, err = t.check_original(r)
	if next := t.byKey.At(r.meta.EndKey); err == nil && len(r.meta.EndKey) > 0 && next != nil && next.Id != r.meta.Id && !slices.Contains(replaced, t.byID[next.Id]) {
		if next.RegionEpoch.Version > r.meta.RegionEpoch.Version {
			return nil, refuse("region %d overlaps region %d", r.meta.Id, next.Id)
		}
		replaced = append(replaced, t.byID[next.Id])
	}
	return replaced, err
}

func (t *regions) put(r *regionInfo) {
	if next := t.byKey.At(r.meta.EndKey); len(r.meta.EndKey) > 0 && next != nil && next.Id != r.meta.Id {
		t.remove(t.byID[next.Id])
	}
	t.put_original(r)
}
