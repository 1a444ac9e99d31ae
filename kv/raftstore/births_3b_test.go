package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/lab/graded"
)

// TestPeersAddedOneAfterAnother3B adds peers to a region whose leader never changes and
// never compacts its log, and splits it in between. Each new peer needs a snapshot in
// which it is a member, and which has no keys of the right half.
func TestPeersAddedOneAfterAnother3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "every peer that is added gets its data, however many were added before, and whether the region was split since",
		Source: "thesis §4.2.1; Raft §7",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 5, members: []uint64{1}})
		f.put("a", "1")
		f.put("z", "1")
		f.add(1, 12, 2)
		f.ticks(20)
		f.add(1, 13, 3)
		f.ticks(20)
		f.put("b", "1")
		f.split(1, "m", 20, 21, 22, 23)
		f.add(20, 24, 4)
		f.ticks(20)
		f.add(1, 14, 4)
		f.ticks(20)
		f.add(1, 15, 5)
		f.settled(1, 20)
		f.close()
	})
}
