package client

import (
	"context"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// readTimeout is how long a store may take to answer a request that may be sent twice,
// if there are others. Then another one is asked: the first may be cut off, or lead in
// its own eyes only.
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

// A service is where a request was served.
type service struct {
	aim
	// doubtful is set if the outcome of an earlier attempt is unknown: the same command
	// may have been carried out before, or may be yet.
	doubtful bool
}

// do sends r to one store after the other until one has served it, and returns where.
// It sends a write again only if it had no effect, or is repeatable. The error is a
// *RefusedError or an *OutcomeUnknownError.
//
// The stores that do asks are those of the peers of the key's region as it is known
// at that moment, and others that they name as leaders; without a scheduler, all
// stores. Whatever they answer, do asks each of them at most once between two
// pauses, and one of them twice. The scheduler is asked at most once between two
// pauses where the region is, beside once for each store that the client has no
// connection to.
func (c *cluster) do(ctx context.Context, r request) (service, error) {
	p := pace{pause: minPause, meanwhile: r.meanwhile}
	to, nowhere := c.begin(ctx, &p, r.key)
	doubtful, err := persist(ctx, r.repeatable, func() error {
		if nowhere != nil {
			return nowhere
		}
		err := c.attempt(ctx, r, to)
		if err == nil {
			c.regions.askFirst(to.region, to.place)
			return nil
		}
		p.asked = append(p.asked, to.place)
		return err
	}, func(refusal *RefusedError) error {
		next := step{kind: afterPause} // without a region there is no other store to ask
		if to.region != nil {
			next = c.react(ctx, &p, refusal, r, to)
			if next.kind != elsewhere && regionError(refusal) != nil {
				// It may lead soon, or already: it has answered, and named no other.
				p.back = append(p.back, to.place)
			}
		}
		to, nowhere = c.next(ctx, &p, r.key, to, next)
		return nowhere
	})
	return service{to, doubtful}, err
}

// persist calls try until it succeeds, fails for good, or has no time left; between
// two calls it calls onward, which ends the attempts if it returns errNoTime. If what
// try does is repeatable, an unknown outcome is not the end. The error is nil, a
// *RefusedError or an *OutcomeUnknownError; doubtful reports whether the outcome of an
// attempt before the last one is unknown. Then no refusal is the error: it is about a
// later attempt only.
func persist(ctx context.Context, repeatable bool, try func() error, onward func(*RefusedError) error) (doubtful bool, err error) {
	var (
		refusal *RefusedError        // the last one
		unknown *OutcomeUnknownError // the last one
	)
	for {
		var latest *RefusedError
		switch e := try().(type) {
		case nil:
			return unknown != nil, nil
		case *RefusedError:
			latest = e
		case *OutcomeUnknownError:
			if !repeatable {
				return false, e
			}
			unknown, latest = e, &RefusedError{Addr: e.Addr, Err: e.Err}
		}
		expired := over(ctx)
		if refusal == nil || !expired || latest.final {
			refusal = latest // that time is up says less than what a store says
		}
		if latest.final || expired || onward(latest) == errNoTime {
			if unknown != nil {
				return true, unknown
			}
			return false, refusal
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
	if (!r.write || r.repeatable) && others {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTimeout)
		defer cancel()
	}
	rc := &kvrpcpb.Context{
		RegionId:    to.region.Id,
		RegionEpoch: to.region.RegionEpoch,
		Peer:        region.PeerOn(to.region, id),
	}
	if r.fit != nil {
		r.fit(region.Range(to.region))
	}
	resp, err := r.send(ctx, s.stub, rc)
	if err != nil && lost(err) {
		// It may be cut off. Later requests must not wait for it, too.
		c.stores.doubt(to.place)
		if other, found := c.stores.inTurn(to.region, to.place, nil); found {
			c.regions.askFirst(to.region, other)
			if other == to.place {
				c.depose(to)
			}
		}
		c.regions.doubt(to.region)
	}
	return outcome(s.addr, r.write, resp, err)
}

// begin returns where a request goes at first. The error is that the region of key
// cannot be found now.
func (c *cluster) begin(ctx context.Context, p *pace, key []byte) (aim, error) {
	r, first, led, err := c.target(ctx, p, key)
	if err == nil && c.scheduler != nil && c.regions.doubted(r) {
		// Where it was, a store is silent. It may have left that one long ago.
		c.consult(ctx, p, key)
		r, first, led, err = c.target(ctx, p, key)
	}
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
	if !found {
		to, _ = c.pick(p, r, first, led, last, step{kind: inTurn}) // none is asked yet
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
