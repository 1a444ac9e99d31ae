package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// TestRequestsNameTheTerm2B sends a leader requests of clients that know in
// which term it leads, and of clients that know an earlier leader. The first
// are served, the others refused.
func TestRequestsNameTheTerm2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request that names the leader's term is served, and one that names an earlier term is refused as stale",
		Source: "the contract of (*peer).check; the protocol (kvrpcpb.Context)",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		for _, id := range []uint64{1, 2, 1} {
			g.elect(id)
		}
		leader := g.at(1)
		of := func(term uint64) *kvrpcpb.Context {
			rc := leader.context()
			rc.Term = term
			return rc
		}
		now := leader.status().Term
		served := g.asks(1, "that names the term in which the store leads", of(now), "k", "1")
		served[0].isDone()
		if different := (content{"default/k": "1"}).differs(served[1].reads()); different != "" {
			t.Fatalf("%s finds %s", served[1].request, different)
		}
		for _, earlier := range []uint64{now - 1, 1} {
			for _, a := range g.asks(1, "that names an earlier term", of(earlier), "k", "2") {
				if e := a.refusal(); e.StaleCommand == nil {
					t.Fatalf("%s, %d instead of %d, is refused with %v, not as stale", a.request, earlier, now, e)
				}
			}
		}
		g.has(1, content{"default/k": "1"})
		g.close()
	})
}

// TestWrongStoreIsSaidFirst2B sends stores requests that are meant for another
// store, whether they lead or not, and whatever else is wrong with the request.
// Its client has a wrong address. It must hear that first: what a store says
// about leaders and regions, it says to a client that knows whom it asks.
func TestWrongStoreIsSaidFirst2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request for another store is refused with StoreNotMatch, whether the store leads or not",
		Source: "the contract of (*peer).check; the protocol (kvrpcpb.Context)",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "a", "n")
		g.elect(1)
		for id := uint64(1); id <= 3; id++ {
			for _, c := range []struct {
				what, key string
				change    func(*kvrpcpb.Context)
			}{
				{"for another store", "k", func(*kvrpcpb.Context) {}},
				{"for another store, without an epoch,", "k", func(rc *kvrpcpb.Context) { rc.RegionEpoch = nil }},
				{"for another store, with a key outside the region,", "z", func(*kvrpcpb.Context) {}},
			} {
				rc := g.at(id).context()
				asked := id%3 + 1
				rc.Peer = g.at(id).region.Peers[asked-1]
				c.change(rc)
				for _, a := range g.asks(id, c.what, rc, c.key, "1") {
					e := a.refusal()
					if e.StoreNotMatch.GetRequestStoreId() != asked || e.StoreNotMatch.GetActualStoreId() != id {
						t.Fatalf("%s is refused with %v, not with a StoreNotMatch that says which store was asked, %d, and which this is, %d", a.request, e, asked, id)
					}
				}
			}
		}
		g.has(1, content{})
		g.close()
	})
}
