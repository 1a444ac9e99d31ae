package raftstore_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// isFreeOf requires that nothing of a region is left on a store: no peer, no log, and no
// file if the store has no other region. settled looks at the data.
func (s *server) isFreeOf(regionID uint64) {
	s.t.Helper()
	if st, ok := s.Status(regionID); ok {
		s.t.Fatalf("store %d still has peer %d of region %d, which was removed", s.id, st.PeerID, regionID)
	}
	for index := uint64(1); index < 200; index++ {
		e, err := raftstore.LoadEntry(s.raft, regionID, index)
		require.NoError(s.t, err, "reading the log of a region")
		if e != nil {
			s.t.Fatalf("store %d has no peer of region %d any more, but still entry %d of its log; there is %s", s.id, regionID, index, s.inRaftEngine())
		}
	}
	if len(s.Peers()) == 0 {
		s.hasFiles(0, "without a region")
	}
}

// fillMany writes so much that a follower that lacks it gets a snapshot, if the log may
// have 3 entries.
func (f *fleet) fillMany() {
	f.t.Helper()
	for i := range 30 {
		f.fill(fmt.Sprint(i), fmt.Sprint("a", i%7))
	}
}

// TestRemovedPeersLeaveNothing3B removes a peer in many situations: it leads or follows,
// is alone with one other, lags, makes a snapshot or installs one, or its slow work does
// not begin for long. Afterwards nothing of it is on its store, and the neighbour region
// has lost nothing.
func TestRemovedPeersLeaveNothing3B(t *testing.T) {
	settings := map[string]struct {
		members []uint64
		prepare func(f *fleet)
		finish  func(f *fleet)
	}{
		"it follows":                     {[]uint64{1, 2, 3}, func(f *fleet) { f.transfer(1, 1) }, nil},
		"it leads":                       {[]uint64{1, 2, 3}, func(f *fleet) { f.transfer(1, 3) }, nil},
		"it follows the only other peer": {[]uint64{1, 3}, func(f *fleet) { f.transfer(1, 1) }, nil},
		"it leads the only other peer":   {[]uint64{1, 3}, func(f *fleet) { f.transfer(1, 3) }, nil},
		"it is cut off, and lags": {[]uint64{1, 2, 3}, func(f *fleet) {
			f.isolate(3)
			f.fillMany()
		}, func(f *fleet) { f.reconnect() }},
		"it gets a snapshot": {[]uint64{1, 2, 3}, func(f *fleet) {
			f.isolate(3)
			f.fillMany()
			f.ticks(30)
			f.reconnect()
			f.waits = func(m *raftserverpb.RaftMessage) bool {
				return m.ToPeer.StoreId == 3 && m.RegionId == 1 && m.Message.GetSnapshot() != nil
			}
			f.until("a snapshot to store 3", func() bool { return slices.ContainsFunc(f.wire, f.waits) })
		}, func(f *fleet) { f.waits = nil }},
		"it installs a snapshot": {[]uint64{1, 2, 3}, func(f *fleet) {
			f.isolate(3)
			f.fillMany()
			f.ticks(30)
			f.at(3).hold = true
			f.reconnect()
			f.until("the begin of an installation", func() bool { st, _ := f.at(3).Status(1); return st.Installing })
		}, func(f *fleet) { f.ticks(30); f.at(3).hold = false }},
		"it makes a snapshot": {[]uint64{1, 2, 3}, func(f *fleet) {
			f.transfer(1, 3)
			f.isolate(2)
			f.fillMany()
			f.ticks(30)
			f.at(3).hold = true
			f.reconnect()
			f.ticks(4)
		}, func(f *fleet) { f.ticks(30); f.at(3).hold = false }},
		"its slow work is held up": {[]uint64{1, 2, 3}, func(f *fleet) { f.transfer(1, 2); f.at(3).hold = true }, func(f *fleet) {
			f.ticks(30)
			f.at(3).hold = false
		}},
		"the slow work of the others is held up": {[]uint64{1, 3}, func(f *fleet) { f.transfer(1, 1); f.at(1).hold = true }, func(f *fleet) {
			f.ticks(30)
			f.at(1).hold = false
		}},
		"its disk is full": {[]uint64{1, 2, 3}, func(f *fleet) {
			f.transfer(1, 2)
			f.at(3).full = true
			f.at(3).data.SetCapacity(0)
		}, func(f *fleet) {
			f.ticks(30)
			f.at(3).full = false
			f.at(3).data.SetCapacity(1 << 40)
		}},
	}
	graded.Test(t, graded.Claim{
		Text:   "a peer that was removed leaves no log, no data and no file on its store, and takes nothing of its neighbours",
		Source: "thesis §4.2; the contract of (*peer).destroy",
	}, func(t *graded.T) {
		for name, s := range sorted(settings) {
			for _, restarts := range []bool{false, true} {
				explaining(t, func() string {
					return fmt.Sprintf("a peer is removed; %s; its store is started again afterwards: %v", name, restarts)
				}, func() {
					f := newFleet(t, fleetConfig{stores: 3, members: s.members, maxLog: 3})
					f.fill("1", "a", "b", "m", "z")
					ids := []uint64{21, 22, 23}[:len(s.members)]
					f.split(1, "m", 20, ids...)
					f.ticks(5)
					s.prepare(f)
					f.remove(1, 3)
					if restarts {
						f.ticks(3)
						f.at(3).restart()
					}
					if s.finish != nil {
						s.finish(f)
					}
					f.fill("3", "a", "y")
					f.settled(1, 20)
					f.at(3).isFreeOf(1)
					f.remove(20, 3)
					f.settled(1, 20)
					f.at(3).isFreeOf(20)
					f.at(3).powerCut()
					f.settled(1, 20)
					f.close()
				})
			}
		}
	})
}

