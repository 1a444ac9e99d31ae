//go:build mutant

// A request that needs more ids than a batch has reserves one batch only, and
// hands out ids beyond what is reserved.
//
//lab:mutant 3C scheduler
package scheduler

func (w *window) take(n int, reserve func(atLeast uint64) (end uint64, err error)) ([]uint64, error) {
	if have := w.end - w.last; have < uint64(n) {
		end, err := reserve(1)
		if err != nil {
			return nil, err
		}
		w.end = end
	}
	ids := make([]uint64, n)
	for i := range ids {
		w.last++
		ids[i] = w.last
	}
	return ids, nil
}
