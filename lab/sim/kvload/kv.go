package kvload

import (
	"context"
	"fmt"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// FirstRegion is the region that covers all keys when a cluster begins: the peer
// on each store has the store's id.
func FirstRegion(stores []uint64) *metapb.Region {
	r := &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
	for _, id := range stores {
		r.Peers = append(r.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	return r
}

// A kv is a client of a replicated key-value store. It goes from store to store
// until it finds the leader. It never repeats a write whose outcome it does not
// know: each attempt is an operation with a value of its own.
type kv struct {
	s      *sim.Session
	region *metapb.Region
	at     int // index of the store to ask
	// stays is set for a client that asks no other store, and gives up instead.
	stays bool
	// values and attempts count the values that were put, and all that was tried.
	values   int
	attempts uint64
}

func newKV(s *sim.Session) *kv {
	return &kv{s: s, region: FirstRegion(s.Stores), at: s.Draw.IntN(len(s.Stores))}
}

// A request is something that a client wants done: which operation an attempt is, and
// how it is sent. Sending sets what the operation has found.
type request struct {
	operation func() check.Operation
	send      func(ctx context.Context, at tinykvpb.TinyKvClient, h *kvrpcpb.Context, o *check.Operation) (response, error)
}

// A response is what a store answers to a request for keys.
type response interface {
	GetRegionError() *errorpb.Error
	GetError() string
}

// do makes attempts until one is answered, or just one if the client stays with its
// store.
func (c *kv) do(r request) {
	for c.s.Context().Err() == nil {
		if c.attempt(r) {
			return
		}
		rest(c.s, c.s.Setting.Tick)
		if c.stays {
			return
		}
	}
}

// attempt sends r to a store, and reports whether it was done. If not, it turns to
// another store.
func (c *kv) attempt(r request) bool {
	store := c.s.Stores[c.at]
	o := r.operation()
	c.attempts++
	pending := c.s.History.Begin(o)
	c.tell(&o, "begins")
	ctx, cancel := context.WithTimeout(c.s.Context(), 10*c.s.Setting.Tick)
	answer, err := r.send(ctx, tinykvpb.NewTinyKvClient(c.s.Dial(store)), c.header(store), &o)
	cancel()
	switch {
	case err != nil || answer.GetError() != "":
		// Whatever went wrong, it may have gone wrong after the write.
		c.tell(&o, "unknown")
		if o.Op == check.Put || o.Op == check.Delete {
			c.s.Reach(sim.UnknownOutcome)
		}
		pending.Unknown()
		c.turnTo((c.at + 1) % len(c.s.Stores))
		return false
	case answer.GetRegionError() != nil:
		c.tell(&o, "refused")
		pending.Refused()
		c.follow(answer.GetRegionError())
		return false
	}
	c.s.Served()
	end(pending, &o)
	c.tell(&o, "done")
	return true
}

// end notes that o was done.
func end(p *check.Pending, o *check.Operation) {
	switch o.Op {
	case check.Get:
		p.Read(o.Value, o.Found)
	case check.Scan:
		p.Scanned(o.Pairs)
	default:
		p.Done()
	}
}

// follow does what a refusal advises: it turns to the leader, if one is named, and
// takes the region as it is now.
func (c *kv) follow(refusal *errorpb.Error) {
	next := (c.at + 1) % len(c.s.Stores)
	for i, id := range c.s.Stores {
		if id == refusal.GetNotLeader().GetLeader().GetStoreId() {
			next = i
		}
	}
	c.turnTo(next)
	for _, r := range refusal.GetEpochNotMatch().GetCurrentRegions() {
		if r.GetId() == c.region.Id {
			c.region = r
		}
	}
}

// turnTo makes the client ask another store from now on.
func (c *kv) turnTo(at int) {
	if !c.stays {
		c.at = at
	}
}

// header is the Context of a request to a store.
func (c *kv) header(store uint64) *kvrpcpb.Context {
	h := &kvrpcpb.Context{RegionId: c.region.Id, RegionEpoch: c.region.RegionEpoch}
	for _, p := range c.region.Peers {
		if p.StoreId == store {
			h.Peer = p
		}
	}
	return h
}

func (c *kv) put(key string) {
	c.do(request{
		func() check.Operation {
			c.values++
			return check.Operation{Op: check.Put, Key: key, Value: fmt.Sprintf("%d-%d", c.s.ID, c.values)}
		},
		func(ctx context.Context, at tinykvpb.TinyKvClient, h *kvrpcpb.Context, o *check.Operation) (response, error) {
			return at.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: h, Key: []byte(key), Value: []byte(o.Value)})
		},
	})
}

func (c *kv) delete(key string) {
	c.do(request{
		func() check.Operation { return check.Operation{Op: check.Delete, Key: key} },
		func(ctx context.Context, at tinykvpb.TinyKvClient, h *kvrpcpb.Context, _ *check.Operation) (response, error) {
			return at.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: h, Key: []byte(key)})
		},
	})
}

func (c *kv) get(key string) {
	c.do(request{
		func() check.Operation { return check.Operation{Op: check.Get, Key: key} },
		func(ctx context.Context, at tinykvpb.TinyKvClient, h *kvrpcpb.Context, o *check.Operation) (response, error) {
			r, err := at.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: h, Key: []byte(key)})
			o.Value, o.Found = string(r.GetValue()), !r.GetNotFound()
			return r, err
		},
	})
}

func (c *kv) scan(start string, limit int) {
	c.do(request{
		func() check.Operation { return check.Operation{Op: check.Scan, Key: start, Limit: limit} },
		func(ctx context.Context, at tinykvpb.TinyKvClient, h *kvrpcpb.Context, o *check.Operation) (response, error) {
			r, err := at.RawScan(ctx, &kvrpcpb.RawScanRequest{Context: h, StartKey: []byte(start), Limit: uint32(limit)})
			for _, pair := range r.GetKvs() {
				o.Pairs = append(o.Pairs, check.Pair{Key: string(pair.Key), Value: string(pair.Value)})
			}
			return r, err
		},
	})
}

// tell adds the present attempt to the log of the run.
func (c *kv) tell(o *check.Operation, fate string) {
	if !c.s.Tracing() {
		return
	}
	text := fmt.Sprintf("%s %q", o.Op, o.Key)
	switch {
	case o.Op == check.Put:
		text += fmt.Sprintf(" = %q", o.Value)
	case o.Op == check.Get && fate == "done" && o.Found:
		text += fmt.Sprintf(" -> %q", o.Value)
	case o.Op == check.Get && fate == "done":
		text += " -> absent"
	case o.Op == check.Scan && fate == "done":
		text += fmt.Sprintf(" -> %d pairs", len(o.Pairs))
	}
	c.s.Tell(trace.Event{Kind: trace.Operation, N: c.attempts, Fate: fate, Text: text})
}
