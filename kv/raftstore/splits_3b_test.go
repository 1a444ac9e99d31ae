package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestSplit3B splits a region twice, and uses all three.
func TestSplit3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "after a split both halves have their keys, on all stores, and serve them",
		Source: "the contract of Admin",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		for _, key := range []string{"a", "c", "m", "p", "z"} {
			f.put(key, "before")
		}
		f.split(1, "m", 20, 21, 22, 23)
		f.put("c", "after")
		f.put("m", "after")
		f.split(20, "p", 30, 31, 32, 33)
		f.put("p", "after")
		for _, key := range []string{"a", "b", "c", "m", "p", "z"} {
			f.reads(key)
		}
		f.settled(1, 20, 30)
		for _, s := range f.servers {
			s.powerCut()
		}
		f.settled(1, 20, 30)
		f.close()
	})
}

// TestSplitReachesLateStore3B splits a region while a store is cut off, and changes both
// halves. When the store is back, its peer still has all the keys, and messages come for
// a peer of the right half that it does not have yet.
func TestSplitReachesLateStore3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store that comes to a split late gets both halves, by the log or by snapshots",
		Source: "the contract of Admin",
	}, func(t *graded.T) {
		for _, maxLog := range []uint64{unlimited, 3} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: maxLog})
			for _, key := range []string{"a", "c", "m", "p", "z"} {
				f.put(key, "before")
			}
			f.isolate(3)
			f.split(1, "m", 20, 21, 22, 23)
			for _, key := range []string{"b", "c", "n", "m"} {
				f.put(key, "after")
			}
			f.ticks(60)
			for _, key := range []string{"b", "c", "n", "m"} {
				f.put(key, "later")
			}
			f.settled(1, 20)
			f.close()
		}
	})
}

// TestRightHalfIsRemovedBeforeItsBirth3B splits a region while a store is cut off, and
// removes the store's peer of the right half. When the store comes to the split, that
// peer must not be born.
func TestRightHalfIsRemovedBeforeItsBirth3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that was removed before its store came to the split that creates it is never born",
		Source: "the contract of Admin",
	}, func(t *graded.T) {
		for _, first := range []uint64{1, 20} { // the region that the store hears of first
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			for _, key := range []string{"a", "m", "z"} {
				f.put(key, "before")
			}
			f.isolate(3)
			f.split(1, "m", 20, 21, 22, 23)
			f.remove(20, 3)
			f.put("m", "after")
			f.put("a", "after")
			f.reconnect()
			f.loses = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 3 && m.RegionId != first }
			f.ticks(60)
			f.loses = nil
			f.settled(1, 20)
			f.close()
		}
	})
}
