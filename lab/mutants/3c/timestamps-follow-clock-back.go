//go:build mutant

// The physical part follows the clock back as well.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *oracle) next(now int64, count uint32, reserve func(physical int64) (bound int64, err error)) (*schedulerpb.Timestamp, error) {
	if count == 0 || count > maxLogical {
		return nil, refuse("%d timestamps are asked for: want 1 to %d", count, maxLogical)
	}
	physical, logical := o.physical, o.logical
	if now != physical && now > 0 {
		physical, logical = now, 0
	}
	if logical+int64(count) > maxLogical {
		physical, logical = physical+1, 0
	}
	if physical >= o.bound {
		bound, err := reserve(physical)
		if err != nil {
			return nil, err
		}
		o.bound = bound
	}
	o.physical, o.logical = physical, logical+int64(count)
	return &schedulerpb.Timestamp{Physical: o.physical, Logical: o.logical - 1}, nil
}
