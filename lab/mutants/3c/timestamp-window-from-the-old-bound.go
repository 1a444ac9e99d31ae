//go:build mutant

// Each window begins where the last one ends, as with ids. A clock that has gone on for
// longer than one window is past the new bound at once.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *oracle) next(now int64, count uint32, reserve func(physical int64) (bound int64, err error)) (*schedulerpb.Timestamp, error) {
	return o.next_original(now, count, func(physical int64) (int64, error) {
		if o.bound > 0 {
			physical = o.bound
		}
		return reserve(physical)
	})
}
