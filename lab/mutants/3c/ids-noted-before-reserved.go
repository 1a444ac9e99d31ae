//go:build mutant

// The end of the window is moved before the reservation is on the disk. If the
// disk is full, the next request hands out ids that are not reserved, and a crash
// hands them out again.
//
//lab:mutant 3C scheduler
package scheduler

func (w *window) take(n int, reserve func(atLeast uint64) (end uint64, err error)) ([]uint64, error) {
	if have := w.end - w.last; have < uint64(n) {
		missing := uint64(n) - have
		w.end += missing
		end, err := reserve(missing)
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
