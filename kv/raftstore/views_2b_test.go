package raftstore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// TestReadsStayInRegion2B starts a store with three regions, each of which has
// data. A read of the middle region shows its keys, and no others: a get of a
// key outside returns an error, because an answer that the key is absent could
// be wrong, and a scan begins and ends with the region.
func TestReadsStayInRegion2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a view shows the keys of its region and no others",
		Source: "the contract of Read",
	}, func(t *graded.T) {
		of := func(id uint64, start, end string) *metapb.Region {
			r := regionOf(1, start, end)
			r.Id = id
			return r
		}
		middle := of(1, "b", "d")
		neighbours := []*metapb.Region{of(2, "", "b"), of(3, "d", "")}
		g := newGroupOf(t, 1, serverConfig{region: middle, neighbours: neighbours, maxLog: unlimited})
		g.elect(1)
		s := g.at(1)
		want := content{}
		for _, data := range []struct {
			region *metapb.Region
			keys   []string
		}{
			{neighbours[0], []string{"a", "a\xff"}},
			{middle, []string{"b", "c\xff"}},
			{neighbours[1], []string{"d", "e"}},
		} {
			rc := &kvrpcpb.Context{RegionId: data.region.Id, RegionEpoch: data.region.RegionEpoch, Peer: data.region.Peers[0]}
			for _, key := range data.keys {
				for _, cf := range engine.Families {
					a := &answer{t: t, request: fmt.Sprintf("a put of key %q in region %d", key, data.region.Id)}
					s.ask(rc, []engine.Op{set(cf, key, "1")}, a.add)
					g.settle()
					a.isDone()
					if data.region == middle {
						want[string(cf)+"/"+key] = "1"
					}
				}
			}
		}
		g.has(1, want)

		view := g.do(1, "a read").result().view
		for _, key := range []string{"a", "a\xff", "d", "e", "zz"} {
			value, found, err := view.Get(engine.CFDefault, []byte(key))
			var refusal *region.Error
			if !errors.As(err, &refusal) || refusal.Err.KeyNotInRegion == nil {
				t.Fatalf("a read of region [b, d) gets key %q, which is outside. It finds %q (%v) and the error %v, but should get a KeyNotInRegion", key, value, found, err)
			}
		}
		for _, within := range []engine.Range{{End: []byte("e")}, {Start: []byte("b")}, {Start: []byte("b"), End: []byte("zz")}} {
			it, err := view.Iterate(engine.CFWrite, within)
			if err != nil {
				t.Fatalf("a read of region [b, d) cannot scan from %q to %q: %v", within.Start, within.End, err)
			}
			for it.Seek(within.Start); it.Valid(); it.Next() {
				if !region.Range(middle).Contains(it.Key()) {
					t.Fatalf("a read of region [b, d) that scans from %q to %q finds key %q", within.Start, within.End, it.Key())
				}
			}
			if err := it.Close(); err != nil {
				t.Fatalf("a scan ends with %v", err)
			}
		}
		if err := view.Close(); err != nil {
			t.Fatalf("the view of a read cannot be closed: %v", err)
		}
		g.close()
	})
}
