package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
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

// TestSplitsOfSplits3B splits regions on and on, with data and deletions in all families,
// while one store after the other is away, and is started again.
func TestSplitsOfSplits3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "regions can be split again and again, and lose nothing of any family, whoever is away meanwhile",
		Source: "the contract of Admin; region.Split",
	}, func(t *graded.T) {
		for _, maxLog := range []uint64{0, 3} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: maxLog})
			for key := 'b'; key <= 'y'; key++ {
				f.fill("1", string(key))
			}
			ids := []uint64{1}
			for n, split := range []struct {
				of uint64
				at string
			}{{1, "m"}, {1, "f"}, {20, "s"}, {40, "v"}, {1, "c"}, {20, "n"}, {30, "j"}} {
				away := uint64(n)%4 + 1 // 4: none
				if away < 4 {
					f.isolate(away)
				}
				id := uint64(n+2) * 10
				f.split(split.of, split.at, id, id+1, id+2, id+3)
				ids = append(ids, id)
				f.fill(fmt.Sprint(n), split.at, split.at+"x", "b", "y")
				if n%2 == 0 {
					f.reconnect()
				}
				f.at(uint64(n)%3 + 1).restart()
				f.reconnect()
			}
			f.settled(ids...)
			for _, s := range f.servers {
				s.powerCut()
			}
			f.settled(ids...)
			f.close()
		}
	})
}

// TestSplitWhileMemberIsAdded3B adds a peer, and splits the region before the peer has got
// anything. Its store gets a peer of each half. What is said to one of the two, or to
// both, comes late.
func TestSplitWhileMemberIsAdded3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region can be split while a new member has no data yet, which then gets both halves",
		Source: "the contract of Admin; thesis §4.2.1",
	}, func(t *graded.T) {
		for _, late := range []uint64{1, 20, 0} { // 0: both
			for _, maxLog := range []uint64{0, 3} {
				for _, crash := range []bool{false, true} {
					f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}, maxLog: maxLog})
					f.fill("1", "a", "m", "z")
					f.transfer(1, 1)
					f.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 4 }
					f.add(1, 14, 4)
					f.ticks(5)
					f.split(1, "m", 20, 21, 22, 23, 24)
					f.fill("2", "b", "n")
					f.ticks(5)
					if late != 0 {
						f.waits = of(late, 4)
						f.ticks(20)
					}
					if crash {
						f.at(4).powerCut()
						f.at(1).powerCut()
						f.ticks(20)
					}
					f.waits = nil
					f.fill("3", "c", "p")
					f.settled(1, 20)
					f.close()
				}
			}
		}
	})
}

// TestSplitBesideRemovedPeer3B removes a peer that does not hear of it, splits the region,
// and gives the store of that peer another peer of the left half, or of the right one, or
// of both. The removed peer still has all the keys.
func TestSplitBesideRemovedPeer3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region can be split while a peer that was removed is still there, and its store can get peers of the halves",
		Source: "the contract of Admin; the contract of directory",
	}, func(t *graded.T) {
		for _, gets := range [][]uint64{nil, {1}, {20}, {1, 20}, {20, 1}} {
			for _, maxLog := range []uint64{0, 3} {
				f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: maxLog})
				f.fill("1", "a", "m", "z")
				f.transfer(1, 1)
				f.settled(1)
				f.loses = of(1, 3)
				f.remove(1, 3)
				f.split(1, "m", 20, 21, 22)
				for i, id := range gets {
					f.add(id, 30+uint64(i), 3)
				}
				f.fill("2", "b", "n")
				f.ticks(30)
				f.loses = nil
				f.fill("3", "c", "p")
				f.settled(1, 20)
				f.at(3).powerCut()
				f.settled(1, 20)
				f.close()
			}
		}
	})
}

// TestLeaderDiesWithSplit3B lets only the leader apply a split, and then takes its power, or
// cuts it off. The others come to the split without it.
func TestLeaderDiesWithSplit3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a split that was answered happens everywhere, also if the leader is lost right after the answer",
		Source: "Raft Figure 3 (Leader Completeness); the contract of Admin",
	}, func(t *graded.T) {
		for _, power := range []bool{true, false} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			f.fill("1", "a", "m", "z")
			f.transfer(1, 1)
			f.ticks(5)
			r := f.region(1)
			acknowledged := false
			f.waits = func(m *raftserverpb.RaftMessage) bool { return acknowledged && m.FromPeer.StoreId == 1 }
			f.loses = func(m *raftserverpb.RaftMessage) bool {
				acknowledged = acknowledged || m.Message.GetMsgType() == eraftpb.MessageType_MsgAppendResponse
				return false
			}
			a := f.ask(f.at(1), r, splits("m", 20, 21, 22, 23))
			f.settle()
			a.isDone()
			if st, _ := f.peer(2, 1); string(st.Region.EndKey) == "m" {
				t.Fatal("store 2 has applied the split, although nothing has told it that it is committed")
			}
			f.isolate(1)
			f.wire, f.waits, f.loses = nil, nil, nil
			if power {
				f.at(1).powerCut()
			}
			f.until("leaders of both halves without store 1", func() bool { return f.leader(1) != nil && f.leader(20) != nil })
			f.fill("2", "b", "n")
			f.settled(1, 20)
			f.close()
		}
	})
}

