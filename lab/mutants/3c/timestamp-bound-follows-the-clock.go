//go:build mutant

// Whether a new bound is needed is decided by the clock, not by the physical part that
// is handed out. When the clock stands still and the logical part is used up again and
// again, the physical part runs ahead of the clock, and past the bound.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *oracle) next(now int64, count uint32, reserve func(physical int64) (bound int64, err error)) (*schedulerpb.Timestamp, error) {
	if count == 0 || count > maxLogical {
		return nil, refuse("%d timestamps are asked for: want 1 to %d", count, maxLogical)
	}
	if now >= o.bound || o.bound == 0 {
		bound, err := reserve(max(now, o.physical))
		if err != nil {
			return nil, err
		}
		o.bound = bound
	}
	if now > o.physical {
		o.physical, o.logical = now, 0
	}
	if o.logical+int64(count) > maxLogical {
		o.physical, o.logical = o.physical+1, 0
	}
	o.logical += int64(count)
	return &schedulerpb.Timestamp{Physical: o.physical, Logical: o.logical - 1}, nil
}
