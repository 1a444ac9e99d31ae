//go:build mutant

// A region with peers that are far behind counts for each of its stores, also for the
// stores whose peers are well.
//
//lab:mutant 3C scheduler
package scheduler

func (t *regions) put(r *regionInfo) {
	t.put_original(r)
	for _, p := range r.meta.Peers {
		if len(r.pending) > 0 && !r.isPending(p.Id) {
			t.on(p.StoreId).pending++
		}
	}
}
