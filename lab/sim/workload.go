package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
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

// keys is how many keys the clients of a run share. Few keys make for many
// conflicts.
const keys = 12

func keyName(n int) string { return fmt.Sprintf("k%02d", n) }

// PutsAndScans is a client that puts, reads, deletes and scans keys that all
// clients share, one operation after the other.
func PutsAndScans(s *Session) {
	kv := newKV(s)
	for s.Working() {
		switch n := s.Draw.IntN(100); {
		case n < 50:
			kv.put(keyName(s.Draw.IntN(keys)))
		case n < 75:
			kv.get(keyName(s.Draw.IntN(keys)))
		case n < 90:
			kv.scan(keyName(s.Draw.IntN(keys)), s.Draw.Between(1, keys))
		default:
			kv.delete(keyName(s.Draw.IntN(keys)))
		}
		s.Sleep(dice.Scaled(s.Draw.Bits(), time.Millisecond, 30*time.Millisecond))
	}
	// It has recovered only if it takes writes again.
	kv.put(keyName(s.Draw.IntN(keys)))
}

// Contends is a client that puts and reads two keys that all clients share, with
// hardly a pause. With several of them there is always somebody
// in between.
func Contends(s *Session) {
	kv := newKV(s)
	for s.Working() {
		switch n := s.Draw.IntN(10); {
		case n < 5:
			kv.put(keyName(s.Draw.IntN(2)))
		case n < 9:
			kv.get(keyName(s.Draw.IntN(2)))
		default:
			kv.delete(keyName(s.Draw.IntN(2)))
		}
		s.Sleep(dice.Scaled(s.Draw.Bits(), time.Millisecond, 5*time.Millisecond))
	}
	kv.put(keyName(s.Draw.IntN(2)))
}

// Gets is a client that only reads. It stays with a store as long as that
// answers, also with one that other clients have left.
func Gets(s *Session) {
	kv := newKV(s)
	for s.Working() {
		kv.get(keyName(s.Draw.IntN(keys)))
		s.Sleep(dice.Scaled(s.Draw.Bits(), time.Millisecond, 30*time.Millisecond))
	}
}

// GetsAtOneStore is a client that only reads, and only at one store, whether that
// leads or not. It is there when a store that was out of touch comes back.
func GetsAtOneStore(s *Session) {
	kv := newKV(s)
	kv.stays = true
	for s.Working() {
		kv.get(keyName(s.Draw.IntN(keys)))
		s.Sleep(dice.Scaled(s.Draw.Bits(), time.Millisecond, 30*time.Millisecond))
	}
}

// ReadEverything reads every key, one by one and then at once. As the last client
// of a run it shows whether everything that was acknowledged is there.
func ReadEverything(s *Session) {
	kv := newKV(s)
	for n := range keys {
		kv.get(keyName(n))
	}
	kv.scan("", keys+1)
}

// A kv is a client of a replicated key-value store. It goes from store to store
// until it finds the leader. It never repeats a write whose outcome it does not
// know: each attempt is an operation with a value of its own.
type kv struct {
	s      *Session
	region *metapb.Region
	at     int // index of the store to ask
	// stays is set for a client that asks no other store, and gives up instead.
	stays  bool
	values int
}

func newKV(s *Session) *kv {
	return &kv{s: s, region: FirstRegion(s.Stores), at: s.Draw.IntN(len(s.Stores))}
}

// A verdict says what came of one attempt.
type verdict int

const (
	done verdict = iota
	unknown
	refused
)

// attempt makes requests with ask until one is answered, or just one if the client
// stays with its store.
func (c *kv) attempt(op func() check.Operation, ask func(context.Context, tinykvpb.TinyKvClient, *kvrpcpb.Context, *check.Operation, *check.Pending) (*errorpb.Error, string, error)) {
	for tries := 0; c.s.Context().Err() == nil && (tries == 0 || !c.stays); tries++ {
		store := c.s.Stores[c.at]
		o := op()
		pending := c.s.History.Begin(o)
		c.s.tellOperation(&o, "begins")
		ctx, cancel := context.WithTimeout(c.s.Context(), 10*c.s.world.setting.Tick)
		region, text, err := ask(ctx, tinykvpb.NewTinyKvClient(c.s.Dial(store)), c.header(store), &o, pending)
		cancel()
		switch c.judge(region, text, err) {
		case done:
			c.s.Served()
			c.s.tellOperation(&o, "done")
			return
		case unknown:
			c.s.tellOperation(&o, "unknown")
			if o.Op == check.Put || o.Op == check.Delete {
				c.s.Reach(UnknownOutcome)
			}
			pending.Unknown()
			c.turnTo((c.at + 1) % len(c.s.Stores))
		case refused:
			c.s.tellOperation(&o, "refused")
			pending.Refused()
		}
		c.s.Sleep(dice.Scaled(c.s.Draw.Bits(), time.Millisecond, c.s.world.setting.Tick))
	}
}

