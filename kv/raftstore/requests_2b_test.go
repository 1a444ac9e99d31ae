package raftstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// TestRequestsForOthersAreRefused2B sends reads and writes to the wrong place:
// to another store, to a follower, for a region that is not there, with an old
// epoch of the region, in the term of an earlier leader. Each is refused with
// the error that says what to do instead, and has no effect.
func TestRequestsForOthersAreRefused2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a request that came to the wrong place is refused with the region error that says why, and has no effect",
		Source: "the contract of (*peer).check",
	}, 0)
	sc.Stores = 3
	sc.Clients = sim.Clients(1, asksTheWrong)
	sc.Finally, sc.Check = nil, nil // the client knows what must be there
	// The first leader is deposed, so that there is an earlier term.
	sc.Nemesis = func(*dice.Drawer, sim.Setting) []sim.Fault {
		return []sim.Fault{{Kind: sim.Isolate, Who: sim.TheLeader, From: 1500 * ms, Until: 3500 * ms}}
	}
	sc.For = 4 * time.Second
	sc.NoCore = true // also followers must answer
	sc.Reach = []sim.Goal{sim.LeaderDeposed}
	sim.Test(t, sc)
}

// The keys of asksTheWrong.
var refusedKey, acceptedKey = []byte("refused"), []byte("accepted")

// asksTheWrong is a client that finds the leader, makes requests that must be
// refused, and then checks that none of them had an effect.
func asksTheWrong(s *sim.Session) {
	for s.Working() {
		s.Sleep(100 * ms)
	}
	region := storesim.FirstRegion(s.Stores)
	right := func(store uint64) *kvrpcpb.Context {
		return &kvrpcpb.Context{RegionId: region.Id, RegionEpoch: region.RegionEpoch, Peer: &metapb.Peer{Id: store, StoreId: store}}
	}
	leader := findLeader(s)
	follower := leader%uint64(len(s.Stores)) + 1
	values := 0

	for _, c := range []struct {
		what    string
		store   uint64
		change  func(*kvrpcpb.Context)
		refused func(*errorpb.Error) bool
	}{
		{"for another store", leader, func(c *kvrpcpb.Context) { c.Peer = &metapb.Peer{Id: follower, StoreId: follower} },
			func(e *errorpb.Error) bool {
				return e.StoreNotMatch.GetRequestStoreId() == follower && e.StoreNotMatch.GetActualStoreId() == leader
			}},
		{"to a follower", follower, func(*kvrpcpb.Context) {},
			func(e *errorpb.Error) bool {
				return e.NotLeader.GetRegionId() == region.Id && e.NotLeader.GetLeader().GetStoreId() == leader
			}},
		{"for region 77", leader, func(c *kvrpcpb.Context) { c.RegionId = 77 },
			func(e *errorpb.Error) bool { return e.RegionNotFound.GetRegionId() == 77 }},
		{"with version 0 of the region", leader, func(c *kvrpcpb.Context) { c.RegionEpoch = &metapb.RegionEpoch{ConfVer: 1} },
			func(e *errorpb.Error) bool {
				current := e.EpochNotMatch.GetCurrentRegions()
				return len(current) == 1 && current[0].RegionEpoch.GetVersion() == 1 && len(current[0].Peers) == len(s.Stores)
			}},
		// No leader has a term before 1, and this is not the first
		// leader.
		{"in the term of an earlier leader", leader, func(c *kvrpcpb.Context) { c.Term = 1 },
			func(e *errorpb.Error) bool { return e.StaleCommand != nil }},
	} {
		rc := right(c.store)
		c.change(rc)
		ask := tinykvpb.NewTinyKvClient(s.Dial(c.store))
		for _, request := range []struct {
			name string
			send func(context.Context) (*errorpb.Error, error)
		}{
			{"put", func(ctx context.Context) (*errorpb.Error, error) {
				values++ // no value is put twice
				r, err := ask.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: rc, Key: refusedKey, Value: fmt.Appendf(nil, "%d", values), Cf: "default"})
				return r.GetRegionError(), err
			}},
			{"delete", func(ctx context.Context) (*errorpb.Error, error) {
				r, err := ask.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: rc, Key: acceptedKey, Cf: "default"})
				return r.GetRegionError(), err
			}},
			{"get", func(ctx context.Context) (*errorpb.Error, error) {
				r, err := ask.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: rc, Key: acceptedKey, Cf: "default"})
				return r.GetRegionError(), err
			}},
		} {
			refusal, err := request.send(s.Context())
			switch {
			case err != nil:
				s.Fail("refusals", "a %s %s ends with the status %v instead of a region error", request.name, c.what, err)
			case refusal == nil:
				s.Fail("refusals", "a %s %s is served", request.name, c.what)
			case !c.refused(refusal):
				s.Fail("refusals", "a %s %s is refused with %v", request.name, c.what, refusal)
			}
		}
	}

	ask := tinykvpb.NewTinyKvClient(s.Dial(leader))
	if r, err := ask.RawGet(s.Context(), &kvrpcpb.RawGetRequest{Context: right(leader), Key: refusedKey, Cf: "default"}); err != nil || !r.NotFound {
		s.Fail("refusals", "a put that was refused took effect: %v %v", r, err)
	}
	if r, err := ask.RawGet(s.Context(), &kvrpcpb.RawGetRequest{Context: right(leader), Key: acceptedKey, Cf: "default"}); err != nil || r.NotFound {
		s.Fail("refusals", "a delete that was refused took effect: %v %v", r, err)
	}
}

// findLeader puts acceptedKey, and returns the store that leads then.
func findLeader(s *sim.Session) uint64 {
	c := kvload.Connect(s, s.Stores...)
	for tries := 1; c.Put(s.Context(), engine.CFDefault, acceptedKey, fmt.Append(nil, tries)) != nil && s.Context().Err() == nil; tries++ {
		s.Sleep(100 * ms)
	}
	leader, err := c.Leader(s.Context(), acceptedKey)
	switch {
	case s.Context().Err() != nil:
		return s.Stores[0] // the run is over
	case err != nil:
		s.Fail("refusals", "the get of a key that was just put is refused: %v", err)
	}
	return leader.ID
}