// TestPeerComesBackWithNewID3B removes a peer and adds one on the same store, again and
// again. The old one has heard of its removal or not, and was compacted away or not.
func TestPeerComesBackWithNewID3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store that had a peer can get a later one of the same region, also if the former has not heard of its removal",
		Source: "thesis §4.1; the contract of (*peer).meet",
	}, func(t *graded.T) {
		for _, maxLog := range []uint64{0, 3} {
			for _, hears := range []bool{true, false} {
				f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: maxLog})
				f.fill("1", "a", "b", "m", "z")
				for id := uint64(33); id < 36; id++ {
					if hears {
						f.remove(1, 3)
						f.ticks(20)
					} else {
						f.isolate(3)
						f.fill(fmt.Sprint(id), "a", "c")
						f.remove(1, 3)
					}
					f.add(1, id, 3)
					f.fill(fmt.Sprint(id), "b", fmt.Sprint("n", id))
					f.settled(1)
					if st, ok := f.peer(3, 1); !ok || st.PeerID != id {
						t.Fatalf("peer %d was added on store 3, which had one of the region before, but the store has none, or another one: %s", id, f.state())
					}
				}
				f.at(3).powerCut()
				f.settled(1)
				f.close()
			}
		}
	})
}

// TestFormerLifeHasNoEffect3B keeps all messages to a peer, removes it, and delivers them
// again: while no peer is on the store, after a restart, and when another peer is there.
func TestFormerLifeHasNoEffect3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a message for a peer that was removed creates nothing and changes nothing, also after a restart and in the life of a later peer",
		Source: "the contract of (*lobby).receive; thesis §4.2.3",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}, maxLog: 3})
		var old []*raftserverpb.RaftMessage
		keeps := true
		f.waits = func(m *raftserverpb.RaftMessage) bool {
			if keeps && m.ToPeer.StoreId == 3 && !slices.Contains(old, m) {
				old = append(old, m)
			}
			return false
		}
		f.fill("1", "a", "m", "z")
		f.isolate(3)
		f.fillMany()
		f.ticks(40)
		f.reconnect()
		f.ticks(20)
		f.transfer(1, 2)
		f.remove(1, 3)
		f.ticks(20)
		keeps = false
		kinds := map[eraftpb.MessageType]bool{}
		for _, m := range old {
			kinds[m.Message.GetMsgType()] = true
		}
		for _, kind := range []eraftpb.MessageType{eraftpb.MessageType_MsgAppend, eraftpb.MessageType_MsgHeartbeat, eraftpb.MessageType_MsgSnapshot} {
			require.True(t, kinds[kind], "a %v was sent to store 3", kind)
		}
		vote := &raftserverpb.RaftMessage{
			RegionId: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
			FromPeer: &metapb.Peer{Id: 2, StoreId: 2}, ToPeer: &metapb.Peer{Id: 3, StoreId: 3},
			Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: 2, To: 3, Term: 90, Index: 900, LogTerm: 89},
		}
		bye := &raftserverpb.RaftMessage{
			RegionId: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 2, Version: 1},
			FromPeer: vote.FromPeer, ToPeer: vote.ToPeer, IsTombstone: true,
		}
		again := func() {
			for _, m := range append(slices.Clone(old), vote, bye) {
				if snapshot := m.Message.GetSnapshot(); snapshot != nil {
					name := raftstore.SnapshotName(1, snapshot.Metadata)
					f.at(3).files.receive(name, []byte("of a snapshot for a former peer"))
				}
				f.at(3).Step(proto.CloneOf(m))
				f.at(3).work()
				if st, ok := f.peer(3, 1); ok && st.PeerID == 3 {
					t.Fatalf("peer 3 was removed from store 3, and its data were deleted. It is back because of a message for it from before: %v", m)
				}
				f.settle()
			}
		}
		f.settled(1)
		again()
		f.settled(1)
		f.at(3).powerCut()
		again()
		f.settled(1)
		f.at(3).isFreeOf(1)

		f.add(1, 33, 3)
		again() // to a peer that may have no data yet
		f.settled(1)
		again()
		f.fill("3", "b", "q")
		f.at(3).powerCut()
		again()
		f.settled(1)
		f.close()
	})
}

