package raftstore_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// asks submits a write of key and a read, both with the context rc, and returns
// their answers.
func (g *group) asks(id uint64, what string, rc *kvrpcpb.Context, key, value string) [2]*answer {
	var answers [2]*answer
	for i, ops := range [][]engine.Op{{set(engine.CFDefault, key, value)}, nil} {
		request := fmt.Sprintf("%s %s on store %d", [2]string{"a put", "a read"}[i], what, id)
		a := &answer{t: g.t, request: request}
		s := g.at(id)
		s.unlessOver(func() { s.ask(rc, ops, a.add) })
		g.settle()
		answers[i] = a
	}
	return answers
}

// TestRequestsWithoutEpoch2B sends requests of clients that know only the id of
// a region, as each client does when it begins, or that name another version
// than the region has. The requests are refused with the region as it is now.
// That is all that a client needs to be served.
func TestRequestsWithoutEpoch2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request without the region's epoch is refused with the present region, and a request made from the refusal is served",
		Source: "the contract of region.Check; the protocol (kvrpcpb.Context)",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "b", "d")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "c", "old")).isDone()
		region := g.at(1).region
		for _, c := range []struct {
			what string
			rc   *kvrpcpb.Context
		}{
			{"without an epoch", &kvrpcpb.Context{RegionId: 1}},
			{"without an epoch, but for the right peer,", &kvrpcpb.Context{RegionId: 1, Peer: region.Peers[0]}},
			{"with an epoch of zeros", &kvrpcpb.Context{RegionId: 1, RegionEpoch: &metapb.RegionEpoch{}}},
			{"with a later version", &kvrpcpb.Context{RegionId: 1, RegionEpoch: &metapb.RegionEpoch{Version: 2, ConfVer: 1}}},
		} {
			for _, a := range g.asks(1, c.what, c.rc, "c", "refused") {
				e := a.refusal()
				current := e.EpochNotMatch.GetCurrentRegions()
				if len(current) != 1 || !proto.Equal(current[0], region) {
					t.Fatalf("%s is refused with %v, not with an EpochNotMatch that has the present region %v", a.request, e, region)
				}
			}
			g.has(1, content{"default/c": "old"})
		}

		refusal := g.asks(1, "without an epoch", &kvrpcpb.Context{RegionId: 1}, "c", "refused")[0].refusal()
		learned := refusal.EpochNotMatch.CurrentRegions[0]
		rc := &kvrpcpb.Context{RegionId: learned.Id, RegionEpoch: learned.RegionEpoch, Peer: learned.Peers[0]}
		answers := g.asks(1, "with what the refusal said", rc, "c", "new")
		answers[0].isDone()
		if found := answers[1].reads()["default/c"]; found != "new" {
			t.Fatalf("%s finds %q, but %q was put before", answers[1].request, found, "new")
		}
		g.close()
	})
}

// TestRequestsThatKnowLess2B sends requests without the parts that a client may
// leave out or have wrong: the peer, which a client knows only if it knows
// which store is at an address, and the version of the members. Only the
// version of the range counts: the requests are served.
func TestRequestsThatKnowLess2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request that names the region's version is served, with or without a peer, whatever it knows of the members",
		Source: "the contract of (*peer).check; the protocol (kvrpcpb.Context)",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "b", "d")
		g.elect(1)
		epoch := func(confVer uint64) *metapb.RegionEpoch {
			return &metapb.RegionEpoch{Version: 1, ConfVer: confVer}
		}
		for i, c := range []struct {
			what string
			rc   *kvrpcpb.Context
		}{
			{"without a peer", &kvrpcpb.Context{RegionId: 1, RegionEpoch: epoch(1)}},
			{"with an empty peer", &kvrpcpb.Context{RegionId: 1, RegionEpoch: epoch(1), Peer: &metapb.Peer{}}},
			{"with an earlier conf_ver", &kvrpcpb.Context{RegionId: 1, RegionEpoch: epoch(0)}},
			{"with a later conf_ver", &kvrpcpb.Context{RegionId: 1, RegionEpoch: epoch(2), Peer: &metapb.Peer{Id: 1, StoreId: 1}}},
			{"with an earlier conf_ver, and without a peer,", &kvrpcpb.Context{RegionId: 1, RegionEpoch: epoch(0)}},
		} {
			value := fmt.Sprint(i)
			answers := g.asks(1, c.what, c.rc, "c", value)
			answers[0].isDone()
			if found := answers[1].reads()["default/c"]; found != value {
				t.Fatalf("%s finds %q, but %q was put before", answers[1].request, found, value)
			}
		}
		for id := uint64(1); id <= 3; id++ {
			g.elect(id)
			g.has(id, content{"default/c": "4"})
		}
		g.close()
	})
}

// TestClientLibrary2B runs the client library of this tree (kv/client) against
// your stores, through the handlers of kv/server. It begins with addresses
// only, before any store leads. Then it puts, reads, deletes and scans, while
// the leadership moves from store to store, and stores lose their power and
// come back.
func TestClientLibrary2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the client library is served, before and after a change of leader",
		Source: "the protocol (kvrpcpb.Context, package errorpb)",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		u := newUser(g)
		u.clock = 2
		u.put("a", "1")
		if u.waited == 0 {
			t.Fatalf("a put is served although no clock has gone on and no store can have been elected")
		}
		u.finds("a", "1")
		u.finds("b", "")
		u.put("b", "1")
		u.put("a", "2")
		u.delete("b")
		u.finds("a", "2")
		u.finds("b", "")

		// Another store takes over; the old leader still runs, and
		// knows the new one.
		g.elect(3)
		u.put("a", "3")
		u.finds("a", "3")
		u.delete("a")
		u.finds("a", "")

		// The leader loses its power. The client waits until store 1 takes over.
		g.at(3).lose(&powerCut{}, nil)
		u.clock = 1
		u.put("a", "4")
		if u.waited == 0 {
			t.Fatalf("a put is served although the leader has no power and no clock has gone on")
		}
		g.at(3).restart()
		g.tick(1, 4)
		g.elect(3)
		u.finds("a", "4")

		// A second client begins with addresses only.
		newcomer := newUser(g)
		newcomer.clock = 3
		newcomer.finds("a", "4")
		newcomer.delete("a")
		u.finds("a", "")
		for id := uint64(1); id <= 3; id++ {
			g.elect(id)
			g.has(id, content{})
		}
		g.close()
	})
}
