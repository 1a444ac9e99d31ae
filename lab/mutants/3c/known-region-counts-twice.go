//go:build mutant

// The earlier version of a region is not removed first: its store has it twice,
// and its old range stays.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (t *regions) put(r *regionInfo) {
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
		if r.isPending(p.Id) {
			h.pending++
		}
	}
}