// TestOutdatedFarewellIsIgnored3B tells a member that it was removed, with an epoch that
// is not later than its own, and tells a peer about another one.
func TestOutdatedFarewellIsIgnored3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a member does not leave for a message that is for another peer, or older than its membership",
		Source: "raftserverpb.RaftMessage.is_tombstone; the contract of (*peer).meet",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2}})
		f.fill("1", "a", "m")
		f.add(1, 33, 3)
		f.settled(1)
		for _, m := range []struct{ confVer, peer uint64 }{{1, 33}, {2, 33}, {0, 33}, {9, 3}, {1, 3}} {
			f.at(3).Step(&raftserverpb.RaftMessage{
				RegionId: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: m.confVer, Version: 1},
				FromPeer: &metapb.Peer{Id: 1, StoreId: 1}, ToPeer: &metapb.Peer{Id: m.peer, StoreId: 3}, IsTombstone: true,
			})
			f.settle()
			if _, ok := f.peer(3, 1); !ok {
				t.Fatalf("peer 33 is a member since conf_ver 2. It has left, because of a farewell to peer %d at conf_ver %d", m.peer, m.confVer)
			}
		}
		f.settled(1)
		f.close()
	})
}

// TestRemovedPeersDoNotLead3B removes two of three peers that do not hear of it, and leaves
// them alone with each other. They were a majority once.
func TestRemovedPeersDoNotLead3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "peers that were removed elect no leader among themselves, and serve no read",
		Source: "thesis §4.1",
	}, func(t *graded.T) {
		for _, cut := range []bool{true, false} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			f.fill("1", "a", "m")
			f.transfer(1, 1)
			f.ticks(5)
			f.loses = func(m *raftserverpb.RaftMessage) bool {
				return m.ToPeer.StoreId == 3 || m.IsTombstone
			}
			f.remove(1, 3)
			f.remove(1, 2)
			if cut {
				f.isolate(1)
			}
			f.loses = func(m *raftserverpb.RaftMessage) bool {
				return m.FromPeer.StoreId == 1 || m.ToPeer.StoreId == 1 || m.IsTombstone
			}
			for range 80 {
				f.at(2).Tick()
				f.at(3).Tick()
				f.settle()
				for _, id := range []uint64{2, 3} {
					st, ok := f.peer(id, 1)
					if !ok {
						continue
					}
					if st.RaftState == raft.StateLeader {
						t.Fatalf("peer %d was removed, and leads the region: %s", st.PeerID, f.state())
					}
					a := f.at(id).submit("a read from a peer that was removed")
					f.settle()
					if len(a.results) > 0 && a.results[0].err == nil {
						t.Fatalf("%s is served", a.request)
					}
				}
			}
			f.loses = nil
			f.reconnect()
			f.at(2).asked, f.at(3).asked = nil, nil
			f.fill("2", "a", "n")
			f.settled(1)
			f.close()
		}
	})
}

