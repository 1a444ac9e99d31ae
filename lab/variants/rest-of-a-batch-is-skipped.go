//go:build variant

// When the window holds too few ids for a request, what it holds is given up, and all
// ids come from the next batch: one request has consecutive ids. None comes twice, and
// they ascend, which is all that the contract of take asks for.
//
//lab:variant scheduler 3C
package scheduler

func (w *window) take(n int, reserve func(atLeast uint64) (end uint64, err error)) ([]uint64, error) {
	if w.end-w.last < uint64(n) {
		before := w.end
		end, err := reserve(uint64(n))
		if err != nil {
			return nil, err
		}
		w.last, w.end = before, end
	}
	return w.take_original(n, reserve)
}
