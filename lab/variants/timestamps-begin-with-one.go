//go:build variant

// A millisecond begins with the logical part 1, unless so many timestamps are asked for
// that they need 0 as well. The contract of next leaves that free: what counts is that
// timestamps ascend.
//
//lab:variant scheduler 3C
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (o *oracle) next(now int64, count uint32, reserve func(physical int64) (bound int64, err error)) (*schedulerpb.Timestamp, error) {
	if now > o.physical && count < maxLogical {
		// A look ahead: if the bound cannot be made durable, nothing has changed.
		after := *o
		after.physical, after.logical = now, 1
		ts, err := after.next_original(now, count, reserve)
		if err == nil {
			*o = after
		}
		return ts, err
	}
	return o.next_original(now, count, reserve)
}