// TestBothHalvesLeaveLateStore3B splits a region while a store is away, and removes both of
// its peers. It has never heard of the right half.
func TestBothHalvesLeaveLateStore3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store that was away while a region was split and both halves left it keeps nothing of them, and can get both again",
		Source: "thesis §4.2.3; the contract of Admin",
	}, func(t *graded.T) {
		for _, order := range [][]uint64{{1, 20}, {20, 1}} {
			for _, maxLog := range []uint64{0, 3} {
				f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: maxLog})
				f.fill("1", "a", "m", "z")
				f.isolate(3)
				f.split(1, "m", 20, 21, 22, 23)
				for _, id := range order {
					f.remove(id, 3)
				}
				f.fill("2", "b", "n")
				f.settled(1, 20)
				for _, id := range []uint64{1, 20} {
					f.at(3).isFreeOf(id)
				}
				for i, id := range order {
					f.add(id, 30+uint64(i), 3)
				}
				f.settled(1, 20)
				f.close()
			}
		}
	})
}

// TestBuriedPeerIsNotBorn3B removes the peer of a right half on a store that has not heard
// of the split yet. The store is told of the removal. When it comes to the split, nobody
// is there to tell it again.
func TestBuriedPeerIsNotBorn3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store that was told that a peer was removed does not let a split create that peer later, also after a restart",
		Source: "the contract of (*lobby).receive; the contract of (*applier).split",
	}, func(t *graded.T) {
		for _, restarts := range []bool{false, true} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			f.fill("1", "a", "m", "z")
			f.transfer(1, 1)
			f.settled(1)
			f.loses = of(1, 3)
			f.split(1, "m", 20, 21, 22, 23)
			f.remove(20, 3)
			f.ticks(20)
			now := f.region(20)
			f.at(3).Step(&raftserverpb.RaftMessage{
				RegionId: 20, RegionEpoch: now.RegionEpoch, FromPeer: now.Peers[0], ToPeer: &metapb.Peer{Id: 23, StoreId: 3}, IsTombstone: true,
			})
			f.settle()
			if restarts {
				f.at(3).restart()
			}
			f.loses = of(20, 3)
			f.until("the split on store 3", func() bool {
				if st, ok := f.peer(3, 20); ok {
					t.Fatalf("store 3 was told that peer 23 of region 20 was removed. Then it comes to the split of region 1, and has peer %d of region 20", st.PeerID)
				}
				st, ok := f.peer(3, 1)
				return ok && string(st.Region.EndKey) == "m"
			})
			f.ticks(5)
			if st, ok := f.peer(3, 20); ok {
				t.Fatalf("store 3 was told that peer 23 of region 20 was removed. Then it comes to the split of region 1, and has peer %d of region 20", st.PeerID)
			}
			f.loses = nil
			f.settled(1, 20)
			f.add(20, 43, 3)
			f.settled(1, 20)
			f.close()
		}
	})
}

// TestLaterPeerStaysBuried3B has a store come late to a split. Of the right half it has heard
// that a later peer was removed: no restart may bring that one back.
func TestLaterPeerStaysBuried3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a later peer of a right half whose removal a store knows does not come back, although the split comes to the store after that",
		Source: "the contract of (*applier).split; project 3, part B, invariant 6",
	}, func(t *graded.T) {
		for _, trouble := range []string{"nothing happens to the store", "the store is started again", "its power is cut before the data of the right half are deleted"} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			f.fill("1", "a", "m", "z")
			f.isolate(3)
			f.split(1, "m", 20, 21, 22, 23)
			f.remove(20, 3)
			f.add(20, 33, 3)
			f.remove(20, 3)
			f.wire = nil
			r, s := f.region(20), f.at(3)
			s.Step(&raftserverpb.RaftMessage{
				RegionId: 20, RegionEpoch: r.RegionEpoch, FromPeer: r.Peers[0], ToPeer: &metapb.Peer{Id: 33, StoreId: 3}, IsTombstone: true,
			})
			s.work()
			s.hold = trouble == "its power is cut before the data of the right half are deleted"
			f.reconnect()
			f.until("the split on store 3", func() bool { st, ok := f.peer(3, 1); return ok && string(st.Region.EndKey) == "m" })
			if s.hold {
				s.lose(&powerCut{log: memory.All, data: memory.All, files: true}, nil)
				s.hold = false
				s.restart()
			}
			f.settled(1, 20)
			if trouble == "the store is started again" {
				s.restart()
			}
			s.Step(&raftserverpb.RaftMessage{
				RegionId: 20, RegionEpoch: r.RegionEpoch, StartKey: r.StartKey, EndKey: r.EndKey, FromPeer: r.Peers[0], ToPeer: &metapb.Peer{Id: 33, StoreId: 3},
				Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: r.Peers[0].Id, To: 33, Term: 50, Index: 50, LogTerm: 50},
			})
			s.work()
			if _, ok := s.Status(20); ok {
				t.Fatalf("store 3 was told that peer 33 of region 20 was removed, and then came to the split that made region 20; %s. A request for a vote brings peer 33 back", trouble)
			}
			f.close()
		}
	})
}
