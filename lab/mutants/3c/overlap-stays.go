//go:build mutant

// Regions that a new one replaces stay known.
//
//lab:mutant 3C scheduler
package scheduler

func (t *regions) put(r *regionInfo) {
	if old := t.byID[r.meta.Id]; old != nil {
		t.remove(old)
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
