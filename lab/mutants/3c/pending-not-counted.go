//go:build mutant

// Pending peers are not counted by store when a region becomes known.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (t *regions) put(r *regionInfo) {
	if old := t.byID[r.meta.Id]; old != nil {
		t.remove(old)
	}
	for _, other := range t.byKey.Overlapping(region.Range(r.meta)) {
		t.remove(t.byID[other.Id])
	}
	t.byID[r.meta.Id] = r
	t.byKey.Insert(r.meta)
	for _, p := range r.meta.Peers {
		h := t.on(p.StoreId)
		h.peers.Set(r.meta.Id, r)
		h.weight += r.weight()
		h.size += r.size
		if p.Id == r.leader.GetId() {
			h.leaders++
		}
		if r.isPending(p.Id) && t.len() == 0 {
			h.pending++
		}
	}
}
