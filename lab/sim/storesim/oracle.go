package storesim

import (
	"sync"
	"time"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// An oracle hands out the timestamps of a run that has a registry. It is not part of the
// registry's incarnations, so that it never goes back.
//
// Its milliseconds count from the beginning of the run, so that a person can compare
// timestamps with each other, and with the log of the run.
type oracle struct {
	mu                sync.Mutex
	physical, logical int64 // of the last timestamp
}

// take hands out n timestamps, and returns the last of them: the others are just below.
func (o *oracle) take(now time.Duration, n uint32) *schedulerpb.Timestamp {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ms := now.Milliseconds() + 1; ms > o.physical {
		o.physical, o.logical = ms, -1
	}
	if o.logical += int64(n); o.logical >= 1<<transaction.LogicalBits {
		o.physical, o.logical = o.physical+1, int64(n)-1
	}
	return &schedulerpb.Timestamp{Physical: o.physical, Logical: o.logical}
}

// A safePoint says how far old versions are removed.
type safePoint struct {
	mu  sync.Mutex
	now transaction.SafePoint
}

// advance moves the safe point on, and returns what holds then.
func (p *safePoint) advance(to transaction.SafePoint) transaction.SafePoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Join(to)
	return p.now
}
