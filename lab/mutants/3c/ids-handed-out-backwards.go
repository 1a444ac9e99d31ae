//go:build mutant

// The ids of one request come in descending order: the slice is filled from its end.
// Ids that ascend say which of two peers is the later one.
//
//lab:mutant 3C scheduler
package scheduler

import "slices"

func (w *window) take(n int, reserve func(atLeast uint64) (end uint64, err error)) ([]uint64, error) {
	ids, err := w.take_original(n, reserve)
	slices.Reverse(ids)
	return ids, err
}
