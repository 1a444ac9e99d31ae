package transport

import (
	"context"
	"math"
	"time"
)

// Backoff bounds the pauses between attempts. The first pause is Min long, each
// further pause twice as long as the one before, up to Max. A random part of
// each pause, at most half of it, is left out, so that stores that lost each
// other at the same moment do not all come back at the same moment.
type Backoff struct {
	Min, Max time.Duration
}

func (b Backoff) orDefault() Backoff {
	if b.Min == 0 {
		b.Min = 50 * time.Millisecond
	}
	if b.Max == 0 {
		b.Max = 2 * time.Second
	}
	return b
}

// A pause computes the pauses of one series of attempts.
type pause struct {
	Backoff
	last time.Duration // without jitter; 0 before the first
}

func (p *pause) reset() { p.last = 0 }

// next returns how long to wait now. random is uniformly distributed over all
// uint64.
func (p *pause) next(random uint64) time.Duration {
	p.last = min(max(2*p.last, p.Min), p.Max)
	fraction := float64(random) / math.MaxUint64
	return p.last - time.Duration(fraction*float64(p.last)/2)
}

// sleep waits for d, and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
