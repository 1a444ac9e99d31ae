//go:build mutant

// The bound is reserved for the clock's time, although the physical part may be ahead
// of a clock that has jumped back. Then the new bound is not greater than the old one,
// and what is handed out is not below it.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *oracle) next(now int64, count uint32, reserve func(physical int64) (bound int64, err error)) (*schedulerpb.Timestamp, error) {
	return o.next_original(now, count, func(int64) (int64, error) { return reserve(now) })
}
