package client

import (
	"context"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// consult takes over what the scheduler says about the region of key, and about
// stores that may be gone or elsewhere. It does without, if the scheduler does not
// answer soon, and if there is none or it was asked since the last pause.
func (c *cluster) consult(ctx context.Context, p *pace, key []byte) {
	if c.scheduler == nil || p.consulted {
		return
	}
	p.consulted = true
	if c.locate(ctx, newsTimeout, key, false) == nil && c.stores.doubtful() {
		c.stores.renew(ctx)
	}
}

// locate asks the scheduler for the region of key, and takes over what it says. It
// is an error if the region is not known then, or the scheduler has not answered
// within a time. A question that is asked for a miss is needed only while the region
// is not known.
func (c *cluster) locate(ctx context.Context, within time.Duration, key []byte, miss bool) error {
	return c.scheduler.regions.do(ctx, string(key), func() error {
		if miss {
			if r, _, _ := c.regions.find(key); r != nil {
				return nil // since just now
			}
		}
		r, leader, err := c.scheduler.region(ctx, within, key)
		switch {
		case err != nil:
			return err
		case r == nil:
			return refusedBy(errors.New("no region is known that has the key"))
		case len(r.Peers) == 0 || !region.Range(r).Contains(key):
			return refusedBy(errors.Errorf("region %d, which it names, does not have the key, or has no peers", r.Id))
		}
		c.regions.learn(r)
		if leader.GetStoreId() != 0 {
			c.regions.suggest(r, place(leader.StoreId))
		}
		if now, _, _ := c.regions.find(key); now == nil {
			// A store has told of a split that the scheduler has yet to hear of.
			return refusedBy(errors.Errorf("region %d, which it names, no longer has the key", r.Id))
		}
		return nil
	})
}

// target returns the region of key, and the place of its leader if that is known. If
// nothing is known of the region, the scheduler is asked.
func (c *cluster) target(ctx context.Context, p *pace, key []byte) (r *metapb.Region, first place, led bool, err error) {
	if r, first, led = c.regions.find(key); r != nil {
		return r, first, led, nil
	}
	p.consulted = true
	if err = c.locate(ctx, answerTimeout, key, true); err != nil {
		return nil, 0, false, err
	}
	if r, first, led = c.regions.find(key); r == nil {
		err = refusedBy(errors.New("the region of the key has just changed"))
	}
	return r, first, led, err
}
