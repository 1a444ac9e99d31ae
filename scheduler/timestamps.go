package scheduler

import (
	"time"

	"github.com/labkv/labkv/proto/schedulerpb"
)

// LogicalBits is the width of a timestamp's logical part, as clients put the two
// parts together: physical<<LogicalBits | logical.
const LogicalBits = 18

// maxLogical is the number of timestamps with the same physical part.
const maxLogical = 1 << LogicalBits

// An oracle hands out timestamps: each is greater than all before it, also those
// of earlier incarnations of the scheduler, whatever the clock does. All
// physical parts are below bound, and bound is durable: so an incarnation that
// begins with the durable bound is past everything that was handed out.
type oracle struct {
	physical int64 // of the last timestamp, in milliseconds
	logical  int64 // the first that is free in this millisecond
	bound    int64 // durable; physical parts are below
}

// newOracle returns the oracle of a scheduler that finds bound on disk: 0 if nothing
// was handed out yet. No timestamp has the physical part 0, whatever the clock says:
// clients take that for none.
//
//lab:implement 3C
func newOracle(bound int64) oracle {
	return oracle{physical: max(bound, 1), bound: bound}
}

// next hands out count timestamps and returns the last of them. The others have
// the same physical part and the logical parts just below. now is the clock, in
// milliseconds since 1970; the physical part follows it, but never goes back.
// Where the clock stands still, or has jumped back, the logical part counts on;
// when it is used up, the physical part runs one millisecond ahead of the clock.
//
// Before it hands out a physical part that is not below bound, next calls
// reserve with that part: reserve makes a greater bound durable and returns it.
// If it fails, next returns its error and has handed out nothing. A count of 0, or
// of more than maxLogical, is refused. Any other count is granted: a millisecond of
// its own has room for it.
//
//lab:implement 3C
func (o *oracle) next(now int64, count uint32, reserve func(physical int64) (bound int64, err error)) (*schedulerpb.Timestamp, error) {
	if count == 0 || count > maxLogical {
		return nil, refuse("%d timestamps are asked for: want 1 to %d", count, maxLogical)
	}
	physical, logical := o.physical, o.logical
	if now > physical {
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

// Timestamps answers a request of a Tso stream.
func (s *Scheduler) Timestamps(req *schedulerpb.TsoRequest) (*schedulerpb.TsoResponse, error) {
	resp := &schedulerpb.TsoResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), anyState, func() error {
		last, err := s.timestamp(req.GetCount())
		if err != nil {
			return err
		}
		resp.Count, resp.Timestamp = req.GetCount(), last
		return nil
	})
	return resp, err
}

// timestamp hands out count timestamps and returns the last of them.
func (s *Scheduler) timestamp(count uint32) (*schedulerpb.Timestamp, error) {
	return s.oracle.next(s.cfg.Now().UnixMilli(), count, func(physical int64) (int64, error) {
		err := s.run(&schedulerpb.Command{ReserveTimestamps: physical + int64(s.cfg.Options.TimestampWindow/time.Millisecond)})
		return s.state.counters.Timestamps, err
	})
}
