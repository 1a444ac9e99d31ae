//go:build mutant

// What is added for a region is its size, and what is taken away later is its weight,
// which is one at least. With each heartbeat of an empty region, its stores become
// lighter, and soon they weigh less than nothing.
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
		h.weight += int64(r.size)
		h.size += r.size
		if p.Id == r.leader.GetId() {
			h.leaders++
		}
		if r.isPending(p.Id) {
			h.pending++
		}
	}
}
