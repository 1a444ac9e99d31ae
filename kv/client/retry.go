package client

import (
	"context"
	"time"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

const (
	// Pauses become longer, from the one to the other; up to half of each is left
	// out at random.
	minPause = 10 * time.Millisecond
	maxPause = 500 * time.Millisecond
	// readTimeout is how long a store may take to answer a read, if there are
	// others. Then another one is asked: the first may be cut off, or lead in its
	// own eyes only.
	readTimeout = 2 * time.Second
)

// A cluster is what a client knows of one, and the way to have requests served by
// it. Its methods may be called from several goroutines at once.
type cluster struct {
	cfg     Config
	stores  stores
	regions *regions
}

func newCluster(cfg Config) (*cluster, error) {
	c := &cluster{cfg: cfg.withDefaults(), regions: newRegions()}
	return c, c.stores.connect(c.cfg)
}

// do sends r to one store after the other until one has served it. It sends a
// write again only if it had no effect. The error is a *RefusedError or an
// *OutcomeUnknownError.
//
// Whatever the stores answer, do asks each of them at most once between two
// pauses, and one of them twice.
func (c *cluster) do(ctx context.Context, r request) error {
	pace := newPace(c.cfg, len(c.stores.list))
	target, place := c.regions.find(r.key)
	var refusal *RefusedError // the last one
	for {
		err := c.attempt(ctx, r, target, place)
		if err == nil {
			c.regions.askFirst(target, place)
			return nil
		}
		again, refused := err.(*RefusedError)
		if !refused || again.final {
			return err
		}
		expired := over(ctx)
		if refusal == nil || !expired {
			refusal = again // that time is up says less than what a store says
		}
		if expired {
			return refusal
		}
		next := c.react(regionError(again), r, target, place)
		if place, err = pace.keep(ctx, next, c.stores.after(place)); err != nil {
			return refusal
		}
		target, _ = c.regions.find(r.key)
	}
}

// attempt sends r to the store at place, for the region target.
func (c *cluster) attempt(ctx context.Context, r request, target *metapb.Region, place int) error {
	if !r.write && len(c.stores.list) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTimeout)
		defer cancel()
	}
	rc := &kvrpcpb.Context{
		RegionId:    target.Id,
		RegionEpoch: target.RegionEpoch,
		Peer:        region.PeerOn(target, c.stores.id(place)),
	}
	s := c.stores.list[place]
	resp, err := r.send(ctx, s.stub, rc)
	if lost(err) {
		// It may be cut off. Later requests must not wait for it, too.
		c.regions.askFirst(target, c.stores.after(place))
	}
	return outcome(s.addr, r.write, resp, err)
}

// A step says where a refused request goes next.
type step struct {
	kind  stepKind
	place int // of the store to ask, unless it is the next in turn
}

type stepKind int

const (
	// inTurn: to the next store.
	inTurn stepKind = iota
	// atOnce: to the store at place, without a pause if there was one since the
	// last such step.
	atOnce
	// afterPause: to the store at place, in a while.
	afterPause
)

// react decides where r goes next, after the store at place has refused it for
// the region target with e, and takes over what e says about the cluster. e is
// nil if the store did not take the request for another reason: it is down, or
// about to stop.
func (c *cluster) react(e *errorpb.Error, r request, target *metapb.Region, place int) step {
	switch {
	case e.GetNotLeader() != nil:
		// Another store leads. Without a hint, or while an election goes on, any
		// other may be the one.
		if leader, found := c.stores.find(e.NotLeader.GetLeader().GetStoreId()); found && leader != place {
			return step{atOnce, leader}
		}
	case e.GetServerIsBusy() != nil:
		// It is the right store at the wrong time.
		return step{afterPause, place}
	case e.GetEpochNotMatch() != nil:
		// The region has changed, and the store says how. If that is nothing new,
		// the store has missed what the client knows from another one.
		for _, current := range e.EpochNotMatch.CurrentRegions {
			c.regions.learn(current)
		}
		if known, _ := c.regions.find(r.key); known != target {
			return step{atOnce, place}
		}
	case e.GetKeyNotInRegion() != nil:
		// The epoch is right and the range is not, so what is known of the region
		// never was true. Another request asks what there is.
		c.regions.forget(target)
	case e.GetStoreNotMatch() != nil:
		// The address belongs to another store than it used to. That one may have
		// a peer of the region, too.
		if actual := e.StoreNotMatch.ActualStoreId; actual != c.stores.id(place) {
			c.stores.learn(place, actual)
			return step{atOnce, place}
		}
	case e.GetRegionNotFound() != nil:
		// The store has no peer of the region: it lost it, or never had one.
	case e.GetStaleCommand() != nil:
		// The store lost its leadership while it had the request.
	}
	return step{kind: inTurn}
}

// A pace holds back the requests of one call.
type pace struct {
	cfg    Config
	stores int           // how many there are
	pause  time.Duration // the next one
	// Since the last pause: how many stores were asked in turn, and whether one
	// more was asked at once.
	asked   int
	hurried bool
}

func newPace(cfg Config, stores int) *pace {
	return &pace{cfg: cfg, stores: stores, pause: minPause, asked: 1}
}

// keep returns the place of the store to ask next; turn is the one in turn. If all
// stores have been asked, a pause comes first. The error is that of ctx, if it
// ends first.
func (p *pace) keep(ctx context.Context, next step, turn int) (place int, err error) {
	if next.kind == atOnce && !p.hurried {
		p.hurried = true
		return next.place, nil
	}
	place = turn
	if next.kind == afterPause {
		place = next.place
	} else if p.asked < p.stores {
		p.asked++
		return place, nil
	}
	err = p.cfg.Sleep(ctx, p.pause/2+time.Duration(p.cfg.Rand(int64(p.pause/2))))
	p.pause = min(2*p.pause, maxPause)
	p.asked, p.hurried = 1, false
	return place, err
}

// over reports whether there is no time left. gRPC may notice that before ctx does.
func over(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return ctx.Err() != nil || bounded && time.Until(deadline) <= 0
}

// regionError returns the region error that is the reason of e, or nil.
func regionError(e *RefusedError) *errorpb.Error {
	if r, ok := e.Err.(*region.Error); ok {
		return r.Err
	}
	return nil
}
