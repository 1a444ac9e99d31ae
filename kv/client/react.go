package client

import (
	"context"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
)

// A step says where a refused request goes next.
type step struct {
	kind  stepKind
	place place // of the store to ask, unless it is the next in turn
}

type stepKind int

const (
	// inTurn: to the next store that was not asked since the last pause; with a
	// scheduler, to the one that seems to lead first.
	inTurn stepKind = iota
	// elsewhere: to the store at place, which leads in the eyes of another; a second
	// time only if it does not see another leader itself.
	elsewhere
	// corrected: to the same store again, as the request is another one now; to the
	// leader first, as with inTurn.
	corrected
	// afterPause: to the same store, in a while.
	afterPause
)

// react decides where r goes next, after it was refused at a place, and takes over
// what the refusal says about the cluster.
func (c *cluster) react(ctx context.Context, p *pace, refusal *RefusedError, r request, at aim) step {
	e := regionError(refusal)
	switch {
	case e == nil:
		// The store did not take the request: it is down or about to stop, or there is
		// no way to it.
		c.stores.doubt(at.place)
		c.depose(at)
	case e.GetNotLeader() != nil:
		// Another store leads. Without a hint, or while an election goes on, any
		// other may be the one.
		leader, found := c.stores.named(e.NotLeader.GetLeader().GetStoreId())
		if found && leader != at.place {
			if c.scheduler != nil {
				c.regions.askFirst(at.region, leader)
			}
			return step{elsewhere, leader}
		}
		c.depose(at)
	case e.GetServerIsBusy() != nil:
		// It is the right store at the wrong time.
		return step{kind: afterPause}
	case e.GetEpochNotMatch() != nil:
		// The region has changed, and the store says how. If that is nothing new,
		// the store has missed what the client knows from another one.
		for _, current := range e.EpochNotMatch.CurrentRegions {
			c.regions.learn(current)
		}
		if c.changed(r.key, at) {
			return step{kind: corrected}
		}
	case e.GetKeyNotInRegion() != nil:
		// The epoch is right and the range is not, so what is known of the region
		// never was true. Another request asks what there is.
		c.regions.forget(at.region)
		if c.scheduler != nil {
			return step{kind: corrected}
		}
	case e.GetStoreNotMatch() != nil:
		// The address belongs to another store than it used to. That one may have
		// a peer of the region, too.
		if c.storeNotMatch(ctx, p, r.key, at, e.StoreNotMatch.ActualStoreId) {
			return step{kind: corrected}
		}
	case e.GetRegionNotFound() != nil:
		// The store has no peer of the region: it lost it, or never had one.
		c.depose(at)
		if c.scheduler != nil {
			c.stores.doubt(at.place)
			c.consult(ctx, p, r.key)
		}
	case e.GetStaleCommand() != nil:
		// The store lost its leadership while it had the request.
		c.depose(at)
	}
	return step{kind: inTurn}
}

// depose makes later requests for a region not begin with the store that has just
// refused one, if there is a scheduler that may know better.
func (c *cluster) depose(at aim) {
	if c.scheduler != nil {
		c.regions.depose(at.region, at.place)
	}
}

// changed reports whether the region of key is another one than that of at, or is
// not known now.
func (c *cluster) changed(key []byte, at aim) bool {
	now, _, _ := c.regions.find(key)
	return now != at.region
}

// storeNotMatch takes over that the store at a place has the id actual, and reports
// whether a request to that place now is another one.
func (c *cluster) storeNotMatch(ctx context.Context, p *pace, key []byte, at aim, actual uint64) bool {
	if c.scheduler == nil {
		return c.stores.learn(at.place, actual)
	}
	before := c.stores.connection(at.place)
	c.stores.doubt(at.place)
	c.consult(ctx, p, key)
	now := c.stores.connection(at.place)
	return now != nil && now != before
}

// regionError returns the region error that is the reason of e, or nil.
func regionError(e *RefusedError) *errorpb.Error {
	if r, ok := e.Err.(*region.Error); ok {
		return r.Err
	}
	return nil
}
