package client

import (
	"context"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// readTimeout is how long a store may take to answer a read, if there are others.
// Then another one is asked: the first may be cut off, or lead in its own eyes only.
const readTimeout = 2 * time.Second

// A cluster is what a client knows of one, and the way to have requests served by
// it. Its methods may be called from several goroutines at once.
type cluster struct {
	cfg       Config
	stores    stores
	regions   *regions
	scheduler *scheduler // nil: there is none
}

func newCluster(cfg Config) (*cluster, error) {
	c := &cluster{cfg: cfg.withDefaults()}
	if cfg.Scheduler == nil {
		c.regions = newRegions(firstRegion)
	} else {
		c.scheduler = &scheduler{stub: cfg.Scheduler}
		c.regions = newRegions(nil)
	}
	return c, c.stores.connect(c.cfg, c.scheduler)
}

// An aim is where a request goes: to the store at a place, for a region. The region
// is nil while it is not known.
type aim struct {
	region *metapb.Region
	place  place
}

// do sends r to one store after the other until one has served it, and returns which,
// and for which region. It sends a write again only if it had no effect. The error
// is a *RefusedError or an *OutcomeUnknownError.
//
// The stores that do asks are those of the peers of the key's region as it is known
// at that moment, and others that they name as leaders; without a scheduler, all
// stores. Whatever they answer, do asks each of them at most once between two
// pauses, and one of them twice. The scheduler is asked at most once between two
// pauses where the region is, beside once for each store that the client has no
// connection to.
func (c *cluster) do(ctx context.Context, r request) (served aim, err error) {
	p := pace{pause: minPause}
	var refusal *RefusedError // the last one
	to, err := c.begin(ctx, &p, r.key)
	for {
		if err == nil {
			if err = c.attempt(ctx, r, to); err == nil {
				c.regions.askFirst(to.region, to.place)
				return to, nil
			}
			p.asked = append(p.asked, to.place)
		}
		again, refused := err.(*RefusedError)
		if !refused || again.final {
			return to, err
		}
		expired := over(ctx)
		if refusal == nil || !expired {
			refusal = again // that time is up says less than what a store says
		}
		if expired {
			return to, refusal
		}
		next := step{kind: afterPause} // without a region there is nobody else to ask
		if to.region != nil {
			next = c.react(ctx, &p, again, r, to)
			if next.kind != elsewhere && regionError(again) != nil {
				// It may lead soon, or already: it has answered, and named no other.
				p.back = append(p.back, to.place)
			}
		}
		if to, err = c.next(ctx, &p, r.key, to, next); err == errNoTime {
			return to, refusal
		}
	}
}

// errNoTime is the error of a pause that the context has ended.
var errNoTime = errors.New("no time is left")

// attempt sends r to where to says.
func (c *cluster) attempt(ctx context.Context, r request, to aim) error {
	s, id, err := c.stores.open(ctx, to.place)
	if err != nil {
		return err
	}
	defer c.stores.release(s)
	others := len(c.stores.list) > 1
	if c.scheduler != nil {
		others = len(to.region.Peers) > 1
	}
	if !r.write && others {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTimeout)
		defer cancel()
	}
	rc := &kvrpcpb.Context{
		RegionId:    to.region.Id,
		RegionEpoch: to.region.RegionEpoch,
		Peer:        region.PeerOn(to.region, id),
	}
	resp, err := r.send(ctx, s.stub, rc)
	if err != nil && lost(err) {
		// It may be cut off. Later requests must not wait for it, too.
		c.stores.doubt(to.place)
		if other, found := c.stores.inTurn(to.region, to.place, nil); found {
			c.regions.askFirst(to.region, other)
		}
	}
	return outcome(s.addr, r.write, resp, err)
}

// A step says where a refused request goes next.
type step struct {
	kind  stepKind
	place place // of the store to ask, unless it is the next in turn
}

type stepKind int

const (
	// inTurn: to the next store that was not asked since the last pause; to the
	// leader first, if the scheduler or another request has found it meanwhile.
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

// begin returns where a request goes at first. The error is that the region of key
// cannot be found now.
func (c *cluster) begin(ctx context.Context, p *pace, key []byte) (aim, error) {
	r, first, led, err := c.target(ctx, p, key)
	if err == nil && !led && c.scheduler != nil {
		first = place(r.Peers[0].StoreId)
	}
	return aim{r, first}, err
}

// next returns where a request goes after last has refused it. A pause comes first if
// s says so, or if there is nothing else to ask. The error is errNoTime, or that the
// region of key cannot be found now.
func (c *cluster) next(ctx context.Context, p *pace, key []byte, last aim, s step) (aim, error) {
	now, _, _ := c.regions.find(key)
	if s.kind != afterPause && (now != nil || !p.consulted) {
		r, first, led, err := c.target(ctx, p, key)
		if err != nil {
			return aim{}, err
		}
		if to, found := c.pick(p, r, first, led, last, s); found {
			return aim{r, to}, nil
		}
	}
	if err := p.rest(ctx, &c.cfg); err != nil {
		return aim{}, errNoTime
	}
	busy := s.kind == afterPause && last.region != nil
	if !busy && now != nil {
		c.consult(ctx, p, key)
	}
	r, first, led, err := c.target(ctx, p, key)
	if err != nil {
		return aim{}, err
	}
	to, found := last.place, busy && c.has(r, last.place)
	if !found && c.scheduler != nil && led && !p.before.has(first) {
		to, found = first, true // that is news
	}
	if !found {
		to, _ = c.stores.inTurn(r, last.place, nil)
	}
	return aim{r, to}, nil
}

// pick returns where a request goes by s at once, after last has refused it, if
// there is a store that it may go to before the next pause. r is the region of its
// key, whose leader is at first, if that is known.
func (c *cluster) pick(p *pace, r *metapb.Region, first place, led bool, last aim, s step) (to place, found bool) {
	if s.kind != elsewhere && c.scheduler != nil && led && !p.asked.has(first) {
		return first, true
	}
	switch {
	case s.kind == elsewhere && !p.asked.has(s.place):
		return s.place, true
	case s.kind == elsewhere && p.back.has(s.place) && !p.repeated:
		p.repeated = true
		return s.place, true
	case s.kind == corrected && c.has(r, last.place) && !p.repeated:
		p.repeated = true
		return last.place, true
	}
	return c.stores.inTurn(r, last.place, p.asked)
}

// has reports whether there may be a peer of r at a place.
func (c *cluster) has(r *metapb.Region, at place) bool {
	return c.scheduler == nil || region.PeerOn(r, uint64(at)) != nil
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