// TestRemovedPeerStillVotes3B removes one of two peers, and loses its last messages: the
// one that stays has the removal in its log, and does not know that it is committed. It
// needs the vote of the one that is gone.
func TestRemovedPeerStillVotes3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that has applied its own removal votes for those who have not, until one of them has",
		Source: "thesis §4.2.2",
	}, func(t *graded.T) {
		for _, restarts := range []bool{false, true} {
			f := newFleet(t, fleetConfig{stores: 2, members: []uint64{1, 2}})
			f.fill("1", "a", "m")
			f.transfer(1, 1)
			f.ticks(5)
			// Store 2 gets the entry, and learns that it is committed, and store 1 loses its
			// power before it has written anything about that.
			f.at(1).hold = true
			a := f.ask(f.at(1), f.region(1), removes(2, 2))
			f.until("the removal", func() bool { return a.done })
			f.ticks(3)
			f.at(1).powerCut()
			f.at(1).hold = false
			if restarts {
				f.at(2).powerCut()
			}
			f.fill("2", "a", "n")
			f.settled(1)
			f.close()
		}
	})
}

// TestRemovedPeerAsksAllMembers3B removes a peer that hears the entry and no farewell. The
// members that it may ask are well but for one, each once.
func TestRemovedPeerAsksAllMembers3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that has applied its own removal asks for leave until a member answers, whichever member that is",
		Source: "the contract of (*peer).askToLeave",
	}, func(t *graded.T) {
		for _, dead := range []uint64{1, 2, 4} {
			f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3, 4}})
			f.fill("1", "a", "m")
			f.transfer(1, dead%2+1) // another one
			f.loses = func(m *raftserverpb.RaftMessage) bool { return m.IsTombstone || m.AsksToLeave }
			f.remove(1, 3)
			f.until("the removal at the peer that is removed", func() bool {
				st, ok := f.peer(3, 1)
				return ok && region.Peer(st.Region, 3) == nil
			})
			f.isolate(dead)
			f.loses = nil
			f.until(fmt.Sprintf("the end of peer 3, which has applied its removal; store %d is cut off, and the other members are well", dead), func() bool {
				_, ok := f.at(3).Status(1)
				return !ok
			})
			f.settled(1)
			f.close()
		}
	})
}

// TestNoFarewellAfterFailedSync3B removes a peer from a region whose leader cannot sync its
// kv engine. The removal may be gone after a crash, and then the leader needs the vote.
func TestNoFarewellAfterFailedSync3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a member tells a removed peer to go only when the removal is durable: a sync that has failed makes nothing durable",
		Source: "doc.go: What is durable when, 6; the contract of engine.SyncError",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 2, members: []uint64{1, 2}})
		f.fill("1", "a", "m")
		f.transfer(1, 1)
		f.ticks(5)
		s := f.at(1)
		s.mayGiveUp = true
		s.data.Inject(func(w memory.Write) memory.Fault {
			if w.Sync {
				return memory.Fault{Kind: memory.FailSync}
			}
			return memory.Fault{}
		})
		f.loses = func(m *raftserverpb.RaftMessage) bool {
			if m.IsTombstone && m.FromPeer.StoreId == 1 {
				t.Fatal("the kv engine of store 1 could not be synced. All the same, store 1 tells the peer on store 2 that it may go")
			}
			return false
		}
		f.ask(s, f.region(1), removes(2, 2))
		f.ticks(100)
		f.loses = nil
		s.lose(&powerCut{}, nil)
		s.data.Inject(func(w memory.Write) memory.Fault { return s.writesDisk(s.data, w) })
		s.restart()
		s.mayGiveUp = false
		f.fill("2", "a", "n")
		f.settled(1)
		f.close()
	})
}
