package client

import (
	"context"
	"slices"
	"time"
)

const (
	// Pauses become longer, from the one to the other; up to half of each is left
	// out at random.
	minPause = 10 * time.Millisecond
	maxPause = 500 * time.Millisecond
)

// A pace holds back the requests of one call. Between two pauses each store is asked
// at most once, and one of them twice; and the scheduler at most once for its news.
type pace struct {
	pause time.Duration // the next one
	// asked are the stores that have refused the request since the last pause;
	// repeated is set if one of them was asked twice, and consulted if the scheduler
	// was asked.
	asked     places
	back      places // of asked: those that a hint of another store may lead back to
	repeated  bool
	consulted bool
	// meanwhile is called before each pause, unless it is nil.
	meanwhile func(ctx context.Context)
}

// places are a few places.
type places []place

func (ps places) has(p place) bool { return slices.Contains(ps, p) }

// rest pauses. The error is that of ctx, if it ends first.
func (p *pace) rest(ctx context.Context, cfg *Config) error {
	if p.meanwhile != nil {
		p.meanwhile(ctx)
	}
	err := cfg.Sleep(ctx, p.pause/2+time.Duration(cfg.Rand(int64(p.pause/2))))
	p.pause = min(2*p.pause, maxPause)
	p.asked, p.back = p.asked[:0], p.back[:0]
	p.repeated, p.consulted = false, false
	return err
}
