package scheduler

// A window holds the ids that are reserved on disk and not handed out yet:
// those in (last, end]. It makes one write to the disk enough for many ids.
type window struct {
	last uint64 // the last id that was handed out, or may have been before a crash
	end  uint64 // what is reserved on disk
}

// newWindow returns the window of a scheduler that finds end reserved on disk.
// Which of those ids were handed out before is not known, so none of them is
// used.
//
//lab:implement 3C
func newWindow(end uint64) window { return window{last: end, end: end} }

// take hands out n ids in ascending order. If the window holds too few, it first
// calls reserve, once, for the number that is missing or more: reserve makes it
// durable, and returns the new end. If it fails, take returns its error and has
// handed out nothing.
//
// No id is ever handed out twice, and none is 0. Free is how many ids a restart
// skips.
//
//lab:implement 3C
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
		w.last++
		ids[i] = w.last
	}
	return ids, nil
}