// judge says what came of an attempt, and looks for another store if this was not
// the right one.
func (c *kv) judge(region *errorpb.Error, text string, err error) verdict {
	switch {
	case err != nil || text != "":
		// Whatever went wrong, it may have gone wrong after the write.
		return unknown
	case region == nil:
		return done
	}
	c.turnTo((c.at + 1) % len(c.s.Stores))
	if leader := region.GetNotLeader().GetLeader().GetStoreId(); leader != 0 {
		for i, id := range c.s.Stores {
			if id == leader {
				c.turnTo(i)
			}
		}
	}
	for _, r := range region.GetEpochNotMatch().GetCurrentRegions() {
		if r.GetId() == c.region.Id {
			c.region = r
		}
	}
	return refused
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
	c.attempt(func() check.Operation {
		c.values++
		return check.Operation{Op: check.Put, Key: key, Value: fmt.Sprintf("%d-%d", c.s.ID, c.values)}
	}, func(ctx context.Context, stub tinykvpb.TinyKvClient, h *kvrpcpb.Context, o *check.Operation, p *check.Pending) (*errorpb.Error, string, error) {
		r, err := stub.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: h, Key: []byte(key), Value: []byte(o.Value)})
		if acknowledged(r, err) {
			p.Done()
		}
		return r.GetRegionError(), r.GetError(), err
	})
}

func (c *kv) delete(key string) {
	c.attempt(func() check.Operation { return check.Operation{Op: check.Delete, Key: key} },
		func(ctx context.Context, stub tinykvpb.TinyKvClient, h *kvrpcpb.Context, _ *check.Operation, p *check.Pending) (*errorpb.Error, string, error) {
			r, err := stub.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: h, Key: []byte(key)})
			if acknowledged(r, err) {
				p.Done()
			}
			return r.GetRegionError(), r.GetError(), err
		})
}

func (c *kv) get(key string) {
	c.attempt(func() check.Operation { return check.Operation{Op: check.Get, Key: key} },
		func(ctx context.Context, stub tinykvpb.TinyKvClient, h *kvrpcpb.Context, o *check.Operation, p *check.Pending) (*errorpb.Error, string, error) {
			r, err := stub.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: h, Key: []byte(key)})
			if acknowledged(r, err) {
				o.Value, o.Found = string(r.Value), !r.NotFound
				p.Read(o.Value, o.Found)
			}
			return r.GetRegionError(), r.GetError(), err
		})
}

func (c *kv) scan(start string, limit int) {
	c.attempt(func() check.Operation { return check.Operation{Op: check.Scan, Key: start, Limit: limit} },
		func(ctx context.Context, stub tinykvpb.TinyKvClient, h *kvrpcpb.Context, o *check.Operation, p *check.Pending) (*errorpb.Error, string, error) {
			r, err := stub.RawScan(ctx, &kvrpcpb.RawScanRequest{Context: h, StartKey: []byte(start), Limit: uint32(limit)})
			if acknowledged(r, err) {
				for _, pair := range r.Kvs {
					o.Pairs = append(o.Pairs, check.Pair{Key: string(pair.Key), Value: string(pair.Value)})
				}
				p.Scanned(o.Pairs)
			}
			return r.GetRegionError(), r.GetError(), err
		})
}

// A response is what a store answers to a request for keys.
type response interface {
	GetRegionError() *errorpb.Error
	GetError() string
}

// acknowledged reports whether a response says that all went well.
func acknowledged(r response, err error) bool {
	return err == nil && r.GetRegionError() == nil && r.GetError() == ""
}

func (s *Session) tellOperation(o *check.Operation, fate string) {
	if !s.world.tracing {
		return
	}
	if fate == "begins" {
		s.operations++
	}
	s.world.tell(traceOperation(s.ID, s.operations, o, fate))
}
