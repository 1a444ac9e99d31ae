package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// TestScansReadTheirRange2B counts what a store reads of its data to serve a
// small region between two large ones: a view, a get, and scans of the whole
// region and of parts. None of them may walk through the neighbours.
func TestScansReadTheirRange2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read costs what it returns, however much data the store has",
		Source: "doc.go: What a store costs; the contract of Read",
	}, func(t *graded.T) {
		const small, large = 10, 400
		of := func(id uint64, start, end string) *metapb.Region {
			r := regionOf(1, start, end)
			r.Id = id
			return r
		}
		middle := of(1, "b", "c")
		regions := []*metapb.Region{of(2, "", "b"), middle, of(3, "c", "")}
		g := newGroupOf(t, 1, serverConfig{region: middle, neighbours: []*metapb.Region{regions[0], regions[2]}, maxLog: unlimited})
		g.elect(1)
		s := g.at(1)
		for i, r := range regions {
			n := large
			if r == middle {
				n = small
			}
			var ops []engine.Op
			for k := range n {
				ops = append(ops, set(engine.CFDefault, fmt.Sprintf("%c%03d", 'a'+i, k), "1"))
			}
			a := &answer{t: t, request: fmt.Sprintf("a command with %d puts in region %d", n, r.Id)}
			s.ask(&kvrpcpb.Context{RegionId: r.Id, RegionEpoch: r.RegionEpoch, Peer: r.Peers[0]}, ops, a.add)
			g.settle()
			a.isDone()
		}

		// Besides the keys that it returns, a step may read a record or
		// two: those of the region's state, or one that it does not return.
		const few = 2
		costs := func(what string, most int, do func()) {
			before := s.kvMeter.Reads()
			do()
			if n := s.kvMeter.Reads() - before; n > most+few {
				t.Fatalf("the region has %d keys, and its neighbours have %d. To serve %s, which returns %d, the store reads %d records", small, 2*large, what, most, n)
			}
		}
		var view engine.Snapshot
		costs("a view", 0, func() {
			a := g.do(1, "a read")
			a.isDone()
			view = a.result().view
		})
		costs("a get", 1, func() {
			if _, found, err := view.Get(engine.CFDefault, []byte("b003")); !found || err != nil {
				t.Fatalf("a get of a key that was put finds %v (error %v)", found, err)
			}
		})
		for _, c := range []struct {
			within engine.Range
			want   int
		}{
			{engine.Range{}, small},
			{engine.Range{Start: []byte("b"), End: []byte("c")}, small},
			{engine.Range{Start: []byte("b004")}, small - 4},
			{engine.Range{End: []byte("b004")}, 4},
			{engine.Range{Start: []byte("b004"), End: []byte("b006")}, 2},
		} {
			what := fmt.Sprintf("a scan from %q to %q", c.within.Start, c.within.End)
			costs(what, c.want, func() {
				it, err := view.Iterate(engine.CFDefault, c.within)
				if err != nil {
					t.Fatalf("%s ends with %v", what, err)
				}
				found := 0
				for it.Seek(nil); it.Valid(); it.Next() {
					found++
				}
				if err := it.Close(); err != nil || found != c.want {
					t.Fatalf("%s finds %d keys, not %d (error %v)", what, found, c.want, err)
				}
			})
		}
		if err := view.Close(); err != nil {
			t.Fatal(err)
		}
		g.close()
	})
}
