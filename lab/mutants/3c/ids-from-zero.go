//go:build mutant

// An id is handed out before the counter moves, so that the first one is 0, which
// stands for none, and the first one after a crash is the last one from before.
//
//lab:mutant 3C scheduler
package scheduler

func (w *window) take(n int, reserve func(atLeast uint64) (end uint64, err error)) ([]uint64, error) {
	if have := w.end - w.last; have < uint64(n) {
		end, err := reserve(uint64(n) - have)
		if err != nil {
			return nil, err
		}
		w.end = end
	}
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = w.last
		w.last++
	}
	return ids, nil
}
