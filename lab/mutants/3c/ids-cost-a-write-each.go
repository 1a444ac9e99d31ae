//go:build mutant

// Each request for ids reserves some, although the window still holds enough: each
// id costs a sync.
//
//lab:mutant 3C scheduler
package scheduler

func (w *window) take(n int, reserve func(atLeast uint64) (end uint64, err error)) ([]uint64, error) {
	if have := w.end - w.last; have < uint64(n) || true {
		end, err := reserve(uint64(n))
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
